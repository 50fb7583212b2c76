"""`hm doctor` against what has really gone wrong: each time it says what, what to do, and ends with 1."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from hmlib.db.database import connect
from hmlib.keys import new_master
from hmlib.server import certificates
from tests.running import ROOT, free_ports
from tests.whole import Whole

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def suite():
    suite = Whole(os.environ.get("HM_TEST_DB", "sqlite"), demo=False)
    yield suite
    suite.close()


def wrong(suite, **environ):
    """The sentences about what is wrong, with these variables changed."""
    said = suite.hm("doctor", check=False, **environ)
    return [line.removeprefix("BAD   ") for line in said.splitlines() if line.startswith("BAD")]


def test_nothing_is_wrong_with_a_suite_that_runs(suite):
    said = suite.hm("doctor")
    for module in ("wiki", "treasury"):
        assert f"{module} reaches Nexus at {suite.origins['nexus']} with its own credentials, and their clocks agree" in said
    assert "Nexus knows every module with its addresses of today and its credentials" in said


def test_a_nexus_that_does_not_resolve(suite):
    found = wrong(suite, HM_NEXUS_URL="https://nexus.nowhere.invalid")
    assert any("names nexus.nowhere.invalid, which does not resolve here" in line for line in found)
    for module in ("wiki", "treasury"):
        assert f"{module} does not reach Nexus at https://nexus.nowhere.invalid: its name does not resolve" in found


def test_a_nexus_where_nobody_listens(suite):
    (port,) = free_ports(1)
    assert f"wiki does not reach Nexus at https://localhost:{port}: nobody listens there" in wrong(
        suite, HM_NEXUS_URL=f"https://localhost:{port}"
    )


def test_a_certificate_of_somebody_else(suite, tmp_path):
    authority = suite.home / "tls" / "ca.pem"
    kept = authority.read_text()
    certificates.ensure(tmp_path, [], datetime.now(UTC))
    try:
        authority.write_text((tmp_path / "ca.pem").read_text())
        assert any("vouches for" in line and line.startswith("wiki does not reach") for line in wrong(suite))
    finally:
        authority.write_text(kept)


def test_moved_ports(suite):
    (port,) = free_ports(1)
    assert any(
        f"wiki is registered at {suite.origins['wiki']}, and HM_MODULES says https://localhost:{port}: hm init moves it" in line
        for line in wrong(suite, HM_WIKI_PORT=str(port))
    )


def test_modules_that_are_named_and_not_registered_and_the_other_way_round(suite):
    modules = f"wiki={suite.origins['wiki']},tickets=https://localhost:5999"
    found = wrong(suite, HM_MODULES=modules)
    assert "tickets is not registered at Nexus: hm init registers it" in found
    assert any(line.startswith("treasury is registered at") and "HM_MODULES does not name it" in line for line in found)


def test_credentials_that_nexus_does_not_know(suite):
    file = suite.home / "keys" / "wiki-client.json"
    kept = file.read_text()
    try:
        file.write_text(json.dumps({**json.loads(kept), "client_secret": "another"}))
        found = wrong(suite)
        assert any(line.startswith("Nexus does not know the secret in") for line in found)
        assert any(line.startswith("wiki: Nexus at") and "refuses its credentials" in line for line in found)
        file.unlink()
        assert any("run hm init" in line for line in wrong(suite))
    finally:
        file.write_text(kept)
        file.chmod(0o600)


def test_another_master_key(suite):
    file = suite.home / "keys" / "master.key"
    kept = file.read_bytes()
    try:
        file.unlink()
        assert any("master key" in line.lower() or "HM_MASTER_KEY_FILE" in line for line in wrong(suite))
        new_master(file)
        assert any("HM_MASTER_KEY_FILE" in line for line in wrong(suite))
    finally:
        file.write_bytes(kept)
        file.chmod(0o600)


def test_scheduled_work_that_failed(suite):
    async def run(sql, **params):
        db = await connect(suite.suite.services["wiki"].db_url)
        await db.run(sql, **params)
        await db.close()

    insert = """
        INSERT INTO job (id, kind, title, state, slot, error, created_at, due_at, ended_at)
        VALUES (:id, 'dusting', 'Dust the shelves', :state, :id, 'No broom is there.', :id, :id, :id)
        """
    try:
        asyncio.run(run(insert, id="2026-11-27T10:00:00.000000Z", state="failed"))
        said = "wiki: “Dust the shelves” failed at 2026-11-27T10:00Z: No broom is there. The page Jobs has more."
        assert wrong(suite) == [said]
        asyncio.run(run(insert, id="2026-11-27T11:00:00.000000Z", state="done"))
        assert wrong(suite) == []
    finally:
        asyncio.run(run("DELETE FROM job WHERE kind = 'dusting'"))


def test_a_clock_that_is_off(suite):
    faketime = shutil.which("faketime")
    if faketime is None:
        pytest.skip("faketime is not installed (Debian: faketime)")
    command = [faketime, "-f", "+60s", sys.executable, "-c", "from hmlib.cli.main import main; main()", "doctor"]
    said = subprocess.run(command, cwd=ROOT, env=suite.environ, capture_output=True, text=True, timeout=120).stdout
    assert "wiki: Nexus's clock is 60 s behind: let both" in said or "wiki: Nexus's clock is 61 s behind: let both" in said, said


def test_with_the_suite_down_it_looks_at_what_it_can(suite):
    suite.hm("down")
    try:
        found = wrong(suite, HM_NEXUS_URL="https://nexus.nowhere.invalid")
        assert any("which does not resolve here" in line for line in found)
        (port,) = free_ports(1)
        assert any("hm init moves it" in line for line in wrong(suite, HM_WIKI_PORT=str(port)))
        assert [line for line in wrong(suite) if "not running" not in line] == []
    finally:
        suite.hm("up", "--detach")
