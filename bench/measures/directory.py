"""The directory in bulk: a list of 1,000 companies beside json alone, the billing summary of a whole book, and importing that book."""

import asyncio
import json
import statistics
import time
import urllib.request
from pathlib import Path

from bench.book import Filled, filled
from bench.measures.pages import a_core_second, wait_for
from bench.stage import CORES, Stage, free_port, in_turns, listening, port_of, ratio
from bench.table import Figure, rate
from hmlib.tables import files
from nexus_srv.directory.import_columns import COLUMNS

ROUNDS = 3
WANTED_OF_JSON, IMPORT_SECONDS, READ_SECONDS, SUMMARY_SECONDS = 0.5, 30, 2, 2
MANY = "/api/companies?limit=1000"
EACH_ANEW = f"""
    local n = 0
    request = function()
        n = (n + 1) % 1000000
        return wrk.format("GET", "{MANY}&updated_since=" .. os.date("!2000-%m-%dT%H:%M:%S") .. string.format(".%06dZ", n))
    end
"""


def figures() -> list[Figure]:
    with Stage(HM_NEXUS_METRICS_PORT=str(free_port())) as stage, listening() as nexus:
        stage.environ["HM_NEXUS_PORT"] = str(port_of(nexus))
        known = asyncio.run(filled(stage))
        imported = Figure("import of 1,000 + 8,000 + 20,000 rows", known.import_seconds, IMPORT_SECONDS, "s", at_most=True)
        return [imported, reading(stage.home / "book" / "assets.csv"), *answers(stage, nexus, known)]


def reading(file: Path) -> Figure:
    """How long the assets of the book take to become rows of checked values, of a core's time."""
    raw, seconds = file.read_bytes(), []
    for _ in range(ROUNDS):
        began = time.process_time()
        rows = files.read(raw, file.name, COLUMNS["assets"]).rows
        seconds.append(time.process_time() - began)
    return Figure(f"reading a CSV of {len(rows):,} rows", statistics.median(seconds), READ_SECONDS, "s", at_most=True)


def answers(stage: Stage, nexus, known: Filled) -> list[Figure]:
    process = stage.start(nexus, "-m", "nexus_srv", cores=CORES[:1])
    base = f"https://localhost:{port_of(nexus)}"
    wait_for(stage, port_of(nexus), "/readyz")
    rows = json.loads(fetched(stage, known, base + MANY))
    assert len(rows) == 1000
    began = time.perf_counter()
    book = json.loads(fetched(stage, known, f"{base}/api/billing_summary"))["companies"]
    summary = time.perf_counter() - began
    assert len(book) == 1000
    found = in_turns(
        ROUNDS,
        alone=lambda: encodings(rows),
        anew=lambda: a_core_second(process, base + MANY, headers=known.program, script=EACH_ANEW),
        kept=lambda: a_core_second(process, base + MANY, headers=known.program),
    )
    return [
        compared("list of 1,000 companies, made anew each time", found["anew"], found["alone"]),
        compared("list of 1,000 companies, directory unchanged", found["kept"], found["alone"]),
        Figure("billing summary of the whole book, made anew", summary, SUMMARY_SECONDS, "s", at_most=True),
    ]


def fetched(stage: Stage, known: Filled, url: str) -> bytes:
    request = urllib.request.Request(url, headers=known.program)
    with urllib.request.urlopen(request, context=stage.tls, timeout=60) as answer:
        return answer.read()


def encodings(rows: list) -> float:
    """How often json alone writes the rows in a second of a core's time."""
    began, times = time.process_time(), 0
    while time.process_time() - began < 1:
        json.dumps(rows).encode()
        times += 1
    return times / (time.process_time() - began)


def compared(work: str, ours: list[float], alone: list[float]) -> Figure:
    return Figure(work, ratio(ours, alone), WANTED_OF_JSON, "x", measured=rate(max(ours)), beside=f"{rate(max(alone))} json alone")
