"""Folders and ZIPs of Markdown become articles, once, in the right space; hostile archives are refused."""

import io
import stat
import tracemalloc
import zipfile

import pytest

from hmlib.auth.permissions import Caller, CompanyScope
from hmlib.clock import utc_now
from hmlib.db.list_query import Page
from hmlib.records.audit import Actor
from hmlib.tables.sheets import Unreadable
from wiki_srv import demo
from wiki_srv.articles import imports, markdown_files
from wiki_srv.articles.markdown_files import read
from wiki_srv.queries import articles
from wiki_srv.tests.conftest import ACME

ACTOR = Actor("", "hm import")
READER = Caller("x", "x", "admin", frozenset(), CompanyScope())


def packed(files, **more):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        for name, entry in more.items():
            entry.filename = entry.filename or name
            archive.writestr(entry, "x")
    return raw.getvalue()


@pytest.fixture
def bring(db, hub):
    """Runs an import as the command does."""

    async def run(files, **options):
        raw = files if isinstance(files, bytes) else packed(files)
        return await imports.run("articles", db, hub.as_service(), raw, "docs.zip", actor=ACTOR, now=utc_now(), **options)

    return run


async def shelf(db, **filters):
    class Keys:
        def mac(self, purpose, *parts):
            return "x"

    page: Page = await articles.page_of(db, READER, articles.LISTING.read({"sort": "title", **filters}, Keys()))
    return page.rows


@pytest.mark.gen_test
async def test_files_go_where_front_matter_or_folder_say(db, bring):
    outcome = await bring(
        {
            "100001/Network/Wi-Fi.md": "# Wi-Fi\n\nThree access points.",
            "Runbooks/jam.md": "---\ntitle: Printer jam\ntags: [printer, paper]\naudience: internal\n---\nOpen it.",
            "anywhere/x.md": "---\ntitle: Welcome\ncompany: 100002\naudience: client\nfolder: Start/Here\n---\nHello.",
            "top.md": "Just text.",
        }
    )
    assert (outcome.created, outcome.errors, outcome.applied) == (4, [], True)
    found = {row.title: (row.space_name, row.folder, row.tags, row.audience) for row in await shelf(db)}
    assert found == {
        "Wi-Fi": ("Acme Dental", "Network", (), "internal"),
        "Printer jam": ("Runbooks", "", ("printer", "paper"), "internal"),
        "Welcome": ("Globex Freight", "Start/Here", (), "client"),
        "top": ("General", "", (), "internal"),
    }


@pytest.mark.gen_test
async def test_a_chosen_space_takes_everything(db, bring):
    for chosen in ("100001", "Acme Dental"):
        await bring({"Network/a.md": "# A\n\nx", "b.md": "# B\n\n---"}, mapping={"space": chosen})
    assert [(row.company_id, row.folder, row.title) for row in await shelf(db)] == [(ACME, "Network", "A"), (ACME, "", "B")]
    await bring({"c.md": "# C"}, mapping={"space": "Vendors"})
    assert [row.space_name for row in await shelf(db)] == ["Acme Dental", "Acme Dental", "Vendors"]


@pytest.mark.gen_test
async def test_a_second_import_changes_only_what_differs(db, bring):
    files = {"100001/a.md": "# A\n\nOne.", "100001/b.md": "# B\n\nTwo."}
    await bring(files)
    again = await bring({**files, "100001/a.md": "# A\n\nOne and a half."})
    assert (again.created, again.updated, again.unchanged) == (0, 1, 1)
    assert [(row.title, row.version) for row in await shelf(db)] == [("A", 2), ("B", 1)]


@pytest.mark.gen_test
async def test_a_dry_run_says_what_would_be_and_writes_nothing(db, bring):
    outcome = await bring({"100001/a.md": "# A"}, dry_run=True)
    assert (outcome.created, outcome.applied, [change.what for change in outcome.changes]) == (1, False, ["create"])
    assert await shelf(db) == []


