"""What must happen once happens in one transaction: a process dies, or its database fails, at every point of a request with a key."""

import asyncio
import contextlib
import http.client
import itertools
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from hmlib.db.database import connect
from hmlib.keys import new_master
from hmlib.testing.hub import ACME
from tests.fault_points import PEOPLE
from tests.running import ROOT

pytestmark = [pytest.mark.journey, pytest.mark.fault]
MOST_POINTS = 2 * PEOPLE
EVERY_CASE = itertools.product(("contact", "article", "labour", "disabling"), ("sqlite", "postgresql"), ("kill", "down", "busy"))
CASES = [
    (kind, engine, fault)
    for kind, engine, fault in EVERY_CASE
    if os.environ.get("HM_TEST_FAULTS") == "full" or (fault == "kill" and engine == "sqlite") or kind == "labour"
]
"""Every one under `make test-faults`, otherwise each kind killed and each fault once; labour on both engines."""


@dataclass(frozen=True)
class Kind:
    """A request that does something, told apart from others by a number: its method, path and body, and queries that count what it left."""

    service: str
    request: object
    left: tuple[str, ...]


CREATED = "SELECT COUNT(*) FROM audit JOIN {table} ON audit.subject = '{name}/' || {table}.id WHERE {table}.{field} = :text"
KEPT = "SELECT COUNT(*) FROM replay WHERE body LIKE '%' || :text || '%'"


def made(name, table, field):
    """An entry, the audit event about it, the answer that shows it."""
    return (f"SELECT COUNT(*) FROM {table} WHERE {field} = :text", CREATED.format(table=table, name=name, field=field), KEPT)


KINDS = {
    "contact": Kind(
        "nexus",
        lambda text: ("POST", "/api/contacts", {"first_name": text, "last_name": "Q", "companies": [{"company_id": ACME}]}),
        made("contact", "contact", "first_name"),
    ),
    "article": Kind(
        "wiki",
        lambda text: ("POST", "/api/articles", {"title": text, "body": "# One", "company_id": ACME, "folder": "Network"}),
        made("article", "article", "title"),
    ),
    "labour": Kind(
        "treasury",
        lambda text: ("POST", "/api/labour-entries", labour(text)),
        made("labour_entry", "labour_entry", "description"),
    ),
    "disabling": Kind(
        "nexus",
        lambda text: ("PATCH", f"/api/users/u{int(text[1:-1])}", {"status": "disabled"}),
        (
            "SELECT COUNT(*) FROM account WHERE status = 'disabled' AND :text = 'x' || substr(id, 2) || 'x'",
            "SELECT COUNT(*) FROM audit WHERE action = 'user.disabled' AND :text = 'x' || substr(subject, 7) || 'x'",
            "SELECT COUNT(*) FROM outbox_message WHERE body LIKE '%\"account_id\":\"u' || substr(:text, 2, length(:text) - 2) || '\"%'",
            "SELECT COUNT(*) FROM replay WHERE body LIKE '%\"colleague' || substr(:text, 2, length(:text) - 2) || '\"%'",
        ),
    ),
}


def labour(text):
    return {"company_id": ACME, "worked_at": "2026-01-05T09:00:00Z", "hours": "0.25", "description": text}


class Loader:
    """The process that has everything loaded and forks a child for each order."""

    def __init__(self, service, home, database, apart=False):
        self.common = {"service": service, "home": str(home), "database": database, "apart": apart}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen([sys.executable, "-m", "tests.fault_points"], cwd=ROOT, text=True, bufsize=1, **pipes)

    def order(self, **more):
        self.process.stdin.write(json.dumps(self.common | {"point": 0, "fault": ""} | more) + "\n")
        return self.told()["pid"]

    def told(self):
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


@dataclass
class Child:
    """One child that listens."""

    loader: Loader
    pid: int
    port: int
    token: str

    def ask(self, method, path, body, **headers):
        """Status, what else must be the same in a repeated answer, and the answer; None when it died meanwhile."""
        connection = http.client.HTTPConnection("localhost", self.port, timeout=30)
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **headers}
        try:
            connection.request(method, path, json.dumps(body), sent)
            answer = connection.getresponse()
            return answer.status, answer.headers["ETag"], answer.headers["Location"], answer.read()
        except (ConnectionError, http.client.HTTPException):
            return None
        finally:
            connection.close()


