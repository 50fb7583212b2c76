"""A fresh machine: hm init, files in, hm up, and what the commands say on the way."""

import csv
import io
import json
import stat

import pytest

from tests.running import Home

pytestmark = pytest.mark.journey

COMPANIES = "account_number,name,status\n100501,Acme Dental,active\n100502,Globex Freight,active\n"
RATES = "per_user,per_workstation,per_server,per_vm,per_switch,per_firewall,per_hour"
BACKUP = "backup_base_workstation,backup_base_server,backup_included_tb,backup_per_tb"
PRICES = f"plan,term,valid_from,currency,{RATES},{BACKUP}\nGold,1_year,2026-01-01,USD,10,20,80,40,15,25,120,5,30,1,50\n"


@pytest.fixture(scope="module")
def home():
    home = Home()
    try:
        yield home
    finally:
        home.close()


@pytest.fixture(scope="module")
def made(home):
    return home, home.hm("init", HM_ADMIN_PASSWORD="correct horse battery 9")


def file(home, name, text):
    path = home.folder / name
    path.write_text(text)
    return str(path)


def modes(folder):
    return {path.relative_to(folder).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}


def test_init_makes_everything_and_says_what(made):
    home, done = made
    assert done.returncode == 0, done.stderr
    for words in ("master key", "certificate authority", "database of nexus", "Registered wiki", "Registered treasury", "user admin"):
        assert words in done.stdout
    for name in ("NEXUS", "WIKI", "TREASURY"):
        assert f"https://localhost:{home.environ[f'HM_{name}_PORT']}\n" in done.stdout
    assert "correct horse" not in done.stdout + done.stderr


def test_nothing_secret_is_open_to_others(made):
    home, _ = made
    found = modes(home.home)
    secret = [name for name in found if name.startswith(("keys/", "tls/")) and not name.endswith(".pem")] + ["keys", "tls", "logs", "run"]
    assert {name: oct(found[name]) for name in secret if found[name] & 0o077} == {}
    assert {"keys/master.key", "keys/wiki-client.json", "keys/treasury-client.json", "tls/ca.key", "tls/server.key"} <= set(secret)
    assert home.home.stat().st_mode & 0o077 == 0


def test_a_second_init_changes_nothing_and_says_so(made):
    home, _ = made
    before = {path: path.read_bytes() for path in (home.home / "keys").iterdir()}
    again = home.hm("init", HM_ADMIN_PASSWORD="another horse battery 9")
    assert again.returncode == 0 and "nothing has changed" in again.stdout and "Made" not in again.stdout
    assert {path: path.read_bytes() for path in (home.home / "keys").iterdir()} == before


def test_a_dry_run_says_what_would_change(made):
    home, _ = made
    tried = home.hm("import", "companies", file(home, "companies.csv", COMPANIES), "--dry-run")
    assert tried.returncode == 0 and "2 created" in tried.stdout and "a dry run" in tried.stdout
    assert "line 2: create" in tried.stdout and "Acme Dental" in tried.stdout


def test_files_go_in_while_nothing_runs(made):
    home, _ = made
    done = home.hm("import", "companies", file(home, "companies.csv", COMPANIES), "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"created": 2, "updated": 0, "unchanged": 0, "errors": []})
    again = home.hm("import", "companies", file(home, "companies.csv", COMPANIES), "--json")
    assert json.loads(again.stdout)["unchanged"] == 2
    prices = home.hm("import", "prices", file(home, "prices.csv", PRICES), "--json")
    assert json.loads(prices.stdout) == {"created": 1, "updated": 0, "unchanged": 0, "errors": []}, prices.stderr


def test_a_file_with_errors_changes_nothing_unless_told_to(made):
    home, _ = made
    bad = file(home, "bad.csv", COMPANIES + "100503,Initech,asleep\n")
    refused = home.hm("import", "companies", bad, "--json")
    assert refused.returncode == 1
    assert [(error["line"], error["column"]) for error in json.loads(refused.stdout)["errors"]] == [(4, "status")]
    good = home.hm("import", "companies", bad, "--valid-only", "--json")
    assert good.returncode == 0 and json.loads(good.stdout)["unchanged"] == 2


def test_what_is_no_table_or_no_kind(made):
    home, _ = made
    noise = home.hm("import", "companies", file(home, "noise.xlsx", "PK\x03\x04 not really"))
    assert noise.returncode == 1 and "Traceback" not in noise.stderr
    unknown = home.hm("import", "cats", file(home, "companies.csv", COMPANIES))
    assert unknown.returncode == 2 and "companies" in unknown.stderr
    assert home.hm("import", "companies", "/nowhere.csv").returncode == 2


def test_up_then_an_import_through_the_running_nexus(made):
    home, _ = made
    started = home.hm("up", "--detach")
    assert started.returncode == 0, started.stderr
    assert started.stdout.count("is ready at https://localhost:") == 3
    for name in ("nexus", "wiki", "treasury"):
        assert home.fetch("/readyz", name) == (200, '{"status": "ready", "failed": []}')
        assert home.fetch("/healthz", name)[0] == 200
        assert home.fetch("/metrics", name)[0] == 404
    agreement = "company_account_number,start_on,plan,term\n100501,2026-01-01,Gold,1_year\n"
    done = home.hm("import", "agreements", file(home, "agreements.csv", agreement), "--json")
    assert json.loads(done.stdout) == {"created": 1, "updated": 0, "unchanged": 0, "errors": []}, done.stderr


def test_n053_a_foreign_host_is_refused_and_forwarded_headers_are_not_believed(made):
    home, _ = made
    assert home.fetch("/login", headers={"Host": "evil.test"})[0] == 421
    assert home.fetch("/login", headers={"X-Forwarded-Host": "evil.test", "X-Forwarded-For": "a", "Forwarded": "for=1.2.3.4"})[0] == 200


def test_doctor_finds_a_healthy_suite_healthy_and_an_ill_one_ill(made):
    home, _ = made
    well = home.hm("doctor")
    assert well.returncode == 0 and "BAD" not in well.stdout, well.stdout
    key = home.home / "tls" / "server.key"
    key.chmod(0o644)
    ill = home.hm("doctor")
    key.chmod(0o600)
    assert ill.returncode == 1 and "BAD" in ill.stdout and "chmod 600" in ill.stdout


def test_no_log_holds_a_secret(made):
    home, _ = made
    secrets = [json.loads((home.home / "keys" / f"{name}-client.json").read_text())["client_secret"] for name in ("wiki", "treasury")]
    secrets += ["correct horse", (home.home / "keys" / "master.key").read_text().strip()]
    log = home.log()
    assert '"event":"ready"' in log
    assert [secret for secret in secrets if secret in log] == []


def test_demo_data_are_files_that_hm_import_takes(made):
    home, _ = made
    folder = home.folder / "demo"
    done = home.hm("demo-data", str(folder))
    assert done.returncode == 0 and str(folder / "companies.csv") in done.stdout
    rows = list(csv.DictReader(io.StringIO((folder / "companies.csv").read_text(encoding="utf-8-sig"))))
    assert len(rows) > 20 and "account_number" in rows[0]
    tried = home.hm("import", "companies", str(folder / "companies.csv"), "--dry-run", "--json")
    assert tried.returncode == 0 and json.loads(tried.stdout)["created"] == len(rows)