@pytest.mark.gen_test
async def test_errors_keep_everything_out_unless_the_good_ones_are_wanted(db, bring):
    files = {
        "100001/a.md": "# A",
        "999999/b.md": "# B",
        "100001/c.md": "---\naudience: everyone\n---\n# C",
        "100001/d.md": "---\ntitle: [\n---\n# D",
    }
    outcome = await bring(files)
    assert [(error.column, error.value) for error in outcome.errors] == [
        ("audience", "100001/c.md"),
        ("file", "100001/d.md"),
        ("space", "999999/b.md"),
    ]
    assert not outcome.applied and await shelf(db) == []
    assert (await bring(files, valid_only=True)).applied
    assert [row.title for row in await shelf(db)] == ["A"]


@pytest.mark.gen_test
async def test_two_files_of_one_title_in_one_folder_are_an_error(bring):
    outcome = await bring({"100001/a.md": "# Same", "100001/b.md": "# SAME"})
    assert [(error.line, error.column) for error in outcome.errors] == [(2, "title")]


@pytest.mark.gen_test
async def test_relative_links_lead_to_articles(db, bring):
    files = {"100001/a.md": "# A\n\n[b](sub/b.md#part) [web](https://x/y.md)", "100001/sub/b.md": "# B\n\n[up](../a.md) [gone](nowhere.md)"}
    await bring(files)
    rows = {row.title: row.id for row in await shelf(db)}
    texts = {article.title: article.body for article in await articles.some(db, READER, list(rows.values()))}
    assert texts["A"] == f"[b](/articles/{rows['B']}#part) [web](https://x/y.md)\n"
    assert texts["B"] == f"[up](/articles/{rows['A']}) [gone](nowhere.md)\n"
    assert (await bring(files)).unchanged == 2


def test_other_files_are_named_and_hidden_ones_passed_over():
    found, others = read(packed({"a.md": "x", "plan.png": "y", ".git/config": "z", "__MACOSX/a.md": "z"}), "docs.zip")
    assert ([file.path for file in found], others) == (["a.md"], ["plan.png"])


@pytest.mark.parametrize("path", ["../../x.md", "/etc/x.md", "a/../../x.md", "C:\\x.md", "a\\..\\x.md"])
def test_n069_a_path_that_leads_out_is_refused(path):
    with pytest.raises(Unreadable):
        read(packed({"ok.md": "x", path: "x"}), "docs.zip")


def test_n069_a_link_is_refused():
    entry = zipfile.ZipInfo("link.md")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(Unreadable):
        read(packed({}, link=entry), "docs.zip")


def test_n069_a_bomb_is_refused(monkeypatch):
    bomb = packed({"bomb.md": b"0" * (markdown_files.LARGEST_FILE + 1)})
    assert len(bomb) < 10_000
    with pytest.raises(Unreadable):
        read(bomb, "docs.zip")
    monkeypatch.setattr(markdown_files, "LARGEST_SUM", 10)
    with pytest.raises(Unreadable):
        markdown_files.read_here(packed({"a.md": "more than ten"}), "docs.zip")


def test_n190_small_bombs_stop_at_their_sum_and_this_process_keeps_nothing_of_them():
    small = packed({f"{at}.md": b"a " * 2_000_000 for at in range(20)})
    assert len(small) < 200_000
    tracemalloc.start()
    try:
        with pytest.raises(Unreadable, match="64 MB"):
            read(small, "docs.zip")
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_n190_a_file_longer_than_an_article_is_named_and_the_others_are_read():
    found, _ = read(packed({"a.md": "x" * 500_001, "b.md": "Short.", "c.md": b"y" * 3_000_000}), "docs.zip")
    assert [(one.path, bool(one.problem), one.body) for one in found] == [("a.md", True, ""), ("b.md", False, "Short."), ("c.md", True, "")]


def test_n190_an_entry_that_lies_about_its_size_gains_nothing(monkeypatch):
    raw = bytearray(packed({"a.md": b"0" * (markdown_files.LARGEST_FILE + 1)}))
    directory = raw.rindex(b"PK\x01\x02")
    for at in (22, directory + 24):  # the uncompressed size, in the entry's own header and in the directory
        raw[at : at + 4] = (10).to_bytes(4, "little")
    try:
        found, _ = read(bytes(raw), "docs.zip")
    except Unreadable:
        return
    assert all(len(one.body) <= 10 for one in found)


