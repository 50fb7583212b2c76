"""A new field of companies is a migration and one line: both are added to a copy of Nexus here, and everything else follows."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINE = """    fax: Annotated[str, Field("Fax", Phone(), searched=True, filtered=True, also=("Fax Number",))] = ""\n"""
BEFORE = "    notes: Annotated["
MIGRATION = "ALTER TABLE company ADD COLUMN fax TEXT NOT NULL DEFAULT '';\n"
TESTS = """
import re

import pytest

pytestmark = pytest.mark.gen_test


async def test_it_is_everywhere(alice):
    form = {"name": "Delta Ridge", "status": "active", "compliance_level": "standard", "fax": "(203) 555-7777"}
    made = (await alice.fetch("/companies", "POST", form)).location
    assert \'name="fax"\' in (await alice.fetch("/companies/new")).text
    assert "(203) 555-7777" in (await alice.fetch(made)).text
    row = (await alice.api("/api/companies?q=2035557777")).json[0]
    assert (row["name"], row["fax"]) == ("Delta Ridge", "(203) 555-7777")
    assert [one["id"] for one in (await alice.api("/api/companies?fax=(203)%20555-7777")).json] == [row["id"]]
    assert "Delta Ridge" in (await alice.fetch("/companies/rows?q=(203)%20555-7777")).text
    changed = await alice.api(f"/api/companies/{row[\'id\']}", "PATCH", {"fax": "2035550000"}, If_Match="*")
    assert changed.json["fax"] == "2035550000"
    assert "changed Fax of Delta Ridge from (203) 555-7777 to 2035550000" in (await alice.fetch(made)).text
    document = (await alice.api("/api/openapi.json")).json
    assert "fax" in document["components"]["schemas"]["CompanyDraft"]["properties"]
    assert "fax" in [one["name"] for one in document["paths"]["/api/companies"]["get"]["parameters"]]
    exported = (await alice.fetch("/companies/export?format=json&q=delta")).json
    assert exported[0]["fax"] == "2035550000"
    headers = {"Content-Type": "text/csv", "Authorization": f"Bearer {alice.token}"}
    raw = f"account_number,Fax Number\\n{row[\'account_number\']},555-1111\\n".encode()
    told = await alice.send("/api/imports/companies", "POST", raw, headers)
    assert told.code == 200 and told.json["updated"] == 1, told.text
    assert (await alice.api(f"/api/companies/{row[\'id\']}")).json["fax"] == "555-1111"
"""


@pytest.fixture
def checkout(tmp_path):
    for name in ("hmlib", "static"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "nexus_srv", tmp_path / "nexus_srv", ignore=shutil.ignore_patterns("__pycache__", "test_*"))
    declared = tmp_path / "nexus_srv" / "directory" / "companies.py"
    text = declared.read_text()
    assert text.count(BEFORE) == 1
    declared.write_text(text.replace(BEFORE, LINE + BEFORE))
    (tmp_path / "nexus_srv" / "migrations" / "9000_fax.sql").write_text(MIGRATION)
    (tmp_path / "nexus_srv" / "tests" / "test_fax.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\naddopts = -p no:cacheprovider --async-test-timeout=60\nmarkers = gen_test\nfilterwarnings = ignore\n"
    )
    return tmp_path


def test_a_new_field_is_a_migration_and_one_line(checkout):
    command = [sys.executable, "-m", "pytest", "-q", "nexus_srv/tests/test_fax.py"]
    done = subprocess.run(
        command, cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout)}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr
