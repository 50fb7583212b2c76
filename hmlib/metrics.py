"""The figures a service counts about itself, in files that the processes of one service share, so that they add up.

Each process writes its own files under HM_HOME/run/metrics/<service> and any of them can answer for all. Every figure has
a label, because prometheus_client opens a file when an unlabelled one is declared, and nothing is opened at import. A label's
value is kept for ever, so it comes from a list of our own and never from what others send.
"""

from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from hmlib.metric_files import MetricFiles, value_class

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
OWN = CollectorRegistry()

REQUESTS = Counter("hm_requests", "Requests answered.", ["route", "method", "status"], registry=OWN)
REQUEST_SECONDS = Histogram("hm_request_seconds", "Seconds to answer.", ["route"], buckets=FAST, registry=OWN)
REFUSED = Counter("hm_refused", "Requests and connections refused before any handler saw them.", ["reason"], registry=OWN)
BUSY = Gauge("hm_busy", "What is going on now: requests, connections.", ["what"], multiprocess_mode="livesum", registry=OWN)
LOOP_LAG_SECONDS = Histogram("hm_loop_lag_seconds", "How late event loops ran a timer.", ["processes"], buckets=FAST, registry=OWN)
DATABASE_STATEMENTS = Counter("hm_database_statements", "Statements the database was asked.", ["engine"], registry=OWN)
DATABASE_SECONDS = Counter("hm_database_seconds", "Seconds they took together.", ["engine"], registry=OWN)
POOL_WAITING = Gauge("hm_pool_waiting", "Work that waits for a place in a pool.", ["pool"], multiprocess_mode="livesum", registry=OWN)
SIGN_INS = Counter("hm_sign_ins", "Sign-ins by result.", ["result"], registry=OWN)
TOKENS_VERIFIED = Counter("hm_tokens_verified", "Tokens looked at, by result.", ["result"], registry=OWN)
CALLS = Counter("hm_calls", "Calls to other services, by target and result.", ["target", "result"], registry=OWN)
CALL_SECONDS = Histogram("hm_call_seconds", "Seconds a call to another service took.", ["target"], buckets=FAST, registry=OWN)
JOBS = Counter("hm_jobs", "Scheduled work done, by result.", ["job", "result"], registry=OWN)
GIVEN_UP = Counter("hm_given_up", "What was never delivered, by the place it was sent from.", ["place"], registry=OWN)
ERRORS = Counter("hm_errors", "Exceptions nobody expected, by place.", ["place"], registry=OWN)


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
STATUSES = frozenset(int(status) for status in HTTPStatus)
OTHER = "other"


@lru_cache(maxsize=4096)
def of_requests(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    """Where a request is counted and timed; ``route`` is one that route_of() gave, ``method`` one of method_of()."""
    return REQUESTS.labels(route, method, result_of(status)), REQUEST_SECONDS.labels(route)


def method_of(text: str | None) -> str:
    """A request's method as a label: those that HTTP does not know are all one."""
    return text if text is not None and text in METHODS else OTHER


def route_of(handler: type) -> str:
    """A handler's name: a label of few values, where a path has endless ones."""
    return f"{handler.__module__.rpartition('.')[2]}.{handler.__name__}"


def result_of(status: int) -> str:
    """An HTTP status as a label; 599 is how Tornado's client says that there was no answer, and whatever else HTTP does not know is one."""
    return "down" if status == 599 else str(status) if status in STATUSES else OTHER


def share(folder: Path, slot: str) -> MetricFiles:
    """Keep this process's figures in ``folder``; ``slot`` (letters and digits) tells it from its siblings, and a process
    that starts again in the same slot counts on from there. Call it before anything is counted.
    """
    files = MetricFiles(folder, slot)
    values.ValueClass = value_class(files)  # prometheus_client offers no other way to choose this after it was imported
    return files


def exposition(files: MetricFiles | None) -> bytes:
    """Prometheus's text: of every process that shares the folder, or of this process alone. Blocking."""
    if files is None:
        return generate_latest(OWN)
    try:
        files.write()
    except OSError:  # keep() says so; the files lack what this process knows, so it shows what it knows alone
        return generate_latest(OWN)
    everyone = CollectorRegistry()
    everyone.register(_Together(files.folder))
    return generate_latest(everyone)


class _Together(Collector):
    """What all processes counted. The library's own collector takes its folder for a pattern, in which [ and ? are no letters."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        metrics: Iterable[Metric] = MultiProcessCollector.merge([str(file) for file in self._folder.glob("*.db") if file.stat().st_size])  # type: ignore[no-untyped-call]
        return metrics
