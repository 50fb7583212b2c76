"""Markdown in, by people and by programs: tried out, applied whole or in its good files, and nothing from a hostile archive."""

import asyncio
import stat
import zipfile

import pytest
from markupsafe import escape

from hmlib.nexus.directory import User
from hmlib.testing.hub import ACME, CAST, GLOBEX
from hmlib.tests import role_matrix
from wiki_srv.articles import imports, markdown_files
from wiki_srv.tests.test_imports import packed

pytestmark = pytest.mark.gen_test
NOBODY = "018f0000-0000-7000-8000-00000000ffff"
GOOD = {"100001/Network/Wi-Fi.md": "# Wi-Fi\n\nThree access points.", "Runbooks/jam.md": "# Printer jam\n\nOpen it."}
BAD = {**GOOD, "999999/b.md": "# B", "Runbooks/c.md": "---\naudience: everyone\n---\n# C"}
LINK = zipfile.ZipInfo("link.md")
LINK.external_attr = (stat.S_IFLNK | 0o777) << 16
HOSTILE = {
    "a path that leads out": packed({"ok.md": "x", "../../x.md": "x"}),
    "a path from the root": packed({"/etc/x.md": "x"}),
    "a link": packed({"ok.md": "x"}, link=LINK),
    "a bomb": packed({"bomb.md": b"0" * (markdown_files.LARGEST_FILE + 1)}),
}


async def upload(who, files, name="docs.zip", fields=None, **options):
    raw = packed(files) if isinstance(files, dict) else files
    return await who.upload("/imports", {"file": (name, raw)}, {"place": "", **(fields or {})}, **options)


async def shelf(db):
    rows = await db.all("SELECT space.name, article.title FROM article JOIN space ON space.id = article.space_id ORDER BY article.folded")
    return [(row["name"], row["title"]) for row in rows]


async def test_a_zip_is_tried_out_and_then_applied(bob, db):
    answer = await upload(bob, GOOD)
    page = (await bob.fetch(answer.location)).text
    assert answer.code == 303 and "Nothing is changed yet." in page and page.count(">create<") == 2 and await shelf(db) == []
    assert "100001/Network/Wi-Fi.md → Acme Dental / Network / Wi-Fi" in page
    applied = await bob.fetch(answer.location, "POST", {"rows": "all"})
    assert (applied.code, await shelf(db)) == (303, [("Runbooks", "Printer jam"), ("Acme Dental", "Wi-Fi")])
    result = (await bob.fetch(answer.location)).text
    assert "The file is applied." in result and result.count(">create<") == 2 and "Apply all" not in result
    assert (await db.one("SELECT raw FROM import_file"))["raw"] is None
    assert {row["actor_name"] for row in await db.all("SELECT actor_name FROM audit")} == {"bob"}
    assert (await bob.fetch(answer.location, "POST", {"rows": "all"})).code == 303


async def test_what_changes_and_what_does_not_is_shown(bob):
    await bob.fetch((await upload(bob, GOOD)).location, "POST", {"rows": "all"})
    page = (await bob.fetch((await upload(bob, GOOD)).location)).text
    assert "Apply" not in page and page.count(">unchanged<") == 2
    changed = {**GOOD, "Runbooks/jam.md": "---\ntags: [paper]\n---\n# Printer jam\n\nOpen me."}
    page = (await bob.fetch((await upload(bob, changed)).location)).text
    assert page.count(">update<") == page.count(">unchanged<") == 1
    assert "<ins>paper</ins>" in page and "body:" in page


async def test_bad_files_are_named_and_keep_everything_out_unless_the_good_ones_are_wanted(bob, db):
    where = (await upload(bob, BAD)).location
    page = (await bob.fetch(where)).text
    assert page.count(">error<") == 2 and "There is no company 999999." in page and "Choose internal or client." in page
    assert (await bob.fetch(where, "POST", {"rows": "all"})).code == 422 and await shelf(db) == []
    assert (await bob.fetch(where, "POST", {"rows": "valid"})).code == 303 and len(await shelf(db)) == 2
    assert "999999/b.md" in (await bob.fetch(where)).text


