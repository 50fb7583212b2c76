"""Long texts are worked on in a child process with an end to its time and memory, and a page is there whatever they are."""

import asyncio
import random
import time

import pytest

from hmlib.jobs.child_process import Busy, Limits
from hmlib.testing.hub import ACME
from wiki_srv.articles import differences, markup, rendering
from wiki_srv.articles.differences import compared
from wiki_srv.articles.rendering import Texts
from wiki_srv.context.selection import ContextQuery, Source, assemble
from wiki_srv.tests.conftest import ACME_COMPANY

ASK = ContextQuery(text="gateway", budget=4000, today="2026-11-22")
LONG = "# Gateway\n\nThe gateway is at 10.0.0.1.\n\npassword: hunter22\n\n" + "Some **words** more.\n\n" * 400


def source(number, body):
    return Source(article_id=f"a{number}", revision=1, title="Gateway", body=body, tags=(), scope="company", updated_at="2026-11-01")


@pytest.mark.gen_test
async def test_a_long_text_says_the_same_as_where_it_is():
    work = Texts()
    sources = [source(1, LONG), source(2, "Short.")]
    assert await work.rendered(LONG) == markup.render(LONG)
    assert await work.secrets_in(LONG) == rendering.secrets_guard.find(LONG)
    assert await work.compared(LONG, LONG + "x") == compared(LONG, LONG + "x")
    assert await work.context(sources, ASK) == assemble(sources, ASK)


@pytest.mark.gen_test(timeout=60)
async def test_n187_what_is_too_complicated_is_shown_as_its_source_and_remembered(monkeypatch):
    monkeypatch.setattr(rendering, "LIMITS", Limits(seconds=1, patience=20.0, memory=40 * 2**20))
    work, text = Texts(), "<b>x</b> " * 50_000
    shown = await work.rendered(text)
    assert rendering.COMPLICATED in shown.html and "&lt;b&gt;x" in shown.html and "<b>" not in shown.html
    monkeypatch.setattr(work._worker, "ask", None)
    assert await work.rendered(text) is shown


@pytest.mark.gen_test(timeout=60)
async def test_n187_nothing_is_lost_where_the_child_gives_up(monkeypatch):
    monkeypatch.setattr(rendering, "LIMITS", Limits(seconds=1, patience=20.0, memory=40 * 2**20))
    work, sources = Texts(), [source(1, LONG * 100), source(2, "The gateway.")]
    assert [finding.line for finding in await work.secrets_in(LONG)] == [5]
    assert (await work.compared(LONG * 50, LONG * 50 + "x")).too_much
    context = await work.context(sources, ASK)
    assert [choice.piece.source.article_id for choice in context.choices] == ["a2"]
    assert [(left.article_id, left.reason) for left in context.left_out] == [("a1", "too_complicated")]


@pytest.mark.gen_test
async def test_a_full_line_is_not_remembered(monkeypatch):
    work = Texts()

    async def busy(*_):
        raise Busy

    with monkeypatch.context() as patched:
        patched.setattr(work._worker, "ask", busy)
        assert rendering.BUSY in (await work.rendered(LONG)).html
    assert "<strong>words" in (await work.rendered(LONG)).html


@pytest.mark.gen_test
async def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(rendering, "REMEMBERED", 10_000)
    work = Texts()
    for number in range(50):
        await work.rendered(f"{number} " + "word " * 200)
    assert work._characters <= 10_000 and 0 < len(work._remembered) < 50


@pytest.mark.gen_test(timeout=60)
async def test_n187_others_are_answered_while_a_long_text_is_shown(bob, write):
    """The loop turns while the child works: what it does itself for a text of 500,000 characters is little."""
    id = await write("Long", "# a\n" * 100_000, company=None)
    await bob.fetch(f"/articles/{id}")  # what is made once
    longest, stop = 0.0, asyncio.Event()

    async def watch():
        nonlocal longest
        while not stop.is_set():
            before = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - before)

    watching = asyncio.ensure_future(watch())
    answer = await bob.fetch("/articles/preview", "POST", {"body": "<a:" * 15_000})
    stop.set()
    await watching
    assert answer.code == 200 and "&lt;a:" in answer.text
    assert longest < 0.1


@pytest.mark.gen_test(timeout=60)
async def test_n189_two_revisions_of_very_many_lines_are_shown_beside_each_other(alice, bob, write):
    before, after = ("\n".join(f"{word} {at}" for at in range(30_000)) for word in ("old", "new"))
    id = await write("Long", before)
    form = {"title": "Long", "body": after, "audience": "internal", "version": "1", "tags": "", "message": ""}
    assert (await alice.fetch(f"/articles/{id}/edit", "POST", form)).code == 303
    answer = await bob.fetch(f"/articles/{id}/revisions/2/diff")
    assert answer.code == 200 and "too many lines" in answer.text
    assert "old 29999" in answer.text and "new 29999" in answer.text
    conflict = await bob.fetch(f"/articles/{id}/edit", "POST", {**form, "body": before + "\nmine"})
    assert conflict.code == 409 and "too many lines" in conflict.text and "mine" in conflict.text


def changed(lines):
    return [(line.kind, line.text) for line in lines]


def test_a_comparison_tells_changes_apart_from_what_stays():
    assert changed(compared("a\nb\nc\nd\ne\nf\ng\nh\ni\nj", "a\nB\nc\nd\ne\nf\ng\nh\ni\nJ").lines) == [
        ("same", "a"),
        ("removed", "b"),
        ("added", "B"),
        ("same", "c"),
        ("same", "d"),
        ("same", "e"),
        ("gap", ""),
        ("same", "g"),
        ("same", "h"),
        ("same", "i"),
        ("removed", "j"),
        ("added", "J"),
    ]
    assert compared("a\nb", "a\nb").lines == ()


def test_a_comparison_leads_from_one_text_to_the_other(monkeypatch):
    monkeypatch.setattr(differences, "CONTEXT_LINES", 10_000)
    random_lines = random.Random(7)
    for _ in range(200):
        before = [random_lines.choice("abcdefgh") * random_lines.randrange(1, 3) for _ in range(random_lines.randrange(40))]
        after = [line for line in before if random_lines.random() < 0.8] + [random_lines.choice("xyz") for _ in range(3)]
        lines = compared("\n".join(before), "\n".join(after)).lines
        assert "\n".join(line.text for line in lines if line.kind in ("same", "removed")) == "\n".join(before)
        assert "\n".join(line.text for line in lines if line.kind in ("same", "added")) == "\n".join(after)


@pytest.mark.gen_test(timeout=60)
async def test_a_context_of_long_articles_is_answered(bob, write, network):
    await write("Everything about the gateway", LONG * 40, company=ACME_COMPANY)
    answer = await bob.api("/api/context", "POST", {"company_id": ACME, "text": "gateway", "token_budget": 500})
    assert answer.code == 200 and any(chunk["title"].startswith("Everything") for chunk in answer.json["chunks"])
    assert "hunter22" not in answer.text
