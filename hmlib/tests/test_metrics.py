"""The figures of several processes add up, and survive a restart in the same slot."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

from hmlib import metrics

ROOT = Path(__file__).parent.parent.parent
COUNT = """
import sys
from pathlib import Path
from hmlib import metrics
folder, slot, times = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
files = metrics.share(folder, slot)
for _ in range(times):
    metrics.SIGN_INS.labels("ok").inc()
    metrics.REQUEST_SECONDS.labels("here").observe(0.02)
metrics.BUSY.labels("requests").set(times)
print(metrics.exposition(files).decode())
"""


def counted(folder, slot, times):
    command = [sys.executable, "-c", COUNT, str(folder), slot, str(times)]
    text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in lines.items()}


def test_processes_add_up_and_count_on_after_a_restart(tmp_path):
    counted(tmp_path, "00", 3)
    counted(tmp_path, "01", 4)
    seen = counted(tmp_path, "00", 5)
    assert seen['hm_sign_ins_total{result="ok"}'] == 12
    assert seen['hm_request_seconds_count{route="here"}'] == 12
    assert seen['hm_request_seconds_bucket{le="0.025",route="here"}'] == 12
    assert seen['hm_busy{what="requests"}'] == 9  # what is going on now, so the first life of slot 00 does not count


def test_a_file_cut_short_is_dropped_and_counting_begins_anew(tmp_path):
    counted(tmp_path, "00", 3)
    for file in tmp_path.glob("counter_*.db"):
        file.write_bytes(file.read_bytes()[:20])
    assert counted(tmp_path, "00", 2)['hm_sign_ins_total{result="ok"}'] == 2


def test_a_process_alone_counts_for_itself():
    metrics.SIGN_INS.labels("alone").inc()
    assert b'hm_sign_ins_total{result="alone"} 1.0' in metrics.exposition(None)


def labels_given():
    """The source text of what is given to every `.labels(` of the figures, where it is no constant."""
    figures = {name for name, kind in vars(metrics).items() if isinstance(kind, MetricWrapperBase)}
    files = [file for name in ("hmlib", "nexus_srv", "treasury_srv", "wiki_srv") for file in (ROOT / name).rglob("*.py")]
    for file in files:
        if "tests" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and re.search(r"\b({})\.labels$".format("|".join(figures)), ast.unparse(node.func)):
                yield from (ast.unparse(value) for value in node.args if not constant(value))


def constant(value):
    """Whether it is written there: a text, a constant by its name, or one of two such."""
    if isinstance(value, ast.IfExp):
        return constant(value.body) and constant(value.orelse)
    return isinstance(value, ast.Constant) or (isinstance(value, ast.Name) and value.id.isupper())


BOUNDED = {
    "db.dialect": "sqlite or postgresql",
    "route_of(handler)": "the classes of our handlers",
    "route": "what route_of() gave",
    "method": "what method_of() gave",
    "result_of(status)": "the statuses that HTTP knows",
    "metrics.result_of(answer.code)": "the same",
    "RESULTS[type(refusal)]": "a table of four",
    "result": "what became of a message in the outbox: taken, down or refused",
    "of.kind": "the kinds of job that a service lists",
    "job.kind": "the same",
    "ending.job.kind": "the same",
    "ending.state": "waiting, done, failed or cancelled",
    "kind.name": "the kinds of message that a service lists",
    "name": "the same",
}


def test_n186_every_label_comes_from_a_list_of_our_own():
    assert set(labels_given()) <= BOUNDED.keys()


SMALLEST_DISK = """
import sys
from pathlib import Path
from hmlib import metrics
folder = Path(sys.argv[1])
files = metrics.share(folder, "00")
metrics.SIGN_INS.labels("first").inc()
files.write()
(folder / "rest").open("wb", buffering=0).write(b"x" * 20_000_000)
for number in range(2000):  # far more than the file had
    metrics.REQUEST_SECONDS.labels(f"route {number}").observe(0.02)
try:
    files.write()
    print("written")
except OSError as error:
    print(error.strerror)
print('result="first"} 1.0' in metrics.exposition(files).decode())
(folder / "rest").unlink()
files.write()
print('route="route 1999"' in metrics.exposition(files).decode())
"""


def test_a_full_disk_costs_figures_and_not_the_process(small_disk):
    command = [sys.executable, "-c", SMALLEST_DISK, str(small_disk(12))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()) == (0, ["No space left on device", "True", "True"]), done.stderr


@pytest.mark.gen_test(timeout=60)
async def test_n186_made_up_methods_hosts_and_agents_are_no_labels(http_client, base_url, stranger):
    def series():
        return {line.rpartition(" ")[0] for line in metrics.exposition(None).decode().splitlines() if not line.startswith("#")}

    async def ask(number):
        told = {"User-Agent": f"agent-{number}", "X-Forwarded-Host": f"{number}.example", "Origin": f"https://{number}.example"}
        method = f"A{number}" * (3000 // len(f"A{number}"))
        paths = (f"/made-up-{number}", f"/static/{number}", f"/api/{number}", "/", "/api/notes", "/login", "/healthz", "/csp-report")
        for path in paths:
            await stranger.send(path, method, None, told)
            await stranger.send(path, "GET", None, told | {"Host": f"h{number}.example"})

    await ask(0)
    before = series()
    for number in range(1, 40):
        await ask(number)
    assert series() == before
    assert any('method="other"' in name for name in before)


LOSE = (
    COUNT
    + """
import shutil
shutil.rmtree(folder)
metrics.SIGN_INS.labels("ok").inc()
print("again")
print(metrics.exposition(files).decode())
"""
)


def test_n196_figures_whose_folder_is_gone_are_written_anew_and_whole(tmp_path):
    command = [sys.executable, "-c", LOSE, str(tmp_path / "wiki"), "00", "300"]
    text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    before, after = text.split("again\n")
    assert 'hm_sign_ins_total{result="ok"} 300.0' in before and 'hm_sign_ins_total{result="ok"} 301.0' in after
    assert "hm_request_seconds_count" in after and len(after.splitlines()) == len(before.splitlines())


def test_a_disk_that_was_full_from_the_first_moment_leaves_a_process_its_own_figures(tmp_path):
    (tmp_path / "folder").write_text("a file stands where the folder would be, so that nothing can be written")
    seen = counted(tmp_path / "folder", "00", 3)
    assert seen['hm_sign_ins_total{result="ok"}'] == 3
