"""The context for machines: ranked, cited, deterministic, and never over its budget."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from wiki_srv.context.selection import ContextQuery, Source, assemble, count_tokens, pieces

ASK = ContextQuery(text="", budget=4000, today="2026-11-22")
OFFICE = Source(
    "a1", 3, "Office network", "Intro\n\n# Firewall\n\nFortiGate\n\n## VPN\n\nIPsec to site B", ("network",), "company", "2026-11-01"
)
PRINTER = Source("a2", 1, "Printers", "# Reception\n\nThe printer jams often.", (), "company", "2026-10-01")
RUNBOOK = Source("g1", 1, "Printer jam runbook", "Open the printer and remove the paper.", ("printer",), "general", "2026-09-01")
UNRELATED = Source("g2", 1, "Coffee machine", "Descale it.", (), "general", "2026-09-01")

bodies = st.lists(
    st.sampled_from(["# Head\n", "## Sub\n", "alpha beta\n", "\n", "x" * 300 + "\n", "```\n# no\n```\n", "é漢🙂\n"]), max_size=25
).map("".join)
sources = st.lists(
    st.builds(
        Source,
        article_id=st.uuids().map(str),
        revision=st.integers(1, 9),
        title=st.text(min_size=1, max_size=40),
        body=bodies,
        tags=st.just(("alpha",)),
        scope=st.sampled_from(["company", "general"]),
        updated_at=st.sampled_from(["2026-11-01", "2026-01-01", "2020-01-01"]),
    ),
    max_size=6,
    unique_by=lambda source: source.article_id,
)


def ids(context):
    return [choice.piece.source.article_id for choice in context.choices]


@settings(max_examples=60, deadline=None)
@given(sources, st.integers(1, 2000), st.text(max_size=60))
def test_the_budget_is_never_exceeded_and_the_answer_is_the_same_twice(given_sources, budget, text):
    wanted = replace(ASK, budget=budget, text=text)
    context = assemble(given_sources, wanted)
    assert context.tokens == sum(count_tokens(choice.piece.text) for choice in context.choices) <= budget
    assert context == assemble(given_sources, wanted)


@settings(max_examples=60, deadline=None)
@given(sources, st.integers(1, 2000))
def test_every_article_with_words_is_there_or_named(given_sources, budget):
    context = assemble(given_sources, replace(ASK, budget=budget, text="alpha"))
    named = {left.article_id for left in context.left_out}
    assert {source.article_id for source in given_sources if pieces(source)} == named | set(ids(context))


@settings(max_examples=40, deadline=None)
@given(sources)
def test_the_companys_pieces_come_before_general_ones(given_sources):
    scopes = [choice.piece.source.scope for choice in assemble(given_sources, replace(ASK, text="alpha beta")).choices]
    assert scopes == sorted(scopes)


def test_pieces_follow_headings_and_stand_alone():
    found = pieces(OFFICE)
    assert [piece.path for piece in found] == [(), ("Firewall",), ("Firewall", "VPN")]
    assert found[2].text == "Office network › Firewall › VPN\n\nIPsec to site B"
    assert found[2].fragment == "doc-vpn"


def test_a_general_article_comes_only_when_it_matches():
    assert ids(assemble([OFFICE, RUNBOOK, UNRELATED], ASK)) == ["a1", "a1", "a1"]
    matched = assemble([OFFICE, RUNBOOK, UNRELATED], replace(ASK, text="the printer jams"))
    assert ids(matched)[-1] == "g1"
    assert [(left.article_id, left.reason) for left in matched.left_out] == [("g2", "not_relevant")]


def test_what_matches_comes_first_and_verified_before_stale():
    assert ids(assemble([OFFICE, PRINTER], replace(ASK, text="printer")))[0] == "a2"
    old = replace(PRINTER, article_id="a0", updated_at="2020-01-01")
    assert ids(assemble([old, PRINTER], replace(ASK, text="printer"))) == ["a2", "a0"]
    assert [choice.status for choice in assemble([old, PRINTER], ASK).choices] == ["verified", "stale"]


def test_an_article_about_a_named_asset_comes_first():
    named = replace(PRINTER, names=("PRN-01",))
    choice = assemble([OFFICE, named], ASK).choices[0]
    assert choice.reason == "company article; names PRN-01"


def test_what_does_not_fit_is_named():
    context = assemble([OFFICE, PRINTER], replace(ASK, budget=6))
    assert [(left.article_id, left.reason) for left in context.left_out] == [("a1", "partly_over_budget"), ("a2", "over_budget")]


def test_secrets_are_hidden_in_title_heading_and_text():
    leaky = replace(OFFICE, title="Wi-Fi password: Tulip-99", body="# PIN: 4711\n\nPassword: hunter2x\n")
    text = assemble([leaky], ASK).choices[0].piece.text
    assert not any(secret in text for secret in ("Tulip-99", "4711", "hunter2x"))


def test_a_long_part_is_cut_into_pieces_that_each_stand_alone():
    long = replace(OFFICE, body="# Log\n\n" + "\n\n".join(f"Entry {number}: " + "word " * 60 for number in range(40)))
    found = pieces(long)
    assert len(found) > 3
    assert all(piece.tokens <= 600 and piece.text.startswith("Office network › Log\n\n") for piece in found)
