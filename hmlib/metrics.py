"""The figures a service counts about itself, in files that the processes of one service share, so that they add up.

Each process writes its own files under HM_HOME/run/metrics/<service> and any of them can answer for all. Every figure has
a label, because prometheus_client opens a file when an unlabelled one is declared, and nothing is opened at import. A label's
value is kept for ever, so it comes from a list of our own and never from what others send.

A process keeps its figures in memory, and from time to time in its files: a full disk costs figures, never the process. prometheus_client's
own way maps the files into memory, where writing to a page that the disk has no room for kills the process (SIGBUS). The files have the
format that its collector reads: the bytes in use, then for each value its name, the number and a time (unused).
"""

import os
import struct
from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
READ_AGAINST = "0.26.0"
"""prometheus-client's version, of whose inside we use the choice of the value class, the format of its files and how they are added up."""
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
JOBS = Counter("hm_jobs", "Attempts at long and scheduled work, by how they ended.", ["job", "result"], registry=OWN)
JOB_SECONDS = Counter("hm_job_seconds", "Seconds that processes worked on jobs.", ["job"], registry=OWN)
JOBS_NOW = Gauge("hm_jobs_now", "Jobs that wait or run.", ["job", "state"], multiprocess_mode="livemax", registry=OWN)
JOB_SUCCESS = Gauge("hm_job_success_seconds", "When work last ended well, since 1970.", ["job"], multiprocess_mode="max", registry=OWN)
OUTBOX_NOW = Gauge("hm_outbox_now", "Messages that others have not taken yet.", ["kind"], multiprocess_mode="livemax", registry=OWN)
GIVEN_UP = Counter("hm_given_up", "What was never delivered, by the place it was sent from.", ["place"], registry=OWN)
ERRORS = Counter("hm_errors", "Exceptions nobody expected, by place.", ["place"], registry=OWN)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
STATUSES = frozenset(int(status) for status in HTTPStatus)
OTHER = "other"
PAGE_BYTES = 4096
_USED = struct.Struct("i4x")
_LENGTH = struct.Struct("i")
_NUMBER = struct.Struct("d")


class MetricFile:
    """The values of one kind of figure of one process. ``resumed`` goes on from what the file holds; one cut short begins anew."""

    def __init__(self, path: Path, *, resumed: bool) -> None:
        self._path = path
        self._lock = Lock()
        self._data = bytearray(_USED.pack(_USED.size))
        self._places: dict[str, int] = {}
        self._touched: set[int] = {0}
        for name, number in _values_in(path) if resumed else ():
            self.set(name, number)

    def get(self, name: str) -> float:
        """The value of a name, 0 for a new one."""
        with self._lock:
            number: float = _NUMBER.unpack_from(self._data, self._place(name))[0]
            return number

    def set(self, name: str, number: float) -> None:
        """Note a value; it is in the file after the next write()."""
        with self._lock:
            place = self._place(name)
            self._data[place : place + _NUMBER.size] = _NUMBER.pack(number)
            self._touched.add(place // PAGE_BYTES)

    def write(self) -> None:
        """Put what has changed into the file, the page that says how much is in use last. Raises OSError; the next time tries again."""
        with self._lock:
            if not self._path.exists():  # the first time, or somebody removed it: then all of it counts as changed
                self._touched.update(range((len(self._data) + PAGE_BYTES - 1) // PAGE_BYTES))
            touched, self._touched = self._touched, set()
            pages = [(page, bytes(self._data[page * PAGE_BYTES : (page + 1) * PAGE_BYTES])) for page in sorted(touched, reverse=True)]
        try:
            _put(self._path, pages)
        except OSError:
            with self._lock:
                self._touched |= touched
            raise

    def _place(self, name: str) -> int:
        if name not in self._places:
            encoded = name.encode()
            padding = b" " * (8 - (len(encoded) + _LENGTH.size) % 8)
            start = len(self._data)
            self._data += _LENGTH.pack(len(encoded)) + encoded + padding + bytes(2 * _NUMBER.size)
            self._places[name] = len(self._data) - 2 * _NUMBER.size
            self._data[: _USED.size] = _USED.pack(len(self._data))
            self._touched.update((0, *range(start // PAGE_BYTES, len(self._data) // PAGE_BYTES + 1)))
        return self._places[name]


class MetricFiles:
    """All files of one process, which its slot among its siblings names."""

    def __init__(self, folder: Path, slot: str) -> None:
        self.folder, self._slot = folder, slot
        self._files: dict[str, MetricFile] = {}

    def of(self, kind: str) -> MetricFile:
        """The file of a kind: counter, histogram, or gauge with the way its processes add up."""
        if kind not in self._files:
            resumed = not kind.startswith("gauge")  # what is going on now did not go on in an earlier life
            self._files[kind] = MetricFile(self.folder / f"{kind}_{self._slot}.db", resumed=resumed)
        return self._files[kind]

    def write(self) -> None:
        """Put everything that has changed into the files. Raises OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in list(self._files.values()):
            file.write()


class Value:
    """One number as prometheus_client wants it, in memory and in a file of ``files``."""

    _multiprocess = True
    files: MetricFiles

    def __init__(
        self,
        typ: str,
        metric_name: str,
        name: str,
        labelnames: Any,
        labelvalues: Any,
        help_text: str,
        multiprocess_mode: str = "",
        **_: Any,
    ) -> None:
        self._file = self.files.of(f"{typ}_{multiprocess_mode}" if typ == "gauge" else typ)
        self._name: str = mmap_key(metric_name, name, labelnames, labelvalues, help_text)
        self._lock = Lock()
        self._number = self._file.get(self._name)

    def inc(self, amount: float) -> None:
        with self._lock:
            self._number += amount
            self._file.set(self._name, self._number)

    def set(self, value: float, timestamp: float | None = None) -> None:
        with self._lock:
            self._number = value
            self._file.set(self._name, value)

    def get(self) -> float:
        return self._number

    def set_exemplar(self, exemplar: object) -> None:
        """Not kept: files hold numbers."""

    def get_exemplar(self) -> None:
        return None


def value_class(files: MetricFiles) -> type[Value]:
    """What prometheus_client makes its values of."""
    return type("ValueInFile", (Value,), {"files": files})


def _values_in(path: Path) -> list[tuple[str, float]]:
    """What a file holds; nothing for one that is not there or was cut short."""
    try:
        return [(name, number) for name, number, *_ in MmapedDict.read_all_values_from_file(str(path))]  # type: ignore[no-untyped-call]
    except (OSError, ValueError, RuntimeError, struct.error):
        return []


def _put(path: Path, pages: list[tuple[int, bytes]]) -> None:
    if not pages:
        return
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        for page, data in pages:
            if os.pwrite(file, data, page * PAGE_BYTES) != len(data):
                raise OSError(28, os.strerror(28))
    finally:
        os.close(file)


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
