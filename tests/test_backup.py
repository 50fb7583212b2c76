"""A backup under load, brought back on another machine: nothing acknowledged is missing, nobody is signed in, nothing bad is taken."""

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from pathlib import Path

import pyrage
import pytest
import requests

from hmlib.db.sqlite_drivers import chosen
from tests.running import ROOT, until
from tests.whole import PASSWORD, Whole

pytestmark = pytest.mark.journey

ENGINE = os.environ.get("HM_TEST_DB", "sqlite")
PHRASE = "seven orange tractors"
OTHER_DISK = "/dev/shm"  # noqa: S108  a file system of its own; what is made in it has a name of its own, for us alone


class Writers:
    """Make companies from several threads until told to stop; what was acknowledged, in its order."""

    def __init__(self, whole, count=4):
        self.whole, self.acknowledged, self.refused = whole, [], []
        self._stop, self._token = threading.Event(), whole.token("admin")
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in range(count)]

    def _run(self, number):
        made = 0
        while not self._stop.is_set():
            name = f"Writer {number} number {made}"
            answer = self.whole.api("nexus", "/api/companies", "POST", self._token, json={"name": name})
            (self.acknowledged if answer.status_code == 201 else self.refused).append(name if answer.status_code == 201 else answer.text)
            made += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self.threads:
            thread.join()


class Elsewhere(Whole):
    """Another machine: a home and ports of its own, and nothing in it yet."""

    def __init__(self, engine):
        super().__init__(engine, demo=False, start=False)

    def tried(self, *arguments):
        command = [sys.executable, "-c", "from hmlib.cli.main import main; main()", *arguments]
        return subprocess.run(command, cwd=ROOT, env=self.environ, capture_output=True, text=True, timeout=120)


def contents(home):
    return {str(path): path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()} if home.exists() else {}


@pytest.fixture(scope="module")
def secret(tmp_path_factory):
    file = tmp_path_factory.mktemp("secret") / "phrase"
    file.touch(mode=0o600)
    file.write_text(PHRASE + "\n")
    return str(file)


@pytest.fixture(scope="module")
def saved(secret):
    """A suite that was backed up while four programs wrote into it: the suite, the backup, what was acknowledged before it began, and what
    programs held then."""
    whole = Whole(ENGINE, demo=False)
    try:
        token = whole.token("admin")
        first = whole.api("nexus", "/api/companies", "POST", token, json={"name": "First"})
        held = {"token": token, "etag": first.headers["ETag"], "path": first.headers["Location"]}
        with Writers(whole) as writers:
            assert until(lambda: len(writers.acknowledged) >= 40, 60)
            before = list(writers.acknowledged)
            said = whole.hm("backup", str(whole.home.parent / "backups"), "--passphrase-file", secret)
        assert not writers.refused and len(writers.acknowledged) > len(before)
        assert "Backed up wiki, treasury, nexus" in said
        (file,) = (whole.home.parent / "backups").iterdir()
        yield whole, file, before, held
    finally:
        whole.close()


@pytest.fixture
def elsewhere():
    there = Elsewhere(ENGINE)
    yield there
    there.close()


