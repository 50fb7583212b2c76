"""A page of 25 companies from the suite as people run it (`hm up`) beside one bare Tornado, and how evenly its processes work."""

import asyncio
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping

from bench.book import Filled, filled
from bench.measures.pages import EACH_ANEW, ROWS, wait_for
from bench.stage import ROOT, Stage, cpu_seconds, free_port, in_turns, listening, port_of, ratio, wrk
from bench.table import Figure, rate
from hmlib.processes.operations import Suite

ROUNDS, SECONDS, CONNECTIONS = 8, 3, 32
WANTED_OF_HELLO, LEAST_SHARE = 0.50, 0.7
NAMED = {"kept": "directory unchanged", "anew": "made anew", "gzip": "unchanged, gzip"}
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
    spent: dict[str, list[float]] = {"kept": [], "anew": [], "gzip": [], "hello": []}
    packed = {**known.browser, "Accept-Encoding": "gzip"}

    def asked(name: str, url: str, processes: list[int], **options) -> float:
        before = [cpu_seconds(pid) for pid in processes]
        answered = wrk(url, seconds=SECONDS, connections=CONNECTIONS, core=None, **options)
        used = [cpu_seconds(pid) - was for pid, was in zip(processes, before, strict=True)]
        spent[name].append(sum(used) / answered)
        if name != "hello":
            shares.append(min(used) / max(used))
        return answered / SECONDS

    found = in_turns(
        ROUNDS,
        hello=lambda: asked("hello", hello, [bare.pid], headers={}),
        kept=lambda: asked("kept", rows, pids, headers=known.browser),
        anew=lambda: asked("anew", rows, pids, headers=known.browser, script=EACH_ANEW),
        gzip=lambda: asked("gzip", rows, pids, headers=packed),
    )
    beside = f"{rate(statistics.median(found['hello']))} one bare hello"
    lines = []
    for name, wanted in (("kept", WANTED_OF_HELLO), ("anew", None), ("gzip", None)):
        work = f"partial of 25 companies, {NAMED[name]}, under hm up"
        lines.append(
            Figure(work, ratio(found[name], found["hello"]), wanted, "x", measured=rate(statistics.median(found[name])), beside=beside)
        )
        ours, theirs = statistics.median(spent[name]) * 1e6, statistics.median(spent["hello"]) * 1e6
        by_cpu = ratio(spent["hello"], spent[name])
        lines.append(Figure("  CPU per request", by_cpu, None, "x", measured=f"{ours:.0f} us", beside=f"{theirs:.0f} us"))
    lines.append(Figure("the less busy process beside the other, worst round", min(shares), LEAST_SHARE, "x"))
    return lines
