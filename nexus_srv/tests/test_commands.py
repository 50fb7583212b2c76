"""`hm user`, `hm client`, `hm keys`, `hm audit`, and what `hm init` asks of Nexus."""

import asyncio
import json
import stat

import click
import pytest
from click.testing import CliRunner

from hmlib.clock import utc_now
from hmlib.config import BadSetting, load
from hmlib.db.database import connect
from hmlib.db.migrate import migrate
from hmlib.keys import new_master
from hmlib.processes.operations import Failed
from hmlib.records import audit
from nexus_srv import first_run
from nexus_srv.commands import MIGRATIONS, commands
from nexus_srv.queries import clients, users

GOOD = "four words in a row"


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """A fresh HM_HOME with a migrated database; a function that runs something on it."""
    monkeypatch.setenv("HM_HOME", str(tmp_path))
    monkeypatch.delenv("HM_NEXUS_DB", raising=False)
    monkeypatch.setenv("HM_MODULES", "toy=https://localhost:5999")
    (tmp_path / "keys").mkdir(mode=0o700)
    new_master(tmp_path / "keys" / "master.key")

    def run(deed):
        async def done():
            db = await connect(f"sqlite:///{tmp_path}/nexus.db")
            try:
                return await deed(db)
            finally:
                await db.close()

        return asyncio.run(done())

    run(lambda db: migrate(db, MIGRATIONS))
    return run


def hm(*arguments):
    result = CliRunner().invoke(commands, arguments, standalone_mode=False, catch_exceptions=True)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def settings():
    import os

    return load("nexus", os.environ)


def test_modules_get_credentials_once(suite, tmp_path):
    first = suite(lambda db: first_run.register_modules(settings(), db, utc_now()))
    assert first == ["Registered toy at https://localhost:5999"]
    file = tmp_path / "keys" / "toy-client.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secret = json.loads(file.read_text())["client_secret"]
    assert suite(lambda db: first_run.register_modules(settings(), db, utc_now())) == []
    assert suite(lambda db: clients.by_id(db, "toy")).knows(first_run.keys_of(settings()), secret)


def test_a_lost_credentials_file_is_made_anew(suite, tmp_path):
    suite(lambda db: first_run.register_modules(settings(), db, utc_now()))
    file = tmp_path / "keys" / "toy-client.json"
    file.unlink()
    suite(lambda db: first_run.register_modules(settings(), db, utc_now()))
    secret = json.loads(file.read_text())["client_secret"]
    assert suite(lambda db: clients.by_id(db, "toy")).knows(first_run.keys_of(settings()), secret)


def test_n093_the_first_administrator_gets_a_link_and_no_password(suite):
    [sentence] = suite(lambda db: first_run.ensure_admin(settings(), db, None, utc_now()))
    assert "https://localhost:5000/setup#" in sentence and "15 minutes" in sentence
    admin = suite(lambda db: users.credentials(db, "admin"))
    assert admin.password_hash is None and admin.user.level == "admin"


def test_n093_once_there_is_a_password_there_is_no_second_bootstrap(suite):
    assert suite(lambda db: first_run.ensure_admin(settings(), db, GOOD, utc_now()))
    assert suite(lambda db: first_run.ensure_admin(settings(), db, None, utc_now())) == []
    assert suite(lambda db: first_run.ensure_admin(settings(), db, "another good one!!", utc_now())) == []


def test_n173_a_weak_first_password_stops_with_the_variables_name(suite):
    with pytest.raises(BadSetting, match="HM_ADMIN_PASSWORD"):
        suite(lambda db: first_run.ensure_admin(settings(), db, "admin", utc_now()))


def test_the_demos_people_are_made_once(suite):
    [sentence] = suite(lambda db: first_run.ensure_demo_people(settings(), db, None, utc_now()))
    assert len(sentence.rpartition(" ")[2]) == 24
    assert suite(lambda db: first_run.ensure_demo_people(settings(), db, None, utc_now())) == []
    dave = suite(lambda db: users.credentials(db, "dave")).user
    assert (dave.level, dave.scope_rule) == ("client", "only")
    assert dave.company_ids == (suite(lambda db: users.company_id(db, "100001")),)


