"""What a suite had and has lost is missed at the start, in one sentence, and never replaced by something empty."""

import asyncio
import json
import shutil
import time
from datetime import UTC, datetime, timedelta

import pyrage
import pytest

from hmlib.clock import shifted, utc_now
from hmlib.db.database import connect
from hmlib.db.migrate import migrate
from hmlib.keys import new_master
from hmlib.server import certificates
from hmlib.testing import postgres_fixture
from nexus_srv.app import MIGRATIONS
from tests.running import Home, until

pytestmark = pytest.mark.journey

PASSWORD = "correct horse battery 9"


def lost(name):
    return lambda home: (home / name).unlink()


def emptied(name):
    return lambda home: (home / name).write_bytes(b"")


def swapped(name, other):
    return lambda home: shutil.copy(home / other, home / name)


def another_key(home):
    (home / "keys" / "master.key").unlink()
    new_master(home / "keys" / "master.key")


def another_authority(home):
    folder = home.parent / "other"
    certificates.ensure(folder, (), datetime.now(UTC))
    for name in ("ca.pem", "ca.key", "server.pem", "server.key"):
        shutil.copy(folder / name, home / "tls" / name)


def expired(home):
    authority = certificates._load(home / "tls", "ca", datetime.now(UTC))
    old = certificates.new_server(authority, ("localhost",), datetime.now(UTC) - timedelta(days=500))
    certificates._store(home / "tls", "server", old, (authority.cert,))


def made_anew(home):
    async def made():
        db = await connect(f"sqlite:///{home / 'nexus.db'}")
        await migrate(db, MIGRATIONS)
        await db.close()

    (home / "nexus.db").unlink()
    asyncio.run(made())


def clock_back(home):
    """The same to a program as a clock that has gone back two days: it ran then."""
    file = home / "suite" / "nexus.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "at": shifted(utc_now(), 2 * 86_400)}))


CASES = {
    "the key is lost": (lost("keys/master.key"), "master.key"),
    "the key is emptied": (emptied("keys/master.key"), "master.key"),
    "the key is another's": (another_key, "not the key of this suite"),
    "Nexus's database is lost": (lost("nexus.db"), "HM_NEXUS_DB"),
    "a module's database is lost": (lost("treasury.db"), "HM_TREASURY_DB"),
    "a module's database is lost, and what this machine saw of it": (
        lambda home: (lost("treasury.db")(home), lost("suite/treasury.json")(home)),
        "HM_TREASURY_DB",
    ),
    "a module's database is emptied": (emptied("treasury.db"), "HM_TREASURY_DB"),
    "a module's database is another module's": (swapped("treasury.db", "wiki.db"), "HM_TREASURY_DB names the database of wiki"),
    "Nexus's database is one of before": (swapped("nexus.db", "../older.db"), "older or emptier"),
    "Nexus's database is made anew": (made_anew, "older or emptier"),
    "the authority is lost": (lost("tls/ca.pem"), "ca.pem"),
    "the authority's key is lost": (lost("tls/ca.key"), "ca.key"),
    "the certificate is lost": (lost("tls/server.pem"), "server.pem"),
    "the certificate is emptied": (emptied("tls/server.pem"), "server.pem"),
    "the certificate's key is another's": (swapped("tls/server.key", "tls/ca.key"), "server.key"),
    "the authority is another's": (another_authority, "not the authority of this suite"),
    "the clock went back": (clock_back, "Set the clock"),
}


@pytest.fixture(scope="module")
def made():
    """A suite, a copy of Nexus's database from before its last entry, and the folder as it is to be before each case."""
    home = Home()
    try:
        assert home.hm("init", HM_ADMIN_PASSWORD=PASSWORD).returncode == 0
        shutil.copy(home.home / "nexus.db", home.folder / "older.db")
        assert home.hm("user", "add", "erin").returncode == 0
        assert home.hm("init").returncode == 0
        shutil.copytree(home.home, home.folder / "whole")
        yield home
    finally:
        home.close()


@pytest.fixture
def home(made):
    shutil.rmtree(made.home)
    shutil.copytree(made.folder / "whole", made.home)
    return made


def contents(home):
    return {path: path.read_bytes() for path in sorted(home.home.rglob("*")) if path.is_file() and path.suffix not in (".log", ".start")}


def test_with_nothing_lost_init_and_doctor_are_content(home):
    again, doctor = home.hm("init"), home.hm("doctor")
    assert again.returncode == 0 and "nothing has changed" in again.stdout
    bad = [line for line in doctor.stdout.splitlines() if line.startswith("BAD")]
    assert len(bad) == 1 and "hm up --detach" in bad[0], doctor.stdout


@pytest.mark.parametrize("case", CASES)
def test_n196_what_is_lost_is_named_and_never_replaced(home, case):
    lose, words = CASES[case]
    lose(home.home)
    before = contents(home)
    for command in (("init",), ("up", "--detach")):
        refused = home.hm(*command)
        assert (refused.returncode, refused.stderr.count("\n")) == (78, 1), refused.stderr + refused.stdout
        assert words in refused.stderr and "Traceback" not in refused.stderr
    doctor = home.hm("doctor")
    assert doctor.returncode == 1
    assert any(line.startswith("BAD") and words.split(" names")[0] in line for line in doctor.stdout.splitlines()), doctor.stdout
    assert contents(home) == before


