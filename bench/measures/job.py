"""The main job on the book of 1,000 companies, as a person and a program do it: import, the month's list, the summary."""

import json
import statistics
import tempfile
import time
from pathlib import Path

from bench.stage import resident_mb
from bench.table import Figure
from tests import book
from tests.whole import SERVICES, Whole

MOST_IMPORT_SECONDS = 30.0
ROUNDS = 7
MOST_MB = 80.0


def figures() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        book.write(Path(folder))
        whole = Whole(demo=False)
        try:
            return [*imported(whole, Path(folder)), *seen(whole), *asked(whole), *held(whole)]
        finally:
            whole.close()


def imported(whole: Whole, folder: Path) -> list[Figure]:
    seconds = {}
    for kind in (*book.DIRECTORY, *book.MONEY):
        began = time.perf_counter()
        said = json.loads(whole.hm("import", kind, str(folder / f"{kind}.csv"), "--json"))
        seconds[kind] = time.perf_counter() - began
        assert said["created"] and not said["errors"], kind
    each = "/".join(f"{seconds[kind]:.1f}" for kind in book.DIRECTORY)
    money = sum(seconds[kind] for kind in book.MONEY)
    return [
        Figure(
            "hm import, 1,000 + 8,000 + 20,000 rows", sum(seconds.values()) - money, MOST_IMPORT_SECONDS, "s", True, beside=f"each {each}"
        ),
        Figure("hm import, prices and 1,000 agreements", money, unit="s"),
    ]


def seen(whole: Whole) -> list[Figure]:
    """The list of a month: months that nobody has asked for yet, and one that was just shown."""
    visitor = whole.visitor()
    visitor.sign_in("treasury", "admin", path="/settings")
    first = [timed(lambda month=month: page(whole, visitor, f"2026-{month:02}")) for month in range(1, 1 + ROUNDS)]
    for _ in range(6):
        page(whole, visitor, book.PERIOD)  # both processes have worked it out
    again = [timed(lambda: page(whole, visitor, book.PERIOD)) for _ in range(ROUNDS)]
    return [
        Figure("Treasury's list of a month, the very first view", first[0], unit="ms"),
        Figure("Treasury's list, another month", statistics.median(first[1:]), unit="ms"),
        Figure("Treasury's list, the same month again", statistics.median(again), unit="ms"),
    ]


def page(whole: Whole, visitor, period: str) -> None:
    answer = visitor.get(f"{whole.origins['treasury']}/companies?period={period}")
    assert answer.status_code == 200 and "of 1,000" in answer.text


def asked(whole: Whole) -> list[Figure]:
    paths = {"nexus": "/api/billing_summary", "treasury": f"/api/billing_summary?period={book.PERIOD}"}
    found = {service: answered(whole, service, path) for service, path in paths.items()}
    return [
        Figure("Nexus's billing_summary of the whole book", statistics.median(found["nexus"]), 2000, "ms", True),
        Figure("Treasury's billing_summary of the whole book", statistics.median(found["treasury"]), unit="ms"),
    ]


def answered(whole: Whole, service: str, path: str) -> list[float]:
    """Milliseconds of each of a few answers with all companies in them."""
    token = whole.token("admin", service)

    def summary() -> None:
        answer = whole.api(service, path, token=token)
        assert answer.status_code == 200 and len(answer.json()["companies"]) == 1000

    return [timed(summary) for _ in range(ROUNDS)]


def timed(work) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def held(whole: Whole) -> list[Figure]:
    sizes = {service: max(resident_mb(process.pid) for process in whole.processes(service)) for service in SERVICES}
    return [Figure(f"resident memory of {name} with this book", size, unit="MB") for name, size in sizes.items() if name != "wiki"]