def test_a_given_demo_password_is_everyones(suite):
    [sentence] = suite(lambda db: first_run.ensure_demo_people(settings(), db, GOOD, utc_now()))
    assert sentence.endswith(GOOD) and "alice (admin)" in sentence


def test_adding_resetting_and_disabling_people(suite):
    suite(lambda db: first_run.ensure_admin(settings(), db, GOOD, utc_now()))
    assert "/setup#" in hm("user", "add", "erin", "--level", "billing").output
    assert "signed out everywhere" in hm("user", "disable", "ERIN").output
    assert suite(lambda db: users.credentials(db, "erin")).user.status == "disabled"
    assert "/setup#" in hm("user", "reset", "erin").output
    assert suite(lambda db: users.credentials(db, "erin")).user.active


def test_what_the_rules_forbid_fails_in_plain_words(suite):
    suite(lambda db: first_run.ensure_admin(settings(), db, GOOD, utc_now()))
    for arguments, words in (
        (("user", "disable", "admin"), "last administrator"),
        (("user", "add", "Admin"), "taken"),
        (("user", "add", "x", "--level", "client"), "company"),
        (("user", "add", "x", "--company", "999999"), "999999"),
        (("user", "reset", "nobody"), "no user"),
        (("keys", "compromise", "nothing"), "no key"),
    ):
        with pytest.raises(Failed, match=words):
            hm(*arguments)


def test_a_client_is_told_its_secret_once(suite):
    made = json.loads(hm("client", "add", "Grafana", "--redirect-uri", "https://grafana.example.com/login", "--json").output)
    client = suite(lambda db: clients.by_id(db, made["client_id"]))
    assert client.name == "Grafana" and client.knows(first_run.keys_of(settings()), made["client_secret"]) and not client.module
    text = hm("client", "add", "Other", "--redirect-uri", "https://other.example.com/back").output
    assert text.splitlines()[0].startswith("client_id ") and text.splitlines()[1].startswith("client_secret ")


@pytest.mark.parametrize(
    "uri",
    [
        "http://evil.example.com/",
        "https://",
        "javascript:alert(1)",
        "https://a@evil.example.com/",
        "https://x.example.com/#a",
        "x",
        "https://[/",
    ],
)
def test_an_address_that_cannot_be_trusted_is_wrong_usage(suite, uri):
    with pytest.raises(click.UsageError):
        hm("client", "add", "Other", "--redirect-uri", uri)


def test_an_unknown_scope_is_wrong_usage(suite):
    with pytest.raises(click.UsageError):
        hm("client", "add", "Other", "--redirect-uri", "http://localhost:8000/back", "--scope", "everything")


def test_keys_rotate_and_can_be_dropped(suite):
    first = hm("keys", "rotate").output.split()[4]
    assert hm("keys", "rotate").output.split()[4] != first
    assert "not believed" in hm("keys", "compromise", first).output


def test_n176_a_changed_audit_log_is_found(suite, monkeypatch, tmp_path):
    monkeypatch.setenv("HM_MODULES", "nothere=https://localhost:5999")
    suite(lambda db: first_run.ensure_admin(settings(), db, None, utc_now()))
    assert hm("audit", "verify").exit_code == 0
    suite(lambda db: tamper(db))
    result = hm("audit", "verify")
    assert result.exit_code == 1 and "nexus: broken at entry 1" in result.output


async def tamper(db):
    for name in [row["name"] for row in await db.all("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'")]:
        await db.run(f"DROP TRIGGER {name}")
    await db.run("UPDATE audit SET actor_name = 'somebody else' WHERE seq = 1")
    assert await audit.first_broken(db) == 1
