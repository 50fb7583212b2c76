"""A page of 25 companies from the suite as people run it (`hm up`) beside one bare Tornado, and how evenly its processes work."""

import asyncio
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.book import Filled, filled
from bench.measures.pages import EACH_ANEW, ROWS, wait_for
from bench.stage import ROOT, Stage, free_port, in_turns, listening, port_of, ratio, wrk
from bench.table import Figure, rate
from hmlib.processes.operations import Suite

ROUNDS, SECONDS, CONNECTIONS = 8, 3, 32
WANTED_OF_HELLO, MOST_UNEVEN = 0.45, 1.4
PORTS = ("NEXUS_PORT", "WIKI_PORT", "TREASURY_PORT", "NEXUS_METRICS_PORT", "WIKI_METRICS_PORT", "TREASURY_METRICS_PORT")


def figures() -> list[Figure]:
    ports = {f"HM_{name}": str(free_port()) for name in PORTS}
    with Stage(**ports, HM_TLS="on") as stage, listening() as other:
        environ = {**os.environ, "PYTHONPATH": str(ROOT), **stage.environ}
        hm(environ, "init")
        known = asyncio.run(filled(stage))
        hm(environ, "up", "--detach")
        try:
            return measured(stage, other, known, Suite(environ))
        finally:
            hm(environ, "down")


def hm(environ: Mapping[str, str], *arguments: str) -> None:
    command = [sys.executable, "-c", "from hmlib.cli.main import main; main()", *arguments]
    subprocess.run(command, env=dict(environ), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def measured(stage: Stage, other, known: Filled, suite: Suite) -> list[Figure]:
    bare = stage.start(other, "-m", "bench.hello")
    rows = f"https://localhost:{suite.services['nexus'].port}{ROWS}"
    hello = f"https://localhost:{port_of(other)}/"
    wait_for(stage, port_of(other), "/")
    pids = [process.pid for process in suite.processes() if process.group == "nexus"]
    shares: list[float] = []
    spent: dict[str, list[float]] = {"kept": [], "anew": [], "hello": []}

    def asked(name: str, url: str, processes: list[int], **options) -> float:
        before = [cpu_seconds(pid) for pid in processes]
        answered = wrk(url, seconds=SECONDS, connections=CONNECTIONS, core=None, **options)
        used = [cpu_seconds(pid) - was for pid, was in zip(processes, before, strict=True)]
        spent[name].append(sum(used) / answered)
        if name != "hello":
            shares.append(max(used) / min(used))
        return answered / SECONDS

    found = in_turns(
        ROUNDS,
        hello=lambda: asked("hello", hello, [bare.pid], headers={}),
        kept=lambda: asked("kept", rows, pids, headers=known.browser),
        anew=lambda: asked("anew", rows, pids, headers=known.browser, script=EACH_ANEW),
    )
    beside = f"{rate(statistics.median(found['hello']))} one bare hello"
    lines = []
    for name, wanted in (("kept", WANTED_OF_HELLO), ("anew", None)):
        work = f"partial of 25 companies, {name}, under hm up"
        lines.append(
            Figure(work, ratio(found[name], found["hello"]), wanted, "x", measured=rate(statistics.median(found[name])), beside=beside)
        )
        ours, theirs = statistics.median(spent[name]) * 1e6, statistics.median(spent["hello"]) * 1e6
        by_cpu = ratio(spent["hello"], spent[name])
        lines.append(Figure("  CPU per request", by_cpu, None, "x", measured=f"{ours:.0f} us", beside=f"{theirs:.0f} us"))
    lines.append(Figure("the busier process beside the other, worst of the rounds", max(shares), MOST_UNEVEN, "times", at_most=True))
    return lines


def cpu_seconds(pid: int) -> float:
    """The time that cores have spent on a process, to the nanosecond."""
    return sum(int(Path(task, "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9
