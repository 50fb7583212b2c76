"""Databases of both engines, for what must be the same on both; and a toy module, called wiki as a module needs a place in the suite."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.ioloop import IOLoop

import hmlib
from hmlib.db.database import Db
from hmlib.db.database import connect as connect_with
from hmlib.db.migrate import migrate
from hmlib.testing import postgres_fixture
from hmlib.testing.fixtures import *  # noqa: F403
from hmlib.testing.fixtures import ServiceUnderTest
from hmlib.tests import toy

__all__ = ["connect", "db_url", "empty", "ground", "opened"]


async def connect(url: str, **options: Any) -> Db:
    """As db.connect, with the binding of SQLite that HM_SQLITE names."""
    return await connect_with(url, sqlite=os.environ.get("HM_SQLITE", "auto"), **options)


MIGRATIONS = [("hmlib", Path(hmlib.__file__).parent / "migrations")]
_migrated: dict[str, str] = {}


@pytest.fixture
def service() -> ServiceUnderTest:
    return ServiceUnderTest("wiki", toy.make_app, toy.MIGRATIONS)


def fresh_postgres(template: str | None = None) -> str:
    try:
        return postgres_fixture.fresh_url(template)
    except postgres_fixture.NoPostgres as missing:
        return pytest.fail(str(missing)) if os.environ.get("CI") == "true" else pytest.skip(str(missing))


@pytest.fixture(params=["sqlite", "postgresql"])
def db_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, once of each engine."""
    return f"sqlite:///{tmp_path}/empty.db" if request.param == "sqlite" else fresh_postgres()


@pytest.fixture
def opened(io_loop: IOLoop) -> Iterator[Callable[[str], Db]]:
    """Connects to an address; what it opened is closed when the test ends."""
    databases: list[Db] = []
    urls: list[str] = []

    def open_one(url: str) -> Db:
        urls.extend([url] if url.startswith("postgresql") else [])
        databases.append(io_loop.run_sync(lambda: connect(url)))
        return databases[-1]

    yield open_one
    for database in databases:
        io_loop.run_sync(database.close)
    for url in urls:
        postgres_fixture.drop(url)


@pytest.fixture
def empty(opened: Callable[[str], Db], db_url: str) -> Db:
    """A database without tables, once of each engine."""
    return opened(db_url)


@pytest.fixture
def ground(opened: Callable[[str], Db], io_loop: IOLoop, db_url: str) -> Db:
    """A database with hmlib's own tables, once of each engine."""
    if db_url.startswith("sqlite"):
        database = opened(db_url)
        io_loop.run_sync(lambda: migrate(database, MIGRATIONS))
        return database
    if not _migrated:
        _migrated["template"] = fresh_postgres()
        io_loop.run_sync(lambda: _migrate(_migrated["template"]))
    return opened(fresh_postgres(_migrated["template"]))


async def _migrate(url: str) -> None:
    database = await connect(url)
    await migrate(database, MIGRATIONS)
    await database.close()
