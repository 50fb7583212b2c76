"""Reading, writing and archiving articles in a browser."""

import pytest

from wiki_srv.tests.conftest import ACME, ACME_COMPANY, GLOBEX

pytestmark = pytest.mark.gen_test
NEW = {
    "title": "Backup plan",
    "company": ACME,
    "space": "General",
    "folder": "Servers",
    "tags": "veeam, backup",
    "audience": "internal",
    "body": "# Jobs\n\nNightly.",
    "message": "First",
}


async def test_the_list_shows_articles_newest_first(bob, network, runbook):
    answer = await bob.fetch("/articles")
    assert answer.code == 200
    assert "Network overview" in answer.text
    assert "Printer jam runbook" in answer.text


async def test_the_rows_are_a_partial(bob, network):
    answer = await bob.htmx("/articles/rows?q=netw")
    assert "<html" not in answer.text
    assert "Network overview" in answer.text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=printer", False),
        ("tag=network", True),
        ("tag=printer", False),
        ("audience=client", False),
        ("status=archived", False),
        ("q=%25", False),
        ("q=_etwork", False),
    ],
)
async def test_the_list_filters(bob, network, query, found):
    assert ("Network overview" in (await bob.fetch(f"/articles/rows?{query}")).text) is found


async def test_n005_an_unknown_sort_is_refused(bob):
    assert (await bob.fetch("/articles/rows?sort=title;drop%20table%20article")).code == 400


async def test_n006_a_forged_cursor_is_refused(bob):
    assert (await bob.fetch("/articles/rows?cursor=abc.def")).code == 400


async def test_reading_shows_text_contents_and_meta(bob, write):
    id = await write("Long one", "# A\n\na\n\n# B\n\nb\n\n# C\n\nc", company=ACME_COMPANY, tags=["x-tag"])
    text = (await bob.fetch(f"/articles/{id}")).text
    assert '<h2 id="doc-a">A' in text
    assert '<a href="#doc-b">B</a>' in text
    assert "Acme Dental" in text and "x-tag" in text and "by bob" in text


async def test_n003_markup_in_an_article_is_shown_as_text(bob, write):
    id = await write("x", "<script>alert(1)</script> [x](javascript:alert(1)) <div data-hx-get=/api/users hx-trigger=load>")
    text = (await bob.fetch(f"/articles/{id}")).text
    assert "&lt;script&gt;alert(1)" in text
    assert 'href="javascript' not in text
    assert "<div data-hx-get" not in text


async def test_n001_a_title_is_escaped_everywhere(bob, write):
    await write('<img src=x onerror=alert(1)>"', "needle", tags=['"><button hx-get=/x>'])
    for path in ("/articles", "/articles/rows", "/search?q=needle"):
        text = (await bob.fetch(path)).text
        assert "<img src=x" not in text and "<button hx-get" not in text


async def test_writing_an_article(bob):
    answer = await bob.fetch("/articles/new", "POST", NEW)
    assert answer.code == 303
    text = (await bob.fetch(answer.location)).text
    assert "Backup plan" in text and "Acme Dental" in text and "Servers" in text and "Nightly." in text


async def test_a_stranger_is_sent_to_sign_in(stranger, network):
    for path in ("/articles", "/articles/new", f"/articles/{network}", "/companies", "/search?q=x"):
        answer = await stranger.fetch(path)
        assert answer.code == 303 and answer.location.startswith("/login?next=")


async def test_the_wrong_role_may_not_write(carol, dave, network):
    for person in (carol, dave):
        assert (await person.fetch("/articles/new", "POST", NEW)).code == 403
        assert (await person.fetch("/articles/new")).code == 403
        assert (await person.fetch(f"/articles/{network}/edit", "POST", {**NEW, "version": "1"})).code == 403
        assert (await person.fetch(f"/articles/{network}/archive", "PUT")).code == 403
        assert (await person.fetch("/articles/preview", "POST", {"body": "x"})).code == 403


async def test_without_the_xsrf_token_it_is_refused(bob, network):
    assert (await bob.fetch("/articles/new", "POST", NEW, forged=True)).code == 403
    assert (await bob.fetch(f"/articles/{network}/edit", "POST", NEW, forged=True)).code == 403
    assert (await bob.fetch(f"/articles/{network}/archive", "PUT", forged=True)).code == 403


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("title", "  ", "Give the article a title."),
        ("title", " \u200b ", "At the beginning there is a character that cannot be seen (U+200B). Take it out."),
        ("title", "evil\u202egpj.exe", "After “evil” there is a character that cannot be seen (U+202E). Take it out."),
        ("title", "Evil\u2028x", "Write it in one line."),
        ("tags", "vpn, a\u2066b", "there is a character that cannot be seen (U+2066). Take it out."),
        ("title", "x" * 201, "at most 200"),
        ("audience", "everyone", "Choose internal or client."),
        ("tags", ",".join(map(str, range(21))), "at most 20 tags"),
        ("company", GLOBEX[:-1] + "9", "Choose one of the companies"),
        ("folder", "a/../b", "cannot be called"),
    ],
)
async def test_a_wrong_value_comes_back_in_the_form(bob, field, value, said):
    answer = await bob.fetch("/articles/new", "POST", {**NEW, field: value})
    assert answer.code == 422
    assert said in answer.text and "Nightly." in answer.text


async def test_a_title_is_unique_in_its_folder(bob):
    assert (await bob.fetch("/articles/new", "POST", NEW)).code == 303
    answer = await bob.fetch("/articles/new", "POST", {**NEW, "title": "BACKUP PLAN"})
    assert answer.code == 422 and "There is an article of that title here already" in answer.text
    assert (await bob.fetch("/articles/new", "POST", {**NEW, "folder": "Elsewhere"})).code == 303


