"""What a log line holds, and what it never does."""

import asyncio
import inspect
import io
import json
import logging
import subprocess
import sys

import pytest
from tornado import http1connection
from tornado.httputil import HTTPHeaders, HTTPInputError, HTTPServerRequest, RequestStartLine

from hmlib import logs, metrics

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def written():
    """What the process writes as JSON lines; the loggers are put back afterwards."""
    root, out = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    logs.configure("wiki", "json", out)
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    logging.captureWarnings(False)
    root.handlers[:], root.level = handlers, level
    logs.CURRENT.set(None)


def request(traceparent=None):
    headers = HTTPHeaders({"Host": "localhost"} | ({"traceparent": traceparent} if traceparent else {}))
    return HTTPServerRequest(headers=headers, start_line=RequestStartLine("GET", "/", "HTTP/1.1"))


def test_an_event_is_one_json_object(written):
    logs.event("ready", port=5003, failed=["a", "b"])
    line = written()[0]
    assert (line["level"], line["service"], line["event"], line["port"], line["failed"]) == ("info", "wiki", "ready", 5003, ["a", "b"])
    assert line["time"].endswith("Z") and len(line["time"]) == 27


def test_a_line_cannot_be_forged(written):
    logs.event("said", text='x"}\n{"level":"error","event":"forged"}')
    assert len(written()) == 1 and written()[0]["text"].startswith('x"}\n')


def test_a_line_has_at_most_2_kb(written):
    logs.event("long", **{f"field{n}": "x" * 5000 for n in range(20)})
    logs.event("long", text="ü" * 5000)
    assert [line["event"] for line in written()] == ["long", "long"]
    assert max(len(json.dumps(line).encode()) for line in written()) < 2600
    assert len(written()[1]["text"]) <= 300


def test_an_exception_shows_its_kind_and_places_but_not_its_words(written):
    try:
        raise ValueError("password is hunter2")
    except ValueError:
        logging.getLogger("tornado.application").exception("Uncaught exception GET /?code=%s", "abc123")
    line = written()[0]
    assert (line["event"], line["error"]) == ("unhandled error", "ValueError")
    assert any("test_logs.py" in place for place in line["where"])
    assert "hunter2" not in json.dumps(line) and "abc123" not in json.dumps(line)


def test_what_the_system_says_of_a_file_is_shown(written):
    assert logs.named(OSError(28, "No space left on device")) == "OSError: No space left on device"
    assert logs.named(None) == "NoneType"


def test_a_trace_that_comes_in_goes_on(written):
    trace = logs.trace_of(request(PARENT))
    assert trace.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    parent = logs.outgoing()["traceparent"]
    assert logs.TRACEPARENT.fullmatch(parent) and trace.trace_id in parent and "00f067aa0ba902b7" not in parent
    logs.event("inside")
    assert (written()[0]["trace_id"], written()[0]["request_id"]) == (trace.trace_id, trace.request_id)


@pytest.mark.parametrize("wrong", ["", "x", PARENT.upper(), PARENT + "-more", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "ff" + PARENT[2:]])
def test_a_wrong_trace_begins_a_new_one(wrong):
    first, second = logs.trace_of(request(wrong)), logs.trace_of(request(wrong))
    assert first.trace_id != second.trace_id and len(first.trace_id) == 32
    logs.CURRENT.set(None)


def test_a_request_keeps_its_id():
    asked = request()
    assert logs.trace_of(asked) is logs.trace_of(asked)
    assert logs.trace_of(asked).request_id != logs.trace_of(request()).request_id
    logs.CURRENT.set(None)


def test_outside_a_request_nothing_is_carried_on():
    assert logs.outgoing() == {}


def test_on_a_terminal_lines_are_for_people():
    record = logging.LogRecord("hm", logging.INFO, "", 0, "request", (), None)
    record.fields = {"status": 200, "route": "articles.ArticlePage"}
    assert logs.Readable().format(record).endswith("INFO    request status=200 route='articles.ArticlePage'")
    record.msg = "one\ntwo\x1b[31m"
    assert "\n" not in logs.Readable().format(record) and "\x1b" not in logs.Readable().format(record)


class Pipe(io.StringIO):
    """Counts how often it is written to."""

    writes = 0

    def write(self, text):
        self.writes += 1
        return super().write(text)


def batched(work):
    """Run ``work`` in an event loop, with a logger of its own; what was written, and in how many writes, when it ends."""
    pipe = Pipe()
    logger = logging.Logger("alone")
    logger.addHandler(logs.Batches(pipe))
    found = asyncio.run(work(logger, pipe))
    return pipe, found