def test_a_restore_on_another_machine_brings_back_all_that_was_acknowledged(saved, elsewhere, secret):
    _, file, before, held = saved
    said = elsewhere.hm("restore", str(file), "--passphrase-file", secret)
    assert "is whole: wiki, treasury, nexus" in said and elsewhere.origins["wiki"] in said
    assert "nothing has changed" in elsewhere.hm("init", HM_ADMIN_PASSWORD="")
    assert elsewhere.hm("audit", "verify").count("whole") == 3
    elsewhere.hm("up", "--detach")
    token = elsewhere.token("admin")
    found = {company["name"] for company in elsewhere.api("nexus", "/api/companies", token=token).json()}
    assert set(before) <= found and "First" in found

    # who was signed in is not, and what programs held of before stands for nothing
    assert elsewhere.api("nexus", "/api/companies", token=held["token"]).status_code == 401
    now = elsewhere.api("nexus", held["path"], token=token, headers={"If-None-Match": held["etag"]})
    assert now.status_code == 200 and now.headers["ETag"] != held["etag"]
    stale = {"headers": {"If-Match": held["etag"]}, "json": {"name": "Second"}}
    assert elsewhere.api("nexus", held["path"], "PATCH", token, **stale).status_code == 412
    fresh = {"headers": {"If-Match": now.headers["ETag"]}, "json": {"name": "Second"}}
    assert elsewhere.api("nexus", held["path"], "PATCH", token, **fresh).status_code == 200

    # single sign-on knows the new addresses
    assert "admin" in elsewhere.visitor().sign_in("wiki", "admin").text.lower()

    # and nothing goes to others until somebody says so
    doctor = elsewhere.tried("doctor")
    assert doctor.returncode == 1 and "hm outbox release" in doctor.stdout
    assert "nexus" in elsewhere.hm("outbox", "release") and "Nothing was held" in elsewhere.hm("outbox", "release")
    assert "hm outbox release" not in elsewhere.tried("doctor").stdout


def repacked(file, change, target):
    """The same backup with other files in it: ``change`` gets and answers what it holds by name."""
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(pyrage.passphrase.decrypt(file.read_bytes(), PHRASE)))) as archive:
        held = {member.name: archive.extractfile(member).read() for member in archive}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, raw in change(held).items():
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            archive.addfile(info, io.BytesIO(raw))
    target.write_bytes(pyrage.passphrase.encrypt(gzip.compress(out.getvalue(), 1), PHRASE))


def flipped(raw, at):
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


def with_manifest(held, **changes):
    return {**held, "MANIFEST.json": json.dumps({**json.loads(held["MANIFEST.json"]), **changes}).encode()}


BAD = {
    "a flipped bit": lambda file, out: out.write_bytes(flipped(file.read_bytes(), file.stat().st_size // 2)),
    "cut short": lambda file, out: out.write_bytes(file.read_bytes()[:-100_000]),
    "another passphrase": lambda file, out: out.write_bytes(pyrage.passphrase.encrypt(b"x", "another phrase")),
    "no backup": lambda file, out: out.write_bytes(b"PK\x03\x04 not really"),
    "a missing file": lambda file, out: repacked(file, lambda held: {k: v for k, v in held.items() if "master.key" not in k}, out),
    "a file more": lambda file, out: repacked(file, lambda held: {**held, "keys/more": b"x"}, out),
    "a name that leads out": lambda file, out: repacked(file, lambda held: {**held, "../more": b"x"}, out),
    "a changed file": lambda file, out: repacked(file, lambda held: {**held, "tls/ca.pem": flipped(held["tls/ca.pem"], 300)}, out),
    "another suite's name": lambda file, out: repacked(file, lambda held: with_manifest(held, suite_id="other"), out),
    "a newer format": lambda file, out: repacked(file, lambda held: with_manifest(held, format="hivematrix-backup/2"), out),
}


@pytest.mark.skipif(ENGINE != "sqlite", reason="what is in the file is the same on both engines but for the dump")
@pytest.mark.parametrize("case", BAD)
def test_what_is_not_whole_is_refused_before_anything_is_touched(saved, elsewhere, secret, case, tmp_path):
    _, file, _, _ = saved
    bad = tmp_path / "bad.tar.gz.age"
    BAD[case](file, bad)
    elsewhere.hm("init")
    before = contents(elsewhere.home)
    refused = elsewhere.tried("restore", str(bad), "--passphrase-file", secret, "--replace-other-suite")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1), refused.stdout + refused.stderr
    assert "Traceback" not in refused.stderr
    assert contents(elsewhere.home) == before


def test_a_running_suite_another_suite_and_an_open_secret_are_refused(saved, elsewhere, secret, tmp_path):
    whole, file, _, _ = saved
    with pytest.raises(AssertionError, match="Stop it first"):
        whole.hm("restore", str(file), "--passphrase-file", secret)
    elsewhere.hm("init")
    refused = elsewhere.tried("restore", str(file), "--passphrase-file", secret)
    assert refused.returncode == 1 and "--replace-other-suite" in refused.stderr
    open_secret = tmp_path / "open"
    open_secret.write_text(PHRASE)
    open_secret.chmod(0o644)
    assert "chmod 600" in elsewhere.tried("restore", str(file), "--passphrase-file", str(open_secret)).stderr
    assert elsewhere.tried("backup", str(tmp_path)).returncode == 2


@pytest.mark.skipif(ENGINE != "sqlite", reason="a server's own list of connections is asked there")
def test_a_database_that_another_suite_has_open_is_not_taken_away_from_it(saved, elsewhere, secret):
    """As when a drill is held where HM_TREASURY_DB still names the database in use."""
    whole, file, _, _ = saved
    elsewhere.environ["HM_TREASURY_DB"] = f"sqlite:///{whole.home / 'treasury.db'}"
    refused = elsewhere.tried("restore", str(file), "--passphrase-file", secret)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1) and "HM_TREASURY_DB: others" in refused.stderr, refused.stderr
    assert not (elsewhere.home / "nexus.db").exists()
    assert whole.api("treasury", "/readyz").status_code == 200
    whole.hm("audit", "verify")


