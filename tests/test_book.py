"""The main job on a book of 1,000 companies: three files, then prices and agreements, and every company's bill is right to the cent."""

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter

import pytest

from nexus_srv import demo
from tests import book as book_of
from tests.book import DIRECTORY, MONEY, PERIOD
from tests.whole import ROOT, Whole, within

pytestmark = pytest.mark.journey
MOST_SECONDS = 90
SIZES = {"companies": 1000, "contacts": 8000, "assets": 20_000}
ASKED = {"billing_summary", "companies", "contacts", "locations", "assets", "users"}


class Book:
    """A suite with nothing but the book in it."""

    def __init__(self, folder):
        self.folder = folder
        book_of.write(folder)
        self.whole = Whole(os.environ.get("HM_TEST_DB", "sqlite"), demo=False)
        self.seconds = {}
        self.said = {kind: self._imported(kind) for kind in (*DIRECTORY, *MONEY)}

    def _imported(self, kind):
        began = time.monotonic()
        said = json.loads(self.whole.hm("import", kind, str(self.folder / f"{kind}.csv"), "--json"))
        self.seconds[kind] = time.monotonic() - began
        return said

    def calls(self):
        """How often Nexus was asked for each kind of thing so far."""
        lines = [json.loads(line) for line in self.whole.logs().splitlines() if line.startswith("{")]
        kinds = [line["route"].partition(".")[0] for line in lines if line["event"] == "request" and line["service"] == "nexus"]
        return Counter(kind for kind in kinds if kind in ASKED)

    def total(self, kind):
        """How many there are; a declared kind says it in a header, the others in their answer."""
        answer = self.whole.api("nexus", f"/api/{kind}?limit=1", token=self.whole.token("admin"))
        return int(answer.headers["X-Total-Count"]) if "X-Total-Count" in answer.headers else answer.json()["total"]


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    made = Book(tmp_path_factory.mktemp("book"))
    yield made
    made.whole.close()


def test_three_files_make_the_directory(book, capsys):
    with capsys.disabled():
        print("\nhm import, wall time:", ", ".join(f"{kind} {seconds:.1f} s" for kind, seconds in book.seconds.items()))
    for kind in DIRECTORY:
        assert book.said[kind] == {"created": SIZES[kind], "updated": 0, "unchanged": 0, "errors": []}
        assert book.total(kind) == SIZES[kind]
    assert sum(book.seconds[kind] for kind in DIRECTORY) < MOST_SECONDS


def test_four_plans_and_an_agreement_each(book):
    assert book.said["prices"]["created"] == 16 and book.said["agreements"]["created"] == 1000
    assert not book.said["prices"]["errors"] and not book.said["agreements"]["errors"]


def test_importing_again_changes_nothing(book):
    for kind in (*DIRECTORY, *MONEY):
        said = json.loads(book.whole.hm("import", kind, str(book.folder / f"{kind}.csv"), "--json"))
        assert (said["created"], said["updated"], said["errors"]) == (0, 0, []), kind


def test_the_months_list_asks_the_directory_once(book, capsys):
    visitor = book.whole.visitor()
    visitor.sign_in("treasury", "admin", path="/settings")
    before = book.calls()
    began = time.monotonic()
    page = visitor.get(f"{book.whole.origins['treasury']}/companies?period={PERIOD}&limit=1000")
    with capsys.disabled():
        print(f"\nTreasury's list of the month, the first time: {time.monotonic() - began:.2f} s")
    assert page.status_code == 200 and "of 1,000" in page.text
    assert len(re.findall(r"<tr id=", page.text)) == 1000
    within(5, lambda: book.calls() != before)
    time.sleep(0.5)  # a second call's line would come just after the first's
    assert book.calls() - before == {"billing_summary": 1}


def test_every_amount_is_right(book):
    token = book.whole.token("admin", "treasury")
    answer = book.whole.api("treasury", f"/api/billing_summary?period={PERIOD}", token=token).json()
    expected = book_of.bills(book.folder)
    assert [company["account_number"] for company in answer["companies"]] == sorted(expected)
    wrong = {one["account_number"]: one for one in answer["companies"] if one.get("amounts") != expected[one["account_number"]]}
    assert not wrong, f"{len(wrong)} differ, such as {next(iter(wrong.items()))}, not {expected[next(iter(wrong))]}"
    waiting = [one for one in answer["companies"] if one["status"] == "not_billable"]
    assert len(waiting) == 20 and all(one["reason"] for one in waiting)
    assert len({bill["total"] for bill in expected.values() if bill}) > 500  # the check itself is not trivial


BAD_ROWS = {
    "100902;SRV-2;sevrer;S-9;2025-04-01;;;m-5": "type",
    "999999;SRV-3;server;S-10;2025-04-01;;;m-6": "company_account_number",
    "100903;PC-2;workstation;;31/31/2025;;;m-7": "active_on",
    "100903;PC-3;workstation;;2025-04-01;;-5;m-8": "backup_bytes",
    "100903;;workstation;;2025-04-01;;;m-9": "name",
}


def test_a_messy_file_names_each_bad_row_and_nothing_is_half_applied(book):
    demo.write_messy(book.folder)
    book.whole.hm("import", "companies", str(book.folder / "messy-companies.csv"))
    file = book.folder / "messy-assets.csv"
    good = file.read_bytes().decode("cp1252").splitlines()
    bad_lines = dict(zip(range(5, 5 + len(BAD_ROWS)), BAD_ROWS.values(), strict=True))
    file.write_bytes("\r\n".join([*good[:4], *BAD_ROWS, *good[4:]]).encode("cp1252"))
    before = book.total("assets")
    refused = imported(book, file)
    assert refused.returncode == 1
    said = json.loads(refused.stdout)
    assert {error["line"]: error["column"] for error in said["errors"]} == bad_lines
    assert all(error["message"] for error in said["errors"]) and said["created"] == said["updated"] == 0
    assert book.total("assets") == before
    taken = imported(book, file, "--valid-only")
    assert taken.returncode == 0 and json.loads(taken.stdout)["created"] == 4
    assert book.total("assets") == before + 4


def imported(book, file, *options):
    """`hm import assets`, which may end as it likes."""
    command = [sys.executable, "-c", "from hmlib.cli.main import main; main()", "import", "assets", str(file), "--json", *options]
    return subprocess.run(command, cwd=ROOT, env=book.whole.environ, capture_output=True, text=True, timeout=60)
