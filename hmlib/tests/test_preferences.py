"""Settings: checked by kind, stored with an audit entry, remembered shortly, carried from one installation to another."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from hmlib.json import Malformed
from hmlib.keys import Keys
from hmlib.records import audit
from hmlib.records.audit import Actor
from hmlib.records.preference_kinds import Preference, Wrong, check
from hmlib.records.preferences import Preferences

pytestmark = pytest.mark.gen_test
ALICE = Actor("u1", "alice")
NOW = "2026-11-22T12:00:00.000000Z"
KEYS = Keys(bytes(range(32)), "nexus")

DECLARED = [
    Preference("company", "Company", "text", "Acme", minimum=1, maximum=20),
    Preference("letterhead", "Letterhead", "lines", ""),
    Preference("idle_minutes", "Idle minutes", "int", "30", minimum=5, maximum=600),
    Preference("signup", "Sign-up", "bool", "false"),
    Preference("paper", "Paper", "choice", "a4", choices=("a4", "letter")),
    Preference("time_zone", "Time zone", "time_zone", "UTC"),
    Preference("tax", "Tax", "decimal", "19", minimum=0),
    Preference("smtp_password", "SMTP password", "secret", ""),
]
BY_KEY = {preference.key: preference for preference in DECLARED}


@pytest.fixture
def db(ground):
    return ground


@pytest.fixture
def settings():
    return Preferences(DECLARED)


async def save(settings, db, **values):
    async with db.write() as tx:
        return await settings.save(tx, values, actor=ALICE, now=NOW, keys=KEYS)


async def log(db):
    return (await audit.page_of(db, audit.LISTING.read({}, KEYS))).rows


async def test_without_a_stored_value_the_default_holds(db, settings):
    assert await settings.all(db) == {preference.key: preference.default for preference in DECLARED}


async def test_values_come_back_as_what_they_are(db, settings):
    errors = await save(
        settings,
        db,
        company=" Globex ",
        letterhead="One\r\n\r\nTwo \r\n",
        idle_minutes="0060",
        signup="on",
        time_zone="Europe/Berlin",
        tax="7.50",
    )
    assert errors == {}
    assert await settings.text(db, "company") == "Globex"
    assert await settings.lines(db, "letterhead") == ("One", "Two")
    assert await settings.int(db, "idle_minutes") == 60
    assert await settings.bool(db, "signup") is True
    assert await settings.zone(db, "time_zone") == ZoneInfo("Europe/Berlin")
    assert await settings.decimal(db, "tax") == Decimal("7.50")
    assert await settings.text(db, "paper") == "a4"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("company", "  ", "This cannot be empty."),
        ("company", "x" * 21, "Enter at most 20 characters."),
        ("company", "a\x00b", "After “a” there is a character that cannot be seen (U+0000). Take it out."),
        ("company", "a\nb", "Write it in one line."),
        ("letterhead", "a\x1bb", "Enter text without control characters."),
        ("letterhead", "x" * 10_001, "Enter at most 10000 characters."),
        ("idle_minutes", "4", "Enter a whole number from 5 to 600."),
        ("idle_minutes", "601", "Enter a whole number from 5 to 600."),
        ("idle_minutes", "6.5", "Enter a whole number from 5 to 600."),
        ("idle_minutes", "٣٠", "Enter a whole number from 5 to 600."),
        ("idle_minutes", "9" * 5000, "Enter a whole number from 5 to 600."),
        ("signup", "maybe", "Enter true or false."),
        ("paper", "A4", "Choose one of a4, letter."),
        ("time_zone", "Mars/Olympus", "Choose a time zone such as Europe/Berlin."),
        ("time_zone", "../../etc/passwd", "Choose a time zone such as Europe/Berlin."),
        ("tax", "-1", "Enter a number such as 12.5 of at least 0."),
        ("tax", "1e5", "Enter a number such as 12.5 of at least 0."),
        ("tax", "NaN", "Enter a number such as 12.5 of at least 0."),
        ("colour", "red", "There is no such setting."),
    ],
)
async def test_a_wrong_value_is_told_and_nothing_is_stored(db, settings, key, value, message):
    assert await save(settings, db, **{"paper": "letter", key: value}) == {key: message}
    assert await settings.text(db, "paper") == "a4"
    assert await log(db) == []


@pytest.mark.parametrize("value", ["", "0", "off", "False", " no "])
def test_a_switch_can_be_off_in_many_words(value):
    assert check(BY_KEY["signup"], value) == "false"


async def test_saving_is_audited_with_what_changed_and_only_that(db, settings):
    await save(settings, db, company="Globex", paper="a4", tax="19")
    entry = (await log(db))[0]
    assert (entry.action, entry.subject, entry.actor_name) == ("settings.changed", "settings", "alice")
    assert (entry.before, entry.after) == ({"company": "Acme"}, {"company": "Globex"})


async def test_saving_what_is_there_already_is_no_change(db, settings):
    await save(settings, db, company="Globex")
    await save(settings, db, company="Globex")
    assert len(await log(db)) == 1


async def test_a_saved_value_is_seen_at_once(db, settings):
    assert await settings.text(db, "paper") == "a4"
    async with db.write() as tx:
        await settings.save(tx, {"paper": "letter"}, actor=ALICE, now=NOW)
        assert await settings.text(db, "paper") == "a4"
        assert await settings.text(tx, "paper") == "letter"
    assert await settings.text(db, "paper") == "letter"


async def test_another_process_sees_it_at_once(db, settings):
    other = Preferences(DECLARED)
    assert await other.text(db, "paper") == "a4"
    await save(settings, db, paper="letter")
    assert await other.text(db, "paper") == "letter"


async def test_a_value_that_was_written_by_other_means_is_seen_too(db, settings):
    assert await settings.text(db, "paper") == "a4"
    await db.run("INSERT INTO preference (key, value, updated_at) VALUES ('paper', 'letter', :now)", now=NOW)
    assert await settings.text(db, "paper") == "letter"
    await db.run("DELETE FROM preference")
    assert await settings.text(db, "paper") == "a4"


async def test_a_request_asks_for_the_state_once_and_remembered_values_cost_nothing_more(db, settings):
    await settings.all(db)
    settings.begin(db)
    before = db.statements
    for _ in range(10):
        await settings.int(db, "idle_minutes")
    assert db.statements == before + 1


async def test_a_request_that_read_the_state_with_its_session_pays_no_statement(db, settings):
    await settings.all(db)
    settings.begin(db, await db.value("SELECT state FROM preference_state"))
    before = db.statements
    await settings.int(db, "idle_minutes")
    assert db.statements == before


async def test_a_request_that_saves_sees_what_it_saved(db, settings):
    settings.begin(db, await db.value("SELECT state FROM preference_state"))
    assert await settings.text(db, "paper") == "a4"
    await save(settings, db, paper="letter")
    assert await settings.text(db, "paper") == "letter"


async def test_what_is_read_while_another_saves_is_not_kept_beyond_that(db, settings):
    other = Preferences(DECLARED)
    async with db.write() as tx:
        await settings.save(tx, {"paper": "letter"}, actor=ALICE, now=NOW)
        assert await other.text(db, "paper") == "a4"
    assert await other.text(db, "paper") == "letter"


async def test_the_last_value_read_can_be_had_without_waiting(db, settings):
    await save(settings, db, time_zone="Europe/Berlin")
    assert settings.remembered(db, "time_zone", "UTC") == "UTC"
    await settings.all(db)
    assert settings.remembered(db, "time_zone", "UTC") == "Europe/Berlin"


async def test_a_secret_is_sealed_hidden_and_kept_by_an_empty_value(db, settings):
    await save(settings, db, smtp_password="correct horse")
    await save(settings, db, smtp_password="")
    assert await settings.secret(db, "smtp_password", KEYS) == "correct horse"
    assert (await settings.all(db))["smtp_password"] == ""
    assert "horse" not in str(await db.all("SELECT * FROM preference"))
    assert [(entry.before, entry.after) for entry in await log(db)] == [({"smtp_password": "not set"}, {"smtp_password": "set"})]
    assert await settings.secrets_set(db) == {"smtp_password": "set"}
    exported = await settings.exported(db)
    assert b'"secrets": ["smtp_password"]' in b" ".join(exported.split()).replace(b"[ ", b"[").replace(b" ]", b"]")
    assert "smtp_password" not in settings.imported(exported) and b"horse" not in exported


async def test_a_secret_is_removed_by_a_minus(db, settings):
    await save(settings, db, smtp_password="correct horse")
    await save(settings, db, smtp_password="-")
    await save(settings, db, smtp_password="-")
    assert await settings.secret(db, "smtp_password", KEYS) == ""
    assert len(await log(db)) == 2


async def test_a_secret_is_not_stored_without_keys(db, settings):
    async with db.write() as tx:
        with pytest.raises(ValueError, match="secret"):
            await settings.save(tx, {"smtp_password": "x"}, actor=ALICE, now=NOW)


async def test_an_export_imports_elsewhere(db, settings):
    await save(settings, db, company="Globex & Söhne", letterhead="a\nb", tax="7.5")
    values = settings.imported(await settings.exported(db))
    await db.run("DELETE FROM preference")
    assert await save(settings, db, **values) == {}
    assert await settings.text(db, "company") == "Globex & Söhne"
    assert await settings.lines(db, "letterhead") == ("a", "b")


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b'{"settings":{}}', b'{"format":"other","settings":{}}', b'{"format":"hivematrix-settings/1","settings":{"a":1}}',
     b'{"format":"hivematrix-settings/1","settings":{},"more":1}', b'{"format":"hivematrix-settings/1","settings":{"a":"1","a":"2"}}'],
)  # fmt: skip
def test_another_sort_of_file_is_refused(settings, raw):
    with pytest.raises(Malformed):
        settings.imported(raw)


@pytest.mark.parametrize(
    "wrong",
    [
        [Preference("a", "A", "int", "x")],
        [Preference("a", "A", "int", "05")],
        [Preference("a", "A", "choice", "x", choices=("y",))],
        [Preference("a", "A", "secret", "hunter2")],
        [Preference("a", "A", "text", ""), Preference("a", "A", "text", "")],
    ],
)
def test_a_declaration_that_is_wrong_is_refused(wrong):
    with pytest.raises(ValueError):
        Preferences(wrong)


async def test_what_is_not_declared_is_a_mistake(db, settings):
    with pytest.raises(KeyError):
        await settings.text(db, "colour")


def test_a_secret_is_one_line():
    with pytest.raises(Wrong):
        check(BY_KEY["smtp_password"], "a\nb")