@contextlib.contextmanager
def serving(loader, **order):
    """A child that serves, ended afterwards; `child.failed` names the point at which it failed, "" when it came through."""
    pid = loader.order(**order)
    child = Child(loader, pid, **loader.told())
    yield child
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    told = loader.told()
    child.failed = told.get("failed", "")
    if child.failed:
        told = loader.told()
    if told["ended"] == -signal.SIGKILL:
        child.failed = "killed"


class Ground:
    """A service with a database of its own: one loader for children that fail, and one whose only child stays whole."""

    def __init__(self, stack, home, database, kind, apart=False):
        self.kind, self.database = KINDS[kind], database
        self.failing, self.whole = (Loader(self.kind.service, home, database, apart) for _ in range(2))
        stack.callback(self.failing.close)
        stack.callback(self.whole.close)
        self.whole.order(seed=True)
        assert self.whole.told() == {"ended": 0}
        self.clean = stack.enter_context(serving(self.whole))

    def left(self, text):
        """How much of the request is there: of deed, audit event, perhaps outbox row, and kept answer."""

        async def counted():
            db = await connect(self.database)
            try:
                return tuple([await db.value(query, text=text) for query in self.kind.left])
            finally:
                await db.close()

        return asyncio.run(counted())


def step_through(ground, fault):
    """Fail at every point; where it failed and how much was there then. Raises AssertionError when anything is there by half or twice."""
    seen = []
    for point in itertools.count(1):
        assert point < MOST_POINTS
        text = f"x{point}x"
        method, path, body = ground.kind.request(text)
        headers = {"Idempotency-Key": f"{fault} {text}", **({"If-Match": "*"} if method == "PATCH" else {})}
        with serving(ground.failing, point=point, fault=fault) as child:
            first = child.ask(method, path, body, **headers)
        left = ground.left(text)
        assert len(set(left)) == 1, (child.failed, left)
        again = [ground.clean.ask(method, path, body, **headers) for _ in range(2)]
        assert again[0] == again[1] and again[0][0] in (200, 201), (child.failed, again)
        assert set(ground.left(text)) == {1}, child.failed
        if not child.failed:
            assert first == again[0]
            return seen
        assert first is None if fault == "kill" else first[0] == 503 or first == again[0], (child.failed, first)
        seen.append((child.failed, left[0]))


@pytest.fixture
def stack():
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def home(tmp_path):
    (tmp_path / "keys").mkdir(mode=0o700)
    new_master(tmp_path / "keys" / "master.key")
    return tmp_path


def database_of(engine, stack, home):
    if engine == "sqlite":
        return f"sqlite:///{Path(home) / 'service.db'}"
    from hmlib.testing import postgres_fixture

    try:
        url = postgres_fixture.fresh_url()
    except postgres_fixture.NoPostgres as missing:
        return pytest.fail(str(missing)) if os.environ.get("CI") == "true" else pytest.skip(str(missing))
    stack.callback(postgres_fixture.drop, url)
    return url


@pytest.mark.parametrize(("kind", "engine", "fault"), CASES)
def test_n195_a_fault_at_any_point_leaves_all_or_nothing(stack, home, kind, engine, fault):
    ground = Ground(stack, home, database_of(engine, stack, home), kind)
    seen = step_through(ground, fault)
    assert len(seen) > 8 and {left for _, left in seen} == ({0} if fault == "busy" else {0, 1})
    print(f"{kind} on {engine}, {fault}: {len(seen)} points, all was there after {sum(left for _, left in seen)} of them")


def test_n195_control_an_answer_kept_in_a_transaction_of_its_own_is_seen(stack, home):
    ground = Ground(stack, home, database_of("sqlite", stack, home), "labour", apart=True)
    with pytest.raises(AssertionError, match=r"\(1, 1, 0\)"):
        step_through(ground, "kill")