@pytest.mark.parametrize("case", ["a module's database is lost", "a module's database is emptied", "Nexus's database is one of before"])
def test_n196_no_backup_is_made_of_what_is_lost(home, case):
    lose, words = CASES[case]
    lose(home.home)
    refused = home.hm("backup", str(home.folder / "backups"), "--recipient", str(pyrage.x25519.Identity.generate().to_public()))
    assert refused.returncode == 78 and words in refused.stderr, refused.stdout + refused.stderr
    assert not list(home.folder.glob("backups/*"))


def test_n196_a_process_started_by_hand_makes_no_database_either(home):
    (home.home / "treasury.db").unlink()
    done = home.run("treasury_srv")
    assert (done.returncode, "HM_TREASURY_DB" in done.stderr) == (78, True), done.stderr
    assert not (home.home / "treasury.db").exists()


def test_an_expired_certificate_of_our_own_is_renewed_and_nothing_else_changes(home):
    expired(home.home)
    authority = (home.home / "tls" / "ca.pem").read_bytes()
    again = home.hm("init")
    assert again.returncode == 0 and "Made a server certificate" in again.stdout
    assert (home.home / "tls" / "ca.pem").read_bytes() == authority


def test_what_is_to_begin_anew_is_said_by_name(home):
    (home.home / "treasury.db").unlink()
    (home.home / "tls" / "ca.key").unlink()
    assert home.hm("init", "--anew", "treasury").returncode == 78
    assert "no service" in home.hm("init", "--anew", "cats").stderr
    done = home.hm("init", "--anew", "treasury", "--anew", "certificates")
    assert done.returncode == 0, done.stderr
    assert "Prepared the database of treasury" in done.stdout and "Made a local certificate authority" in done.stdout
    assert len(list((home.home / "tls").glob("ca.pem.until-*"))) == 1
    assert "nothing has changed" in home.hm("init").stdout


def test_an_older_database_is_taken_when_somebody_says_so_and_everybody_signs_in_again(home):
    shutil.copy(home.folder / "older.db", home.home / "nexus.db")
    done = home.hm("init", "--accept", "nexus")
    assert done.returncode == 0 and "everybody signs in again" in done.stdout, done.stderr
    assert home.hm("init").returncode == 0
    assert home.hm("audit", "verify").returncode == 0


def test_n196_a_database_removed_while_it_runs_takes_no_writes_until_it_is_back_and_the_service_restarted(home):
    def sign_in():
        body = json.dumps({"username": "admin", "password": PASSWORD})
        return home.post("/api/token", body)

    assert home.hm("up", "--detach").returncode == 0
    try:
        assert sign_in() == 200
        refused = home.hm("init", "--accept", "wiki")
        assert refused.returncode == 1 and "hm down" in refused.stderr, "nothing is replaced under a suite that runs"
        (home.home / "nexus.db").rename(home.folder / "aside.db")
        assert sign_in() == 503
        assert until(lambda: home.fetch("/readyz")[0] == 503)
        time.sleep(2.5)  # both processes ask their outbox meanwhile, so that both have missed it
        (home.folder / "aside.db").rename(home.home / "nexus.db")
        assert sign_in() == 503, "a process that has missed its file once must not go on as if nothing had been"
        restarted = home.hm("restart", "nexus")
        assert restarted.returncode == 0, restarted.stderr
        assert until(lambda: home.fetch("/readyz")[0] == 200) and sign_in() == 200
    finally:
        home.hm("down")


def test_n196_an_emptied_postgresql_database_is_refused_too():
    home = Home()
    try:
        urls = [postgres_fixture.fresh_url() for _ in range(4)]
    except postgres_fixture.NoPostgres as missing:
        pytest.skip(str(missing))
    try:
        home.environ |= {f"HM_{name}_DB": url for name, url in zip(("NEXUS", "WIKI", "TREASURY"), urls, strict=False)}
        made = home.hm("init", HM_ADMIN_PASSWORD=PASSWORD)
        assert made.returncode == 0, made.stderr
        for command in (("init",), ("up", "--detach")):
            refused = home.hm(*command, HM_WIKI_DB=urls[3])
            assert refused.returncode == 78 and "HM_WIKI_DB" in refused.stderr, refused.stderr
            refused = home.hm(*command, HM_WIKI_DB=urls[2])
            assert refused.returncode == 78 and "HM_WIKI_DB names the database of treasury" in refused.stderr, refused.stderr
        shutil.rmtree(home.home)
        refused = home.hm("init", HM_ADMIN_PASSWORD=PASSWORD)
        assert refused.returncode == 78 and "master key" in refused.stderr, refused.stderr
        assert not (home.home / "keys" / "master.key").exists()
    finally:
        home.close()
        for url in urls:
            postgres_fixture.drop(url)
