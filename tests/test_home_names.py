"""A home whose path holds what people's folders hold: everything works, or is refused in one sentence."""

import os
import subprocess
import sys
import urllib.request

import pytest

from tests.running import ROOT
from tests.whole import SERVICES, Whole

pytestmark = pytest.mark.journey
NAME = "Bücher 50% [a]?#'q\"%(x)s;"


@pytest.fixture(scope="module")
def suite():
    suite = Whole(os.environ.get("HM_TEST_DB", "sqlite"), demo=False, name=NAME)
    yield suite
    suite.close()


@pytest.mark.parametrize("service", ["wiki", "treasury"])
def test_people_sign_in_at_a_module_and_out_again(suite, service):
    visitor = suite.visitor()
    assert visitor.sign_in(service, "admin").status_code == 200
    assert not visitor.needs_form(service)


def test_the_commands_work(suite):
    assert suite.hm("status").count("RUNNING") == 6
    assert suite.hm("restart", "wiki") == "wiki_00 restarted\nwiki_01 restarted\n"
    assert suite.hm("supervisorctl", "pid", "wiki:wiki_00").strip() == str(suite.processes("wiki")[0].pid)
    assert "wiki_00" in {file.stem for file in (suite.home / "logs").iterdir()}
    assert "BAD" not in suite.hm("doctor")


def test_figures_are_there(suite):
    suite.visitor().get(suite.origins["wiki"] + "/")
    with urllib.request.urlopen(f"http://127.0.0.1:{suite.environ['HM_WIKI_METRICS_PORT']}/metrics", timeout=10) as answer:
        assert b"hm_requests_total{" in answer.read()


def test_files_are_in_the_home_and_nowhere_else(suite):
    assert {path.name for path in suite.home.parent.iterdir()} == {NAME}
    if suite.environ.get("HM_NEXUS_DB") is None:
        assert all((suite.home / f"{service}.db").exists() for service in SERVICES)


@pytest.mark.parametrize("name", [b"two\nlines", b"\xff\xfe", b"bell\x07"])
def test_a_name_nobody_can_read_is_refused(tmp_path, name):
    command = [sys.executable, "-c", "from hmlib.cli import main; main()", "init"]
    environ = {**os.environb, b"HM_HOME": os.fsencode(tmp_path) + b"/" + name, b"PYTHONPATH": os.fsencode(ROOT)}
    refused = subprocess.run(command, env=environ, capture_output=True, timeout=60)
    assert refused.returncode == 78 and refused.stderr.startswith(b"hm: HM_HOME names") and refused.stderr.count(b"\n") == 1
    assert not list(tmp_path.iterdir())
