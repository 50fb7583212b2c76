"""Logs: a line for each request and each event, as JSON or readable, with the request's id and W3C trace in it."""

import asyncio
import contextvars
import linecache
import logging
import re
import sys
import threading
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

import msgspec
from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

from hmlib import metrics
from hmlib.clock import new_id

MAX_LINE = 2048
MAX_VALUE = 300
MOST_LINES = 200
LONGEST_WAIT_SECONDS = 0.05
TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")
LOG = logging.getLogger("hm")
HEALTH_PATHS = ("/healthz", "/readyz")


@dataclass(frozen=True)
class Trace:
    """Which request a line is about: our id of it, and its place in a trace that may span services (W3C traceparent)."""

    request_id: str
    trace_id: str
    span_id: str
    flags: str

    def headers(self) -> dict[str, str]:
        """What an outgoing call carries, so that its log lines can be found from ours."""
        return {"traceparent": f"00-{self.trace_id}-{self.span_id}-{self.flags}"}


CURRENT: contextvars.ContextVar[Trace | None] = contextvars.ContextVar("trace", default=None)


def trace_of(request: HTTPServerRequest) -> Trace:
    """The request's trace, begun at its first call, from then on the current one of this task.

    An incoming ``traceparent`` names the trace; the request's id is always our own, so nobody can forge log lines' ids. A trace
    that begins here bears the id's number, and the span its second half, which is random.
    """
    known: Trace | None = request.__dict__.get("hm_trace")
    if known is None:
        match = TRACEPARENT.fullmatch(request.headers.get("traceparent", ""))
        request_id = new_id()
        number = request_id.replace("-", "")
        trace_id, flags = match.groups() if match else (number, "01")
        known = request.__dict__["hm_trace"] = Trace(request_id, trace_id, number[16:], flags)
    CURRENT.set(known)
    return known


def outgoing() -> dict[str, str]:
    """Headers for a call made while a request is answered; empty outside one."""
    current = CURRENT.get()
    return current.headers() if current else {}


def event(name: str, /, level: int = logging.INFO, **fields: object) -> None:
    """Log that something happened. ``name`` is fixed text; what varies goes into ``fields``, never a secret or a body."""
    LOG.log(level, name, extra={"fields": fields})


def log_request(handler: RequestHandler) -> None:
    """Tornado's log_function: one line for an answered request, and its figures. A balancer's good health checks get no line."""
    request, status = handler.request, handler.get_status()
    seconds, route, method = request.request_time(), route_of(handler), metrics.method_of(request.method)
    counter, histogram = metrics.of_requests(route, method, status)
    counter.inc()
    histogram.observe(seconds)
    if request.path in HEALTH_PATHS and status == 200:
        return
    trace_of(request)
    caller = getattr(handler, "caller", None)
    fields: dict[str, object] = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1)}
    fields["address"] = request.remote_ip
    if caller is not None:
        fields |= {"user": caller.id, "sid": (caller.sid or "")[:8]}
    event("request", logging.ERROR if status >= 500 else logging.INFO, **fields)


def log_exception(
    handler: RequestHandler, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
) -> None:
    """What a handler's log_exception should do: where an unexpected error came from, without the request's address or data."""
    trace_of(handler.request)
    metrics.ERRORS.labels(route_of(handler)).inc()
    event("unhandled error", logging.ERROR, error=named(error), where=frames(trace), route=route_of(handler))


def route_of(handler: RequestHandler) -> str:
    """The handler's name, as the figures have it."""
    return metrics.route_of(type(handler))


def named(error: BaseException | None) -> str:
    """An error's kind; its words only where the system wrote them, as others may quote what a person sent."""
    kind = type(error).__name__
    return f"{kind}: {error.strerror}" if isinstance(error, OSError) and error.strerror else kind


def frames(trace: TracebackType | None) -> list[str]:
    """The innermost places of a traceback, without values."""
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)[-8:]]


