"""Fixtures and a cast for tests that speak HTTP: alice (admin), bob (technician), carol (billing), dave (client), and a stranger.

A service's conftest.py says ``from hmlib.testing import *`` and offers one fixture, ``service``:

    @pytest.fixture
    def service() -> ServiceUnderTest:
        return ServiceUnderTest("wiki", make_app, MIGRATIONS)

Tests are marked ``gen_test`` and take the people they need: ``await alice.fetch("/articles")``. Modules get a ``hub``, a Nexus of
their own that signs real tokens and answers from plain lists; Nexus's tests bring their own people.
"""

import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.ioloop import IOLoop

from hmlib.auth.sessions import NewSession, Tokens
from hmlib.clock import shifted, utc_now
from hmlib.config import Module, Settings
from hmlib.db.database import Db, connect
from hmlib.db.migrate import Folder, migrate
from hmlib.keys import new_master
from hmlib.testing.browser import Browser
from hmlib.testing.hub import CAST, ISSUER, FakeHub, Person
from hmlib.web.handler import ServiceApplication

__all__ = [
    "Browser", "FakeHub", "Person", "ServiceUnderTest", "alice", "app", "bob", "carol", "dave", "db", "home", "hub", "settings", "stranger",
]  # fmt: skip

ENGINE = os.environ.get("HM_TEST_DB", "sqlite")


@dataclass(frozen=True)
class ServiceUnderTest:
    """What the fixtures must know of a service."""

    name: str
    make_app: Callable[[Settings, Db, Any], ServiceApplication]
    migrations: Sequence[Folder]

    @property
    def key(self) -> str:
        """What its empty database is known by: hmlib's toy goes by a module's name too."""
        return " ".join([self.name, *(str(folder) for _, folder in self.migrations)])


_databases = itertools.count(1)
_templates: dict[str, str] = {}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A fresh HM_HOME with a master key."""
    (tmp_path / "keys").mkdir(mode=0o700)
    new_master(tmp_path / "keys" / "master.key")
    return tmp_path


@pytest.fixture
def settings(home: Path, service: ServiceUnderTest) -> Settings:
    """The settings of the service under test."""
    modules = (Module("wiki", "https://localhost:5003"), Module("treasury", "https://localhost:5002"))
    origins = {"nexus": ISSUER} | {module.name: module.origin for module in modules}
    return Settings(
        service=service.name, home=home, bind="127.0.0.1", port=0, nexus_url=ISSUER, db_url="",
        origin=origins.get(service.name, "https://localhost:5004"), modules=modules,
        master_key_file=home / "keys" / "master.key", password_login=True, log="text", tls=False, metrics_port=0,
    )  # fmt: skip


@pytest.fixture
def db(io_loop: IOLoop, home: Path, service: ServiceUnderTest) -> Iterator[Db]:
    """A fresh, migrated database of the engine that HM_TEST_DB names."""
    url = _fresh_url(io_loop, home, service)
    database = io_loop.run_sync(lambda: connect(url, sqlite=os.environ.get("HM_SQLITE", "auto")))
    yield database
    io_loop.run_sync(database.close)
    if ENGINE == "postgresql":
        from hmlib.testing import postgres_fixture

        postgres_fixture.drop(url)


def _fresh_url(io_loop: IOLoop, home: Path, service: ServiceUnderTest) -> str:
    """Migrating takes a while, so it is done once a run and copied."""
    if ENGINE == "postgresql":
        from hmlib.testing import postgres_fixture

        if service.key not in _templates:
            _templates[service.key] = postgres_fixture.fresh_url()
            io_loop.run_sync(lambda: _migrate(_templates[service.key], service))
        return postgres_fixture.fresh_url(template=_templates[service.key])
    if service.key not in _templates:
        folder = Path(tempfile.mkdtemp(prefix="hm-test-"))
        _templates[service.key] = str(folder / "template.db")
        io_loop.run_sync(lambda: _migrate(f"sqlite:///{_templates[service.key]}", service))
    copy = home / f"{service.name}-{next(_databases)}.db"
    shutil.copy(_templates[service.key], copy)
    return f"sqlite:///{copy}"


async def _migrate(url: str, service: ServiceUnderTest) -> None:
    database = await connect(url, sqlite=os.environ.get("HM_SQLITE", "auto"))
    await migrate(database, service.migrations)
    await database.close()


@pytest.fixture
def hub(service: ServiceUnderTest) -> FakeHub:
    """The module's Nexus."""
    fake = FakeHub()
    fake.client_id = service.name
    return fake


@pytest.fixture
def app(io_loop: IOLoop, settings: Settings, db: Db, service: ServiceUnderTest, request: pytest.FixtureRequest) -> ServiceApplication:
    """The application under test, without its background work."""
    hub = request.getfixturevalue("hub") if service.name != "nexus" else None

    async def made() -> ServiceApplication:
        return service.make_app(settings, db, hub)

    started: ServiceApplication = io_loop.run_sync(made)
    return started


def browser_of(person: Person, io_loop: IOLoop, client: AsyncHTTPClient, base_url: str, app: ServiceApplication, hub: FakeHub) -> Browser:
    """A browser of one of the cast, signed in at the module under test."""
    service = app.spine.settings.service
    access = hub.token(person, service)
    now = utc_now()
    new_session = NewSession(
        person.id, person.name, person.level, f"sid-{person.name}", int(time.time()), ("pwd",), "127.0.0.1", "pytest", shifted(now, 3600),
        Tokens(access, int(time.time()) + 300, f"refresh-{person.name}"),
    )  # fmt: skip
    cookie, session = io_loop.run_sync(lambda: app.spine.sessions.open(new_session, now))
    return Browser(client, base_url, app, access, {app.spine.settings.cookie: cookie}, session.id_hash)


@pytest.fixture
def alice(io_loop: IOLoop, http_client: AsyncHTTPClient, base_url: str, app: ServiceApplication, hub: FakeHub) -> Browser:
    """An administrator."""
    return browser_of(CAST["alice"], io_loop, http_client, base_url, app, hub)


@pytest.fixture
def bob(io_loop: IOLoop, http_client: AsyncHTTPClient, base_url: str, app: ServiceApplication, hub: FakeHub) -> Browser:
    """A technician."""
    return browser_of(CAST["bob"], io_loop, http_client, base_url, app, hub)


@pytest.fixture
def carol(io_loop: IOLoop, http_client: AsyncHTTPClient, base_url: str, app: ServiceApplication, hub: FakeHub) -> Browser:
    """She does the billing."""
    return browser_of(CAST["carol"], io_loop, http_client, base_url, app, hub)


@pytest.fixture
def dave(io_loop: IOLoop, http_client: AsyncHTTPClient, base_url: str, app: ServiceApplication, hub: FakeHub) -> Browser:
    """A client: he belongs to Acme (account number 100001) and sees nothing else."""
    return browser_of(CAST["dave"], io_loop, http_client, base_url, app, hub)


@pytest.fixture
def stranger(http_client: AsyncHTTPClient, base_url: str, app: ServiceApplication) -> Browser:
    """Someone who is not signed in."""
    return Browser(http_client, base_url, app)
