"""A home whose path holds what people's folders hold: everything works, or is refused in one sentence."""

import os
import shutil
import subprocess
import sys
import urllib.request

import pytest

from tests.running import ROOT, free_ports
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


@pytest.fixture
def ports():
    names = [f"HM_{service.upper()}_{which}" for service in SERVICES for which in ("PORT", "METRICS_PORT")]
    return dict(zip(names, map(str, free_ports(6)), strict=True))


def command(name, home, **variables):
    line = [sys.executable, "-c", "from hmlib.cli.main import main; main()", name]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HM_HOME": str(home), **variables}
    return subprocess.run(line, env=environ, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("name", ["init", "up"])
def test_a_file_where_a_folder_should_be_is_named_in_one_sentence(tmp_path, ports, name):
    home = tmp_path / "home"
    if name == "up":
        assert command("init", home, **ports).returncode == 0
        shutil.rmtree(home / "logs")
        (home / "logs").touch()
    else:
        home.touch(mode=0o600)
    refused = command(name, home, **ports)
    assert refused.returncode in (1, 78) and str(home) in refused.stderr, refused.stderr
    assert refused.stderr.count("\n") == 1 and refused.stderr.startswith("hm: ")


@pytest.mark.parametrize("other", ["HM_TREASURY_PORT", "HM_WIKI_METRICS_PORT"])
def test_two_services_on_one_port_are_refused_and_both_variables_named(tmp_path, ports, other):
    for name in ("init", "up", "doctor"):
        refused = command(name, tmp_path / "home", **{**ports, other: ports["HM_WIKI_PORT"]})
        assert refused.returncode == 78 and refused.stderr.count("\n") == 1
        assert other in refused.stderr and "HM_WIKI_PORT" in refused.stderr
    assert not (tmp_path / "home" / "keys").exists()


@pytest.mark.parametrize("name", [b"two\nlines", b"\xff\xfe", b"bell\x07"])
def test_a_name_nobody_can_read_is_refused(tmp_path, name):
    command = [sys.executable, "-c", "from hmlib.cli.main import main; main()", "init"]
    environ = {**os.environb, b"HM_HOME": os.fsencode(tmp_path) + b"/" + name, b"PYTHONPATH": os.fsencode(ROOT)}
    refused = subprocess.run(command, env=environ, capture_output=True, timeout=60)
    assert refused.returncode == 78 and refused.stderr.startswith(b"hm: HM_HOME names") and refused.stderr.count(b"\n") == 1
    assert not list(tmp_path.iterdir())