def configure(service: str, style: str, stream: TextIO | None = None) -> None:
    """Send every log line of this process to ``stream`` (standard output). ``style``: json, text, or auto (text on a terminal)."""
    out = stream or sys.stdout
    readable = style == "text" or (style == "auto" and out.isatty())
    handler = logging.StreamHandler(out) if readable else Batches(out)
    handler.setFormatter(Readable() if readable else JsonLines(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # no line names them
    logging.captureWarnings(True)
    threading.excepthook, sys.unraisablehook = _thread_ended, _could_not_raise


def _thread_ended(end: threading.ExceptHookArgs) -> None:
    """Python would print the error's words, which may quote what a person sent; a thread that asked to end says nothing, as ever."""
    if not issubclass(end.exc_type, SystemExit):
        metrics.ERRORS.labels("thread").inc()
        event("a thread was ended by an error", logging.ERROR, error=named(end.exc_value), where=frames(end.exc_traceback))


def _could_not_raise(lost: "sys.UnraisableHookArgs") -> None:
    """An error in a finaliser or a callback of C, which Python would print with its words and the object."""
    metrics.ERRORS.labels("lost").inc()
    event("an error could not be raised", logging.ERROR, error=named(lost.exc_value), where=frames(lost.exc_traceback))


class Batches(logging.StreamHandler[TextIO]):
    """Writes lines together: the reader at the other end of the pipe pays for each write.

    A line waits at most 50 ms, or until 200 have come together; a warning or worse is written at once, with all before it, and so
    is what is logged outside the event loop or is left when the process ends.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None  # the one that will write what waits

    def emit(self, record: logging.LogRecord) -> None:
        """Take one line in; write when it is time."""
        self._lines.append(self.format(record) + "\n")
        if record.levelno >= logging.WARNING or len(self._lines) >= MOST_LINES or not self._later():
            self.flush()

    def flush(self) -> None:
        """Write what waits. Lines that nobody takes (the reader has gone, its disk is full) are counted and let go."""
        self.acquire()
        try:
            lines, self._lines, self._loop = self._lines, [], None
            if lines:
                self.stream.write("".join(lines))
                self.stream.flush()
        except OSError:
            metrics.ERRORS.labels("log").inc()
        finally:
            self.release()

    def _later(self) -> bool:
        """Whether an event loop of this thread will write; it is asked to when it is not yet."""
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            return False
        if self._loop is not running:
            self._loop = running
            running.call_later(LONGEST_WAIT_SECONDS, self.flush)
        return True


class JsonLines(logging.Formatter):
    """One JSON object a line, at most 2 kB."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line; over 2 kB its fields are left out, and it says so."""
        head = {
            "time": written_at(record),
            "level": record.levelname.lower(),
            "service": self._service,
            "event": said(record),
        }
        line = msgspec.json.encode(head | fields_of(record))
        if len(line) > MAX_LINE:
            line = msgspec.json.encode(head | {"cut": len(line)})
        return line.decode()


class Readable(logging.Formatter):
    """Lines for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, event, and the fields as name=value; control characters escaped."""
        fields = " ".join(f"{name}={value!r}" if isinstance(value, str) else f"{name}={value}" for name, value in fields_of(record).items())
        text = said(record).encode("unicode_escape").decode()
        return f"{written_at(record)[11:23]} {record.levelname:<7} {text} {fields}"[:MAX_LINE]


def said(record: logging.LogRecord) -> str:
    """A record's words; of other libraries' only the fixed part, as they quote what was sent (Tornado a whole cookie)."""
    if record.name == LOG.name:
        return _short(record.getMessage())
    return "unhandled error" if record.exc_info else _fixed(record)


def _fixed(record: logging.LogRecord) -> str:
    """What a library says before anything is put into it: words that stand in its own source, else only the place they come from."""
    words = record.msg
    if isinstance(words, str) and 5 < len(words) <= MAX_VALUE and words in "".join(linecache.getlines(record.pathname)):
        return words
    return f"{record.filename}:{record.lineno} {record.funcName}"


def written_at(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """What a line says beyond its event: the request's ids, the event's fields, and an exception's places."""
    current = CURRENT.get()
    fields: dict[str, Any] = {} if current is None else {"request_id": current.request_id, "trace_id": current.trace_id}
    fields |= {name: _plain(value) for name, value in getattr(record, "fields", {}).items()}
    if record.exc_info and record.exc_info[1] is not None:
        fields |= {"error": named(record.exc_info[1]), "where": frames(record.exc_info[2])}
    if record.name != LOG.name:
        fields["logger"] = record.name
    return fields


def _plain(value: object) -> object:
    if isinstance(value, list):
        return [_plain(item) for item in value[:20]]
    return value if isinstance(value, (int, float, bool)) or value is None else _short(str(value))


def _short(text: str) -> str:
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"