@pytest.mark.parametrize(
    ("fields", "space"),
    [
        ({"place": "100002"}, "Globex Freight"),
        ({"place": "General", "space": "Vendors"}, "Vendors"),
        ({"place": "General", "space": ""}, "General"),
        ({"place": ""}, "General"),
    ],
)
async def test_one_file_goes_where_it_is_sent(bob, db, fields, space):
    where = (await upload(bob, b"# Alone\n\nText.", "alone.md", fields)).location
    await bob.fetch(where, "POST", {"rows": "all"})
    assert await shelf(db) == [(space, "Alone")]


async def test_what_is_none_of_ours_comes_back_with_a_sentence(bob):
    for raw, name in ((b"a,b\n1,2\n", "some.csv"), (b"PK\x03\x04 broken", "docs.zip"), (b"", "a.md")):
        answer = await upload(bob, raw, name)
        assert answer.code == 422 and 'id="file-error"' in answer.text
    assert (await bob.fetch("/imports", "POST", {})).code == 422
    answer = await upload(bob, GOOD, fields={"place": "999999"})
    assert answer.code == 422 and 'id="place-error"' in answer.text


@pytest.mark.parametrize("what", HOSTILE)
async def test_n069_a_hostile_archive_is_400(bob, db, what):
    answer = await upload(bob, HOSTILE[what])
    assert answer.code == 400 and 'id="file-error"' in answer.text
    answer = await send(bob, HOSTILE[what])
    assert (answer.code, answer.json["code"]) == (400, "unreadable")
    assert await shelf(db) == [] and await db.value("SELECT count(*) FROM import_file") == 0


async def test_a_file_is_its_owners_alone_and_can_be_discarded(bob, alice):
    where = (await upload(bob, GOOD)).location
    answers = [
        await alice.fetch(where),
        await alice.fetch(where, "POST", {}),
        await alice.fetch(f"{where}/removal", "POST", {"confirmed": "yes"}),
    ]
    assert [answer.code for answer in answers] == [404, 404, 404]
    assert (await bob.fetch(f"{where}/removal", "POST", {"confirmed": "yes"})).code == 303
    assert (await bob.fetch(where)).code == 404


@pytest.mark.parametrize("path", ["/imports", f"/imports/{NOBODY}"])
async def test_importing_is_for_those_who_write(dave, carol, stranger, bob, path):
    for who in (dave, carol):
        assert [(await who.fetch(path)).code, (await who.fetch(path, "POST", {})).code] == [403, 403]
    assert (await stranger.fetch(path)).location == f"/login?next={path}"
    assert (await bob.fetch(path, "POST", {}, forged=True, Origin="https://localhost:5003")).code == 403


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)>", "{{7*7}}"])
async def test_n001_n010_what_a_file_says_is_only_text(bob, text):
    answer = await upload(bob, {"a.md": f"---\ntitle: '{text}'\ncompany: '{text}'\n---\nx", f"{text.replace('/', '')}.md": "y"}, "x.zip")
    page = (await bob.fetch(answer.location)).text
    assert str(escape(text)) in page and "<img src=x" not in page


async def test_n113_nobody_writes_for_a_company_they_do_not_look_after(app, hub, http_client, base_url, db):
    limited = await role_matrix.module_people(app, hub, http_client, base_url)("limited")
    files = {"100002/a.md": "# A", "b.md": f"---\ncompany: {GLOBEX}\n---\nB", "c.md": "---\ncompany: Globex Freight\n---\nC"}
    answer = await send(limited, files)
    assert (answer.code, len(answer.json["errors"]), await shelf(db)) == (422, 3, [])
    assert "Globex" not in (await limited.fetch("/imports")).text
    assert (await upload(limited, GOOD, fields={"place": "100002"})).code == 422


async def test_with_nexus_away_nothing_is_half_done(bob, hub, db):
    where = (await upload(bob, GOOD)).location
    hub.away = True
    assert (await bob.fetch(where, "POST", {"rows": "all"})).code == 503 and await shelf(db) == []


# For programs


async def send(who, files, query="", **headers):
    raw = packed(files) if isinstance(files, dict) else files
    return await who.api(f"/api/imports/articles{query}", "POST", raw=raw, **{"Content_Type": "application/zip", **headers})