async def test_not_there_is_404(bob, network):
    for path in ("", "/edit", "/revisions", "/revisions/1", "/revisions/1/diff"):
        assert (await bob.fetch(f"/articles/{ACME}{path}")).code == 404
    assert (await bob.fetch(f"/articles/{network}/revisions/9")).code == 404
    assert (await bob.fetch(f"/articles/{ACME}/archive", "PUT")).code == 404


async def test_editing_keeps_the_old_revision(bob, network):
    change = {"title": "Network", "tags": "network", "audience": "internal", "body": "All new.", "message": "Rewritten", "version": "1"}
    assert (await bob.fetch(f"/articles/{network}/edit", "POST", change)).code == 303
    assert "All new." in (await bob.fetch(f"/articles/{network}")).text
    assert "A FortiGate 60F." in (await bob.fetch(f"/articles/{network}/revisions/1")).text
    assert "Rewritten" in (await bob.fetch(f"/articles/{network}/revisions")).text


async def test_a_stale_save_shows_both_and_loses_nothing(alice, bob, network):
    first = {"title": "Network overview", "tags": "network", "audience": "internal", "body": "Bob's line.", "version": "1"}
    assert (await bob.fetch(f"/articles/{network}/edit", "POST", first)).code == 303
    answer = await alice.fetch(f"/articles/{network}/edit", "POST", {**first, "body": "Alice's line."})
    assert answer.code == 409
    assert "Bob&#39;s line." in answer.text and "Alice&#39;s line." in answer.text and "Compare" in answer.text
    assert 'name="version" value="2"' in answer.text
    assert (await alice.fetch(f"/articles/{network}/edit", "POST", {**first, "body": "Alice's line.", "version": "2"})).code == 303


async def test_nobody_conflicts_with_themselves(bob, network):
    change = {"title": "Network overview", "tags": "network", "audience": "internal", "body": "One.", "version": "1"}
    for body in ("One.", "One.", "Two."):
        assert (await bob.fetch(f"/articles/{network}/edit", "POST", {**change, "body": body})).code == 303
    assert "Revision 3" in (await bob.fetch(f"/articles/{network}")).text


@pytest.mark.parametrize("version", ["", "x", "99", "-1"])
async def test_a_version_that_never_was_is_no_base(bob, network, version):
    change = {"title": "T", "tags": "", "audience": "internal", "body": "One.", "version": version}
    assert (await bob.fetch(f"/articles/{network}/edit", "POST", change)).code in (400, 409)


async def test_the_preview_is_what_the_page_will_be(bob):
    answer = await bob.htmx("/articles/preview", "POST", {"body": "**bold** <i>x</i>\n\nPassword: hunter2x", "title": "ignored"})
    assert answer.code == 200
    assert "<strong>bold</strong> &lt;i&gt;" in answer.text
    assert "seems to hold a secret" in answer.text and "Line 3" in answer.text


async def test_a_secret_is_pointed_out_to_those_who_can_mend_it(bob, carol, write):
    id = await write("Router", "Password: hunter2x")
    assert "seems to hold a secret" in (await bob.fetch(f"/articles/{id}")).text
    assert "seems to hold a secret" not in (await carol.fetch(f"/articles/{id}")).text


async def test_archiving_takes_it_out_of_list_and_search_and_back(bob, network):
    assert (await bob.fetch(f"/articles/{network}/archive", "POST", {"_method": "put"})).location == f"/articles/{network}"
    page = (await bob.fetch(f"/articles/{network}")).text
    assert "Take it back" in page and "Undo" in page
    assert "Network overview" not in (await bob.fetch("/articles/rows")).text
    assert "Network overview" in (await bob.fetch("/articles/rows?status=archived")).text
    assert "Nothing found" in (await bob.fetch("/search/results?q=fortigate")).text
    await bob.fetch(f"/articles/{network}/archive", "POST", {"_method": "delete"})
    assert "Take it back" not in (await bob.fetch(f"/articles/{network}")).text
    assert "1 article" in (await bob.fetch("/search/results?q=fortigate")).text


async def test_an_old_revision_can_be_brought_back(bob, network):
    await bob.fetch(
        f"/articles/{network}/edit", "POST", {"title": "T", "tags": "", "audience": "internal", "body": "Gone.", "version": "1"}
    )
    form = (await bob.fetch(f"/articles/{network}/edit?revision=1")).text
    assert "A FortiGate 60F." in form and "Back to revision 1" in form


async def test_a_difference_names_what_was_added_and_removed(bob, network):
    await bob.fetch(
        f"/articles/{network}/edit",
        "POST",
        {"title": "Network overview", "tags": "lan", "audience": "internal", "body": "# Firewall\n\nA Sophos.\n", "version": "1"},
    )
    text = (await bob.fetch(f"/articles/{network}/revisions/2/diff")).text
    assert "A Sophos." in text and "A FortiGate 60F." in text and "wiki-added" in text and "wiki-removed" in text
    assert (await bob.fetch(f"/articles/{network}/revisions/2/diff?from=1")).code == 200


async def test_every_write_stands_in_the_audit_log(alice, bob, network):
    await bob.htmx(f"/articles/{network}/archive", "PUT")
    text = (await alice.fetch("/audit")).text
    assert "article.created" in text and "article.archived" in text


async def test_the_door_leads_to_the_articles(bob):
    assert (await bob.fetch("/")).location == "/articles"
