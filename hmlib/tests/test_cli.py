"""The parts of `hm` that need no running suite: progress, trust, what an import says, where services are found."""

import io
import sys
import zipfile

import click
import pytest
from click.testing import CliRunner

from hmlib.cli import data, local, trust
from hmlib.cli.progress import Progress
from hmlib.config import BadSetting
from hmlib.processes.operations import Failed, Suite
from hmlib.processes.probes import port_is_free, tail
from hmlib.tables.files import Change, Outcome
from hmlib.tables.rows import RowError


def test_without_a_terminal_progress_is_plain_lines_and_few(capsys):
    with Progress("assets") as progress:
        for done in range(0, 20_001, 100):
            progress(done, 20_000)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"assets: {n:,} of 20,000" for n in range(2000, 20_001, 2000)]


def test_quiet_progress_says_nothing(capsys):
    with Progress("assets", quiet=True) as progress:
        progress(1, 1)
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_progress_is_a_bar(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with Progress("assets") as progress:
        progress(5, 10)
    assert "assets" in terminal.getvalue() and "5/10" in terminal.getvalue()


def shown(capsys, outcome, **options):
    data.show(outcome, **{"as_json": False, "dry_run": False, **options})
    return capsys.readouterr()


def test_an_import_says_what_it_did(capsys):
    out, _ = shown(capsys, Outcome(created=2, updated=1, unchanged=3, notes=["The column Comment is left out."], applied=True))
    assert out == "Note: The column Comment is left out.\n2 created, 1 updated, 3 unchanged.\n"


def test_an_import_names_each_error(capsys):
    out, err = shown(capsys, Outcome(errors=[RowError(7, "status", "asleep", "This is none of the statuses.")]))
    assert err == "line 7, status: This is none of the statuses. It says 'asleep'.\n"
    assert out == "0 created, 0 updated, 0 unchanged, 1 with errors. Nothing was changed.\n"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RowError(1, "", "", "The file is empty."), "line 1: The file is empty.\n"),
        (RowError(4, "", "x", "The row has more cells."), "line 4: The row has more cells. It says 'x'.\n"),
        (RowError(5, "name", "", "A value is needed here."), "line 5, name: A value is needed here.\n"),
    ],
)
def test_an_error_names_only_what_there_is(capsys, error, said):
    assert shown(capsys, Outcome(errors=[error])).err == said


def test_a_dry_run_shows_each_row(capsys):
    outcome = Outcome(updated=1, changes=[Change(2, "update", "Acme", {"phone": ("1", "2")})])
    assert shown(capsys, outcome, dry_run=True).out.startswith("line 2: update Acme (phone: 1 -> 2)\n")


def test_a_folder_goes_in_as_a_zip(tmp_path):
    (tmp_path / "General").mkdir()
    (tmp_path / "General" / "a.md").write_text("# A")
    with zipfile.ZipFile(io.BytesIO(data.content(tmp_path))) as archive:
        assert archive.namelist() == ["General/a.md"] and archive.read("General/a.md") == b"# A"


def test_a_folder_with_a_link_is_refused_and_what_is_hidden_stays_out(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("x")
    (tmp_path / "a.md").write_text("# A")
    with zipfile.ZipFile(io.BytesIO(data.content(tmp_path))) as archive:
        assert archive.namelist() == ["a.md"]
    (tmp_path / "b.md").symlink_to("/etc/hostname")
    with pytest.raises(Failed, match="symbolic link"):
        data.content(tmp_path)


def test_a_space_is_for_articles_only(tmp_path):
    file = tmp_path / "prices.csv"
    file.write_text("plan\n")
    answer = CliRunner().invoke(data.import_, ["prices", str(file), "--space", "100001"])
    assert answer.exit_code == 2 and "--space is for articles" in answer.output


@pytest.fixture
def authority(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("a certificate")
    return file


def test_trust_copies_the_authority_where_the_system_looks(authority, tmp_path, monkeypatch):
    store = tmp_path / "store"
    store.mkdir()
    monkeypatch.setattr(trust, "STORES", ((store, ("true",)),))
    assert "trusts" in trust.system(authority)
    assert (store / trust.FILE).read_text() == "a certificate"


def test_trust_says_how_where_it_does_not_know(authority, monkeypatch):
    monkeypatch.setattr(trust, "STORES", ())
    assert str(authority) in trust.system(authority)
    monkeypatch.setattr(trust.shutil, "which", lambda name: None)
    assert "libnss3-tools" in trust.browsers(authority, authority.parent)[0]


def test_trust_tells_when_a_program_fails(authority, tmp_path, monkeypatch):
    store = tmp_path / "store"
    store.mkdir()
    monkeypatch.setattr(trust, "STORES", ((store, ("false",)),))
    with pytest.raises(Failed, match="false failed"):
        trust.system(authority)


def test_services_are_found_by_name(monkeypatch):
    monkeypatch.setenv("HM_MODULES", "unheard=https://localhost:5009")
    assert local.installed_modules() == []
    assert local.part("unheard", "app") is None and local.commands_of("unheard") is None
    assert list(local.migrations_of("unheard")) == []


def test_a_kind_nobody_imports_is_wrong_usage():
    with pytest.raises(click.UsageError, match="cats"):
        data.service_of("cats")


def test_every_variable_that_supervisord_conf_names_is_given(tmp_path):
    suite = Suite({"HM_HOME": str(tmp_path), "HM_MODULES": "unheard=https://localhost:5009"})
    given = suite.environment()
    text = suite.configuration.read_text()
    named = {part.split(")")[0] for part in text.split("%(ENV_")[1:]}
    assert named and named <= given.keys()
    assert given["HM_UNHEARD_PORT"] == "5009" and given["HM_HOME"] == str(tmp_path)


def test_certificates_cover_every_host(tmp_path):
    suite = Suite({"HM_HOME": str(tmp_path), "HM_BIND": "10.0.0.5", "HM_WIKI_URL": "https://wiki.example.com"})
    assert suite.hosts() == {"localhost", "wiki.example.com", "10.0.0.5"}


def test_a_home_too_deep_for_a_socket_is_named(tmp_path):
    with pytest.raises(BadSetting, match="HM_HOME"):
        Suite({"HM_HOME": str(tmp_path / ("x" * 100))})


def test_small_questions(tmp_path):
    log = tmp_path / "log"
    log.write_text("\n".join(map(str, range(100))))
    assert tail(log, 2) == "98\n99" and tail(tmp_path / "none") == "(no log)"
    assert not port_is_free("192.0.2.1", 80)
