"""Whose a database is, on both engines: the key, the suite, the service, how far it had come, and what a restore changes."""

import dataclasses

import msgspec
import pytest

from hmlib.clock import shifted, utc_now
from hmlib.config import BadSetting
from hmlib.db import change_numbers
from hmlib.keys import new_master
from hmlib.private_files import write_privately
from hmlib.records import audit
from hmlib.records.audit import Actor
from hmlib.server import ownership
from hmlib.server.ownership import NotOurs
from hmlib.testing.fixtures import *  # noqa: F403
from hmlib.tests.engines import *  # noqa: F403

pytestmark = pytest.mark.gen_test


async def deed(db):
    async with db.write() as tx:
        await audit.record(tx, Actor("", "hm"), "company.changed", "company/1", now=utc_now())


async def claimed(db, settings, *services):
    owner = await ownership.claim(db, settings, services, utc_now())
    await ownership.note(db, settings, owner)
    return owner


async def refusal(db, settings):
    with pytest.raises(BadSetting) as refused:
        await ownership.verify(db, settings)
    return str(refused.value)


async def test_what_was_claimed_is_ours_and_claiming_again_only_adds_services(ground, settings):
    first = await claimed(ground, settings, "nexus")
    again = await claimed(ground, settings, "helpdesk")
    assert await ownership.verify(ground, settings) == again
    assert again == dataclasses.replace(first, services=("helpdesk", "nexus", "wiki"))
    assert await ownership.is_ours(ground, first)


async def test_a_database_of_before_there_were_owners_is_nobodys_yet(ground, settings):
    assert await ownership.verify(ground, settings) is None


async def test_an_empty_database_is_refused(empty, settings):
    assert "HM_WIKI_DB names an empty database" in await refusal(empty, settings)


async def test_another_key_is_told_from_another_suites_database(ground, settings, tmp_path):
    await claimed(ground, settings)
    other = dataclasses.replace(settings, master_key_file=tmp_path / "other.key")
    new_master(other.master_key_file)
    assert "not the key of this suite" in await refusal(ground, other)
    elsewhere = dataclasses.replace(other, home=tmp_path / "elsewhere")
    assert "another suite" in await refusal(ground, elsewhere)


async def test_another_services_database_is_refused(ground, settings):
    await claimed(ground, settings)
    assert "HM_HELPDESK_DB names the database of wiki" in await refusal(ground, dataclasses.replace(settings, service="helpdesk"))


async def test_a_database_that_has_gone_back_is_refused_unless_it_was_restored_since(ground, settings):
    owner = await claimed(ground, settings)
    await deed(ground)
    await ownership.note(ground, settings, owner)
    seen = ownership.witness(settings)
    write_privately(ownership.witness_file(settings), msgspec.json.encode(msgspec.structs.replace(seen, seq=seen.seq + 7)))
    assert "older or emptier" in await refusal(ground, settings)
    assert await ownership.verify(ground, settings, older=True)
    back = await ownership.came_back(ground, settings, None, utc_now())
    assert await ownership.verify(ground, settings) == back
    await ownership.note(ground, settings, back)
    assert ownership.witness(settings).seq == (await audit.head(ground))[0]


async def test_a_clock_that_went_back_stops_the_start(ground, settings):
    owner = await claimed(ground, settings)
    await ownership.note(ground, settings, owner)
    seen = ownership.witness(settings)
    for seconds, stops in ((ownership.CLOCK_SECONDS - 60, False), (ownership.CLOCK_SECONDS + 60, True)):
        late = msgspec.structs.replace(seen, at=shifted(utc_now(), seconds))
        write_privately(ownership.witness_file(settings), msgspec.json.encode(late))
        if stops:
            assert "Set the clock" in await refusal(ground, settings)
        else:
            assert await ownership.verify(ground, settings)


async def test_a_restore_changes_the_epoch_so_that_running_processes_know_it(ground, settings):
    before = await claimed(ground, settings)
    given = await change_numbers.latest(ground)
    after = await ownership.came_back(ground, settings, None, utc_now(), "2026-11-01T02:30:00.000000Z")
    assert (await change_numbers.followed(ground, given)).anew, "who follows by number starts anew"
    assert not await ownership.is_ours(ground, before) and await ownership.is_ours(ground, after)
    assert after.held_at == after.restored_at != "" and after.suite_id == before.suite_id
    assert await audit.first_broken(ground) is None


async def test_a_witness_that_says_nothing_is_named(ground, settings):
    await claimed(ground, settings)
    ownership.witness_file(settings).write_bytes(b"")
    with pytest.raises(NotOurs, match="broken"):
        await ownership.verify(ground, settings)
