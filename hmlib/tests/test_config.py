"""What a process must know before it starts: what is wrong is refused, and its variable named."""

import pytest

from hmlib.config import BadSetting, load
from hmlib.db.database import connect
from hmlib.db.engine import BadDatabase, DatabaseDown
from hmlib.server import service

PAIR = "wiki=https://localhost:5003,treasury=https://localhost:5002"


def test_what_is_not_set_has_a_default(tmp_path):
    settings = load("wiki", {"HM_HOME": str(tmp_path)})
    assert (settings.port, settings.origin, settings.db_url) == (5003, "https://localhost:5003", f"sqlite:///{tmp_path}/wiki.db")
    assert [module.name for module in settings.modules] == ["wiki", "treasury"] and settings.db_variable == "HM_WIKI_DB"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"HM_MODULES": f"{PAIR},wiki=https://localhost:5009"}, "HM_MODULES names wiki twice"),
        ({"HM_MODULES": f"{PAIR},{PAIR}"}, "HM_MODULES names wiki twice"),
        ({"HM_MODULES": f"{PAIR},nexus=https://localhost:5000"}, "HM_MODULES has an item 'nexus="),
        ({"HM_MODULES": "wiki=http://wiki.example.com"}, "HM_MODULES holds"),
        ({"HM_WIKI_PORT": "70000"}, "HM_WIKI_PORT is '70000'"),
        ({"HM_WIKI_METRICS_PORT": "x"}, "HM_WIKI_METRICS_PORT is 'x'"),
        ({"HM_WIKI_DB": "mysql://localhost/wiki"}, "HM_WIKI_DB must begin with"),
        ({"HM_NEXUS_URL": "https://nexus.example.com/path"}, "HM_NEXUS_URL holds"),
        ({"HM_TLS": "perhaps"}, "HM_TLS is 'perhaps'"),
        ({"HM_LOG": "loud"}, "HM_LOG is 'loud'"),
        ({"HM_TRUSTED_PROXIES": "10.0.0.1,proxy"}, "HM_TRUSTED_PROXIES is '10.0.0.1,proxy'"),
    ],
)
def test_a_wrong_value_names_its_variable(environ, said):
    with pytest.raises(BadSetting) as refused:
        load("wiki", environ)
    assert str(refused.value).startswith(said) and str(refused.value).endswith(".")


@pytest.mark.gen_test
@pytest.mark.parametrize("url", ["sqlite:///{}/nowhere/x.db", "sqlite:///", "mysql://localhost/x"])
async def test_a_database_that_cannot_be_opened_names_the_variable(tmp_path, url):
    with pytest.raises(BadDatabase, match=r"^HM_WIKI_DB: .+\.$"):
        await connect(url.format(tmp_path), variable="HM_WIKI_DB")


@pytest.mark.gen_test
async def test_a_database_that_does_not_answer_names_the_variable_and_no_password():
    with pytest.raises(DatabaseDown, match=r"^HM_WIKI_DB: The database does not answer") as away:
        await connect("postgresql://wiki:secret-word@127.0.0.1:1/wiki", variable="HM_WIKI_DB")
    assert "secret-word" not in str(away.value)


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("sqlite:///{}/nowhere/x.db", 78, "wiki: HM_WIKI_DB: the database {}/nowhere/x.db is not there. Put it back"),
        ("postgresql://wiki:secret-word@127.0.0.1:1/wiki", 1, "wiki: HM_WIKI_DB: The database does not answer"),
    ],
)
def test_a_process_says_which_variable_it_cannot_start_with(tmp_path, monkeypatch, capsys, url, code, said):
    monkeypatch.setattr(service.checks, "check", lambda settings: None)
    monkeypatch.setattr(service.listening, "sockets", lambda settings: [])
    monkeypatch.setattr(service, "DATABASE_PATIENCE_SECONDS", 0)
    for name, value in {"HM_HOME": str(tmp_path), "HM_WIKI_DB": url.format(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    assert service.run("wiki", lambda *parts: None, []) == code
    told = capsys.readouterr().err
    assert said.format(tmp_path) in told and "secret-word" not in told