async def test_n020_a_repeated_import_gets_the_first_answer(bob, db, monkeypatch):
    raw = packed(GOOD)  # a ZIP holds the time at which it was made
    first, second = [await send(bob, raw, Idempotency_Key="i1") for _ in range(2)]
    assert first.json["created"] == 2 and first.body == second.body and len(await shelf(db)) == 2
    third = await send(bob, raw, Idempotency_Key="i2")  # with nothing to write too
    assert third.json["unchanged"] == 2 and third.body == (await send(bob, raw, Idempotency_Key="i2")).body


async def test_a_file_applied_by_eight_at_once_is_applied_once(bob, db):
    where = (await upload(bob, GOOD)).location
    answers = await asyncio.gather(*(bob.fetch(where, "POST", {"rows": "all"}) for _ in range(8)))
    assert {answer.code for answer in answers} <= {303, 409} and 303 in {answer.code for answer in answers}
    assert await db.value("SELECT count(*) FROM revision") == 2


async def test_a_program_tries_out_and_applies(bob, hub, db):
    hub.rows["users"] = [User(CAST["bob"].id, "bob", "Bob Builder", "technician")]
    tried = await send(bob, GOOD, "?dry_run=true")
    assert (tried.code, tried.json["created"], tried.json["applied"], await shelf(db)) == (200, 2, False, [])
    done = await send(bob, GOOD)
    assert (done.json["created"], done.json["errors"], done.json["applied"], len(await shelf(db))) == (2, [], True, 2)
    assert (await send(bob, GOOD)).json["unchanged"] == 2
    assert {item["updated_by_name"] for item in (await bob.api("/api/articles")).items} == {"Bob Builder"}


async def test_one_markdown_file_goes_to_the_space_that_is_named(bob, db):
    answer = await send(bob, b"# Alone", "?space=100001", Content_Type="text/markdown; charset=utf-8")
    assert (answer.json["created"], await shelf(db)) == (1, [("Acme Dental", "Alone")])
    assert (await bob.api(f"/api/articles?company_id={ACME}")).total == 1


async def test_bad_files_are_422_unless_the_good_ones_are_wanted(bob, db):
    refused = await send(bob, BAD)
    assert (refused.code, refused.json["code"], refused.json["applied"]) == (422, "invalid_rows", False)
    assert sorted((error["column"], error["value"]) for error in refused.json["errors"]) == [
        ("audience", "Runbooks/c.md"),
        ("space", "999999/b.md"),
    ]
    taken = await send(bob, BAD, "?valid_only=true")
    assert (taken.code, taken.json["created"], len(taken.json["errors"]), len(await shelf(db))) == (200, 2, 2, 2)


async def test_what_cannot_be_taken(bob, carol, dave, stranger):
    assert (await send(bob, b"a,b\n1,2\n", Content_Type="text/csv")).code == 415
    assert (await send(bob, b"a,b\n1,2\n", "?name=some.csv", Content_Type="application/octet-stream")).json["code"] == "unreadable"
    assert (await send(bob, GOOD, "?dry_run=perhaps")).code == 400
    assert [(await send(who, GOOD)).code for who in (carol, dave, stranger)] == [403, 403, 401]


async def test_somebody_who_writes_the_same_article_meanwhile_leaves_nothing_half_done(bob, alice, db, monkeypatch):
    """600 files, and one of their titles is written between the plan and the writing: all are there, one as a new revision."""
    write, interrupted = imports._write, []

    async def late(*args):
        if not interrupted:
            interrupted.append(await alice.api("/api/articles", "POST", {"space": "Runbooks", "title": "Printer 420", "body": "Mine."}))
        await write(*args)

    monkeypatch.setattr(imports, "_write", late)
    answer = await send(bob, packed({f"Runbooks/{number:03}.md": f"# Printer {number}\n\nOpen it." for number in range(600)}))
    assert (interrupted[0].code, answer.code, answer.json["created"], answer.json["updated"]) == (201, 200, 599, 1)
    assert len(await shelf(db)) == 600
    assert await db.value("SELECT version FROM article WHERE title = 'Printer 420'") == 2