@pytest.mark.parametrize(
    ("front", "problem"),
    [
        ("key: value\n" * 400, "longer than 4,000"),
        ("a: " + "[" * 1_900 + "]" * 1_900 + "\n", "nested too deeply"),
        ("a: &a [x]\n" + "".join(f"b{at}: &b{at} [{'*b' + str(at - 1) + ', ' if at else '*a, '}*a]\n" for at in range(100)), ""),
    ],
)
def test_n190_front_matter_is_short_shallow_and_never_multiplied(front, problem):
    found, _ = read(f"---\n{front}---\nText.".encode(), "a.md")
    assert problem in found[0].problem and bool(problem) == bool(found[0].problem)


def test_two_rules_with_much_text_between_them_are_text():
    text = "---\n" + "Some words here.\n" * 400 + "---\nMore.\n"
    assert read(text.encode(), "a.md")[0][0].body == text


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"title,body\nA,B\n", "some.csv"),
        (b"# A", "a.txt"),
        (packed({"[Content_Types].xml": "<Types/>", "xl/workbook.xml": "x"}), "some.xlsx"),
    ],
)
def test_only_markdown_is_taken_and_the_refusal_says_so(raw, name):
    with pytest.raises(Unreadable, match=r"Articles come as a ZIP or folder of Markdown files, or as one Markdown file \(.md\)\."):
        read(raw, name)


def test_a_text_that_begins_like_a_zip_is_a_text():
    (found,), _ = read(b"PKI: who signs what", "pki.md")
    assert found.body == "PKI: who signs what"


@pytest.mark.parametrize("raw", [b"PK\x03\x04 broken", packed({"a.md": "x"})[:-10], b"PK"])
def test_a_damaged_archive_is_refused(raw):
    with pytest.raises(Unreadable):
        read(raw, "docs.zip")


@pytest.mark.parametrize(
    "front",
    ["a: &a [*a]", "[" * 5000, "- list", "title: {x: y}", "!!python/object/apply:os.system [id]", "tags: [[x]]", "title: x\ntitle: y"],
)
def test_hostile_front_matter_harms_nothing(front):
    (found,), _ = read(f"---\n{front}\n---\nText.".encode(), "a.md")
    assert found.problem or found.body


def test_a_title_is_taken_from_heading_or_name():
    assert [(file.title, file.body) for file in read(packed({"a.md": "# Head\n\ntext", "my-notes_2.md": "no heading"}), "x.zip")[0]] == [
        ("Head", "text"),
        ("my notes 2", "no heading"),
    ]


def test_windows_text_is_read():
    (found,), _ = read("Schlüssel".encode("cp1252"), "a.md")
    assert found.body == "Schlüssel"


def test_every_packaged_demo_article_can_be_read():
    found = [file for path in demo.PACKAGED.glob("**/*.md") for file in read(path.read_bytes(), path.name)[0]]
    assert len(found) > 50
    assert [file.path for file in found if file.problem or file.unknown or file.audience not in ("internal", "client")] == []


@pytest.mark.gen_test
async def test_the_demo_is_what_the_importer_takes(tmp_path, monkeypatch, db, bring):
    source = tmp_path / "source"
    source.mkdir()
    (source / "one.md").write_text("---\ntitle: One\ncompany: 100001\ntags: [a]\naudience: client\n---\n# One\n\nText.")
    (source / "two.md").write_text("---\ntitle: Two\ntags: [a]\naudience: internal\n---\nText.")
    monkeypatch.setattr(demo, "PACKAGED", source)
    demo.write(tmp_path / "out")
    files = {str(path.relative_to(tmp_path / "out" / "articles")): path.read_text() for path in (tmp_path / "out").rglob("*.md")}
    assert set(files) == {"100001/one.md", "General/two.md"}
    assert (await bring(files)).created == 2
    assert [(row.title, row.space_name) for row in await shelf(db)] == [("One", "Acme Dental"), ("Two", "General")]
