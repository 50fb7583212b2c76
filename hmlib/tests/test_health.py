"""Ready means that every check holds, in time."""

import asyncio

import pytest

from hmlib.db.engine import DatabaseDown
from hmlib.db.migrate import NewerSchema
from hmlib.server.health import Readiness
from hmlib.server.service import _answers, _migrated


async def yes():
    return True


async def no():
    return False


async def never():
    await asyncio.sleep(60)


def failed(**checks):
    return asyncio.run(Readiness(checks).failed())


def test_all_checks_must_hold():
    assert failed(database=yes, keys=yes) == []
    assert failed(database=yes, keys=no) == ["keys"]


def test_a_check_that_hangs_does_not_hold(monkeypatch):
    monkeypatch.setattr("hmlib.server.health.CHECK_SECONDS", 0.05)
    assert failed(database=never, keys=yes) == ["database"]


def test_a_process_that_drains_is_not_ready():
    readiness = Readiness({"database": yes})
    readiness.draining = True
    assert asyncio.run(readiness.failed()) == ["draining"]


class Down:
    dialect = "sqlite"

    async def value(self, sql, **params):
        raise DatabaseDown("gone")

    one = all = value


def test_a_database_that_is_away_is_not_an_error():
    assert asyncio.run(_answers(Down())) is False
    assert asyncio.run(_migrated(Down(), ())) is False


@pytest.mark.parametrize(("outcome", "good"), [([], True), (["wiki/0009_new"], False), (NewerSchema("newer"), False)])
def test_a_process_is_ready_on_a_schema_that_it_can_work_with(monkeypatch, outcome, good):
    async def pending(db, folders):
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr("hmlib.server.service.pending", pending)
    assert asyncio.run(_migrated(None, ())) is good
