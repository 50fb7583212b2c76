"""A signed-in page of 25 companies beside a bare Tornado on the same core, and beside a blocking design that asks for every page."""

import asyncio
import http.client
import statistics
from collections.abc import Callable

from bench.book import Filled, filled
from bench.stage import CORES, Stage, cpu_seconds, free_port, in_turns, listening, port_of, ratio, until, wrk
from bench.table import Figure, rate

ROUNDS, SECONDS = 5, 2
WORKERS = 2
WANTED_KEPT, WANTED_ANEW, WANTED_OF_BLOCKING = 0.38, 0.17, 10.0
ROWS = "/companies/rows"
EACH_ANEW = f"""
    local n = 0
    request = function() n = n + 1; return wrk.format("GET", "{ROWS}?n=" .. n .. "-" .. os.time()) end
"""
"""A question that was not asked before, so that nothing can answer it from memory."""


def figures() -> list[Figure]:
    with Stage(HM_NEXUS_METRICS_PORT=str(free_port())) as stage, listening() as nexus, listening() as other:
        stage.environ["HM_NEXUS_PORT"] = str(port_of(nexus))
        known = asyncio.run(filled(stage))
        return [*beside_hello(stage, nexus, other, known), *beside_blocking(stage, nexus, other, known)]


def beside_hello(stage, nexus, other, known: Filled) -> list[Figure]:
    """One process of each on the same core, in turns; wrk has the other core. Counted is the time that the core spends on the process."""
    ours = stage.start(nexus, "-m", "nexus_srv", cores=CORES[:1])
    theirs = stage.start(other, "-m", "bench.hello", cores=CORES[:1])
    rows, hello = f"https://localhost:{port_of(nexus)}{ROWS}", f"https://localhost:{port_of(other)}/"
    wait_for(stage, port_of(nexus), "/readyz")
    wait_for(stage, port_of(other), "/")
    found = in_turns(
        ROUNDS,
        hello=lambda: a_core_second(theirs, hello),
        anew=lambda: a_core_second(ours, rows, headers=known.browser, script=EACH_ANEW),
        kept=lambda: a_core_second(ours, rows, headers=known.browser),
    )
    for process in (ours, theirs):
        stage.stop(process)
    return [
        compared("partial of 25 companies, made anew each time", found["anew"], found["hello"], "bare hello", WANTED_ANEW),
        compared("partial of 25 companies, directory unchanged", found["kept"], found["hello"], "bare hello", WANTED_KEPT),
    ]


def a_core_second(process, url, headers=None, script="") -> float:
    """Answers in a second of a core's time."""
    before = cpu_seconds(process.pid)
    answered = wrk(url, headers=headers or {}, seconds=SECONDS, script=script)
    return answered / (cpu_seconds(process.pid) - before)


def beside_blocking(stage, nexus, other, known: Filled) -> list[Figure]:
    """Two processes of each on all cores, in turns; the blocking ones ask ours for their rows. Counted is what all processes of a design
    spend on an answer."""
    started = [stage.start(nexus, "-m", "nexus_srv") for _ in range(WORKERS)]
    workers = [stage.start(other, "-m", "bench.blocking") for _ in range(WORKERS)]
    ours, blocking = f"https://localhost:{port_of(nexus)}{ROWS}", f"https://localhost:{port_of(other)}{ROWS}"
    wait_for(stage, port_of(nexus), "/readyz")
    wait_for(stage, port_of(other), ROWS, known.program)
    by_clock: dict[str, list[float]] = {"kept": [], "anew": [], "blocking": []}

    def asked(name: str, url: str, processes, **options) -> float:
        before = [cpu_seconds(one.pid) for one in processes]
        answered = wrk(url, seconds=SECONDS, core=None, **options)
        by_clock[name].append(answered / SECONDS)
        return answered / sum(cpu_seconds(one.pid) - was for one, was in zip(processes, before, strict=True))

    found = in_turns(
        ROUNDS,
        kept=lambda: asked("kept", ours, started, headers=known.browser),
        anew=lambda: asked("anew", ours, started, headers=known.browser, script=EACH_ANEW),
        blocking=lambda: asked("blocking", blocking, [*started, *workers], headers=known.program),
    )
    for process in (*started, *workers):
        stage.stop(process)
    flask = "Flask + requests, 2 workers"
    return [
        compared("the same page against a blocking design, by CPU", found["kept"], found["blocking"], flask, WANTED_OF_BLOCKING),
        compared("  made anew each time, by CPU", found["anew"], found["blocking"], flask, None),
        compared("  unchanged, by the clock", by_clock["kept"], by_clock["blocking"], flask, None),
    ]


def compared(work: str, ours: list[float], theirs: list[float], name: str, wanted: float | None) -> Figure:
    beside = f"{rate(statistics.median(theirs))} {name}"
    return Figure(work, ratio(ours, theirs), wanted, "x", measured=rate(statistics.median(ours)), beside=beside)


def wait_for(stage: Stage, port: int, path: str, headers: dict[str, str] | None = None) -> float:
    """Until the address answers 200; seconds."""
    return until(answers(stage, port, path, headers or {}))


def answers(stage: Stage, port: int, path: str, headers: dict[str, str]) -> Callable[[], bool]:
    def asked() -> bool:
        connection = http.client.HTTPSConnection("localhost", port, context=stage.tls, timeout=5)
        try:
            connection.request("GET", path, headers=headers)
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    return asked