@pytest.mark.skipif(ENGINE != "sqlite" or not os.path.isdir(OTHER_DISK), reason="needs a second file system, and files")
def test_what_lies_on_another_file_system_is_replaced_and_kept_beside_its_place(saved, elsewhere, secret):
    _, file, _, _ = saved
    with tempfile.TemporaryDirectory(dir=OTHER_DISK) as other:
        elsewhere.environ |= {"HM_TREASURY_DB": f"sqlite:///{other}/treasury.db", "HM_MASTER_KEY_FILE": f"{other}/master.key"}
        elsewhere.hm("restore", str(file), "--passphrase-file", secret)
        first = Path(other, "treasury.db").read_bytes()
        said = elsewhere.hm("restore", str(file), "--passphrase-file", secret)
        (kept,) = Path(other).glob("treasury.db.before-restore-*")
        assert kept.read_bytes() == first and str(kept) in said
        assert len(list(Path(other).glob("master.key.before-restore-*"))) == 1
        assert elsewhere.hm("audit", "verify").count("whole") == 3


CRASH = """
import os, sys
from pathlib import Path
from hmlib.cli.main import main
{patch}
sys.argv = ["hm", "restore", {file!r}, "--passphrase-file", {secret!r}, "--replace-other-suite"]
main()
"""
AFTER_MOVES = """
from hmlib.backups import replacing
left, replace = [{moves}], Path.replace
def counted(self, target):
    replace(self, target)
    if "before-restore-" in str(target):
        left[0] -= 1
        if left[0] <= 0:
            os._exit(9)
Path.replace = counted
"""
AFTER_SCHEMA = """
from hmlib.backups import replacing
async def crash(*_):
    os._exit(9)
replacing.migrate = lambda db, folders: crash() if db.dialect == "postgresql" else migrate(db, folders)
"""


@pytest.mark.parametrize("moves", [1, 4, 9] if ENGINE == "sqlite" else [0])
def test_a_restore_killed_in_the_middle_can_be_undone_and_repeated(saved, elsewhere, secret, moves):
    _, file, _, _ = saved
    elsewhere.hm("init")
    at_first = contents(elsewhere.home)
    patch = AFTER_MOVES.format(moves=moves) if moves else AFTER_SCHEMA
    code = CRASH.format(patch=patch, file=str(file), secret=secret)
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=elsewhere.environ, timeout=120).returncode == 9
    for command in (("up", "--detach"), ("init",)):
        refused = elsewhere.tried(*command)
        assert refused.returncode == 78 and "interrupted" in refused.stderr, refused.stderr
    assert "as it was before" in elsewhere.hm("restore", "--undo")
    assert {path: raw for path, raw in contents(elsewhere.home).items() if "/.restore-" not in path} == at_first
    assert "nothing has changed" in elsewhere.hm("init")
    assert "Restored" in elsewhere.hm("restore", str(file), "--passphrase-file", secret, "--replace-other-suite")
    assert "nothing has changed" in elsewhere.hm("init")