def test_lines_are_written_together_and_wait_a_moment_only():
    async def work(logger, pipe):
        for number in range(150):
            logger.info("line %s", number)
        waiting = pipe.writes
        await asyncio.sleep(logs.LONGEST_WAIT_SECONDS * 2)
        return waiting

    pipe, waiting = batched(work)
    assert (waiting, pipe.writes) == (0, 1)
    assert pipe.getvalue().splitlines() == [f"line {number}" for number in range(150)]


def test_a_warning_is_written_at_once_with_all_before_it():
    async def work(logger, pipe):
        logger.info("before")
        logger.warning("now")
        return pipe.getvalue()

    assert batched(work)[1] == "before\nnow\n"


def test_so_many_lines_do_not_wait():
    async def work(logger, pipe):
        for number in range(logs.MOST_LINES):
            logger.info("line %s", number)
        return pipe.getvalue().count("\n")

    assert batched(work)[1] == logs.MOST_LINES


def test_without_an_event_loop_a_line_is_written_at_once():
    pipe = Pipe()
    logger = logging.Logger("alone")
    logger.addHandler(logs.Batches(pipe))
    logger.info("said")
    assert pipe.getvalue() == "said\n"


def test_what_waits_is_written_when_the_process_ends():
    program = """
import asyncio
from hmlib import logs

async def say():
    logs.event("last words")

logs.configure("wiki", "json")
asyncio.run(say())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["event"] == "last words"


def test_a_reader_that_has_gone_stops_nobody():
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError(32, "Broken pipe")

    logger = logging.Logger("alone")
    logger.addHandler(logs.Batches(Closed()))
    logger.warning("nobody hears this")
    before = metrics.ERRORS.labels("log")._value.get()
    logger.warning("nor this")
    assert metrics.ERRORS.labels("log")._value.get() == before + 1


SECRET = "nothing-but-hunter2"
LIBRARIES = (
    "tornado.general",
    "tornado.access",
    "tornado.application",
    "asyncio",
    "aiosqlite",
    "asyncpg",
    "py.warnings",
    "concurrent.futures",
)


@pytest.mark.parametrize("library", LIBRARIES)
def test_n193_other_libraries_lines_keep_their_fixed_part_only(written, library):
    logger = logging.getLogger(library)
    logger.warning("A cookie %r from %s cannot be read", SECRET, "10.0.0.1")
    logger.warning("A cookie " + SECRET)
    logger.warning(f"error on read: {SECRET} %s", "x")
    logger.error(ValueError(SECRET))
    lines = written()
    assert SECRET not in json.dumps(lines)
    assert lines[0]["event"] == "A cookie %r from %s cannot be read"
    assert all(line["event"].startswith("test_logs.py:") for line in lines[1:])


def test_n193_tornados_own_line_about_a_request_it_cannot_read(written):
    """Its words, which tell an operator what it was about, and none of the request's."""
    try:
        parse_line(f"Cookie: session={SECRET}\x01")
    except HTTPInputError as error:
        line = inspect.getsource(http1connection).partition("Malformed HTTP message")[0].count("\n") + 1
        record = logging.LogRecord(
            "tornado.general", logging.INFO, http1connection.__file__, line, "Malformed HTTP message from %s: %s", ("10.0.0.1", error), None
        )
    assert SECRET in record.getMessage()  # the control: this is what it would have said
    logging.getLogger("tornado.general").handle(record)
    assert written()[0]["event"] == "Malformed HTTP message from %s: %s"
    assert SECRET not in json.dumps(written())


def test_n193_what_ends_a_thread_or_cannot_be_raised_is_told_without_its_words():
    """In a process of its own, as pytest has hooks of its own here. Without ours Python prints both, words and all, to stderr."""
    program = f"""
import sys, threading
from hmlib import logs

class Dropped:
    def __del__(self):
        raise ValueError("{SECRET}")

def work():
    raise ValueError("{SECRET}")

if sys.argv[1] == "ours":
    logs.configure("wiki", "json")
threads = [threading.Thread(target=work), threading.Thread(target=sys.exit)]
for thread in threads:
    thread.start()
    thread.join()
Dropped()
"""
    plain, ours = (
        subprocess.run([sys.executable, "-c", program, which], capture_output=True, text=True, check=True) for which in ("plain", "ours")
    )
    assert plain.stderr.count(SECRET) >= 2  # the control
    assert SECRET not in ours.stdout + ours.stderr and not ours.stderr
    lines = [json.loads(line) for line in ours.stdout.splitlines()]
    assert [(line["event"], line["error"]) for line in lines] == [
        ("a thread was ended by an error", "ValueError"),
        ("an error could not be raised", "ValueError"),
    ]
    assert lines[0]["where"][-1].endswith("work")


def parse_line(text):
    HTTPHeaders.parse(text + "\r\n")