@pytest.mark.skipif(ENGINE != "sqlite", reason="the file is the same on both engines")
def test_a_plan_keeps_the_newest_and_its_backups_open_with_age_itself(elsewhere, tmp_path):
    elsewhere.hm("init")
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "identity").write_text(f"{identity}\n")
    (tmp_path / "identity").chmod(0o600)
    folder = tmp_path / "backups"
    assert "daily 02:30" in elsewhere.hm(
        "backup", "--schedule", "daily 02:30", "--keep", "2", "--recipient", str(identity.to_public()), str(folder)
    )
    for bad in (("daily 25:00",), ("whenever",)):
        assert elsewhere.tried("backup", "--schedule", *bad, "--recipient", str(identity.to_public()), str(folder)).returncode == 1
    assert elsewhere.tried("backup", "--schedule", "daily 02:30", "--recipient", "age1nonsense", str(folder)).returncode == 1
    for _ in range(3):
        elsewhere.hm("backup", "--planned")
    found = sorted(folder.iterdir())
    assert 1 <= len(found) <= 2 and all(file.stat().st_mode & 0o077 == 0 for file in found)
    assert not [path.name for path in elsewhere.home.iterdir() if path.name.startswith(".backup")]
    assert "is whole" in elsewhere.hm("restore", str(folder), "--identity", str(tmp_path / "identity"), "--check")
    if shutil.which("age"):
        plain = subprocess.run(["age", "-d", "-i", tmp_path / "identity", found[-1]], capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(plain), mode="r:gz") as archive:
            assert {"MANIFEST.json", "nexus.db", "keys/master.key"} <= set(archive.getnames())
    assert "no backups" in elsewhere.hm("backup", "--schedule", "off").lower()


def test_no_log_and_no_audit_entry_holds_the_passphrase(saved):
    whole, _, _, _ = saved
    entries = requests.get(
        whole.origins["nexus"] + "/api/audit?action=suite.",
        headers={"Authorization": f"Bearer {whole.token('admin')}"},
        verify=whole.ca,
        timeout=30,
    ).text
    assert "suite.backed_up" in entries
    assert PHRASE not in entries + whole.logs() and PASSWORD not in entries


@pytest.mark.skipif(ENGINE != "sqlite", reason="the plan is carried out in the same way on both engines")
def test_the_running_suite_makes_a_planned_backup_that_was_missed_once(saved, tmp_path):
    whole, _, _, _ = saved
    recipient, folder = str(pyrage.x25519.Identity.generate().to_public()), tmp_path / "planned"
    whole.hm("backup", "--schedule", "daily 00:00", "--recipient", recipient, str(folder))
    database = chosen("auto").connect(whole.home / "nexus.db", 10.0)
    database.count("UPDATE backup_plan SET changed_at = ''")  # as if it had been planned long ago, and missed today
    database.close()
    assert until(lambda: folder.exists() and [file for file in folder.iterdir() if not file.name.startswith(".")], 120)
    time.sleep(40)  # both processes have looked again
    assert len([file for file in folder.iterdir() if not file.name.startswith(".")]) == 1
    page = requests.get(
        whole.origins["nexus"] + "/api/audit?action=suite.backed_up", headers={"Authorization": f"Bearer {whole.token('admin')}"},
        verify=whole.ca, timeout=30,
    )  # fmt: skip
    assert len(page.json()) == 2
    whole.hm("backup", "--schedule", "off")
