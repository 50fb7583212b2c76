"""Markdown in, safe HTML out: the shapes an article may use, and attacks on the reader (N003, N010, N044)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiki_srv.articles import markup

ATTACKS = [
    "[x](javascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](data:image/png;base64,AAAA)",
    "[x](vbscript:msgbox(1))",
    "[x](&#106;avascript:alert(1))",
    "<svg/onload=alert(1)>",
    "<a hx-on:click=alert(1)>x</a>",
    "<div data-hx-get=/api/users hx-trigger=load>x</div>",
    "<meta http-equiv=refresh content=0;url=//evil>",
    "<base href=//evil>",
    "<form action=//evil><input name=_xsrf></form>",
    "<iframe src=//evil></iframe>",
    '<p id="xsrf" name="body" style="position:fixed">x</p>',
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml;base64,AAAA)",
    '![" onerror="alert(1)](data:image/png;base64,AAAA)',
    '[x](/ok "\\" onmouseover=\\"alert(1)")',
    "```<script>\nx\n```",
    "```python onload=alert(1)\n<script>alert(1)</script>\n```",
    "# <img src=x onerror=alert(1)>",
    "> [!NOTE]\n> <script>alert(1)</script>",
    "[^1]\n\n[^1]: <script>alert(1)</script>",
    "| <script> |\n|---|\n| <img src=x onerror=alert(1)> |",
    '<https://example.com/"onclick=alert(1)>',
]
FORBIDDEN_TAGS = re.compile(r"<(?:script|svg|meta|base|form|input|iframe|object|embed|style|link|button|textarea|math|h1)\b", re.I)
TAG = re.compile(r"<[a-z][^>]*>", re.I)
FORBIDDEN_ATTRIBUTE = re.compile(r"""[\s"'/](?:on\w+|(?:data-)?hx-[\w:-]+|style|name|srcdoc|action|formaction)\s*=""", re.I)
FORBIDDEN_TARGET = re.compile(r"""(?:href|src)="\s*(?:javascript|vbscript|data:(?!image/(?:png|gif|jpeg|webp)))""", re.I)


def dangers(html: str) -> list[str]:
    tags = TAG.findall(html)
    bare = [re.sub(r'"[^"]*"', '""', tag) for tag in tags]
    return [
        *FORBIDDEN_TAGS.findall(html),
        *(tag for tag in bare if FORBIDDEN_ATTRIBUTE.search(tag)),
        *(tag for tag in tags if FORBIDDEN_TARGET.search(tag) or (tag.startswith("<a") and "data:" in tag)),
    ]


@pytest.mark.parametrize("attack", ATTACKS)
def test_n003_nothing_that_acts_reaches_the_reader(attack):
    assert dangers(str(markup.render(attack).html)) == []


@pytest.mark.parametrize("attack", ATTACKS)
def test_n003_the_second_wall_stands_alone(attack):
    """Even if the Markdown parser let raw HTML through, the sanitiser would not."""
    assert dangers(markup.clean(attack)) == []


def test_the_detector_of_these_tests_sees_an_attack():
    """The negative control: what the two walls stop is what `dangers` finds."""
    assert dangers('<svg onload="x"><p style="x"><a href="javascript:x"><div data-hx-get="/x"><a href="data:text/html,x">')


@given(st.text(alphabet=st.sampled_from("ab<>\"'=&#*_`[]()!|:- \n\\/~^"), max_size=80))
def test_any_text_renders_without_danger(text):
    assert dangers(str(markup.render(text).html)) == []


def test_raw_html_is_shown_as_text():
    assert "&lt;b&gt;bold&lt;/b&gt;" in markup.render("<b>bold</b>").html


def test_n010_template_signs_are_only_text():
    assert "{{7*7}} {% raw %}" in markup.render("{{7*7}} {% raw %}").html


def test_n044_every_link_says_no_opener():
    html = markup.render("[x](https://example.com) and https://example.org").html
    assert html.count('rel="noopener noreferrer"') == html.count("<a ") == 2


def test_headings_get_prefixed_ids_and_never_skip_a_level():
    page = markup.render("### location\n\n# Location\n\n#### Deep\n")
    assert [(heading.level, heading.id) for heading in page.headings] == [(2, "doc-location"), (2, "doc-location-1"), (3, "doc-deep")]
    assert '<h2 id="doc-location">location <a class="anchor" href="#doc-location"' in page.html


def test_a_link_to_a_heading_leads_to_its_prefixed_id():
    assert 'href="#doc-network-overview"' in markup.render("[see](#network-overview)\n\n# Network overview").html


def test_a_foreign_id_is_dropped():
    assert markup.clean('<h2 id="xsrf">x</h2><h3 id="doc-x">y</h3>') == '<h2>x</h2><h3 id="doc-x">y</h3>'


def test_tables_align_by_class():
    html = markup.render("| a | b |\n|---|--:|\n| 1 | 2 |").html
    assert '<td class="text-end">2</td>' in html
    assert 'class="table-responsive"' in html


def test_task_lists_are_text_not_inputs():
    html = markup.render("- [x] done\n- [ ] open").html
    assert 'aria-label="Done"' in html
    assert 'aria-label="To do"' in html
    assert "<input" not in html


def test_callouts_footnotes_and_definitions():
    html = markup.render("> [!WARNING]\n> hot\n\nx[^1]\n\nterm\n: meaning\n\n[^1]: foot").html
    assert '<div class="callout callout-warning" role="note">' in html
    assert 'id="fn-doc-1"' in html
    assert "<dt>term</dt>" in html


def test_code_is_coloured_where_the_language_is_known():
    assert '<span class="hl-n">' in markup.render("```python\nx = 1\n```").html
    assert "<span" not in markup.render("```nonsense\nx = 1\n```").html


def test_a_picture_from_elsewhere_becomes_a_link():
    html = markup.render("![plan](https://example.com/p.png)").html
    assert "<img" not in html
    assert '<a href="https://example.com/p.png"' in html


def test_sections_follow_headings_but_not_those_in_code():
    text = "intro\n\n# A\n\na\n\n```\n# not a heading\n```\n\n## B\n\nb\n\n# C\n\nc"
    found = [(section.path, section.id) for section in markup.sections(text)]
    assert found == [((), ""), (("A",), "doc-a"), (("A", "B"), "doc-b"), (("C",), "doc-c")]


def test_the_ids_of_sections_are_those_of_the_page():
    text = "# A\n\n## A\n\n> # quoted\n\n# quoted\n\n**B** `c`\n---\n"
    shown = [heading.id for heading in markup.render(text).headings]
    assert {section.id for section in markup.sections(text) if section.id} <= set(shown)
    assert markup.sections(text)[-1].id == shown[-1]


def test_the_first_heading_is_a_title():
    assert markup.first_heading("## no\n\n# Yes *really*\n") == "Yes really"
    assert markup.first_heading("text") == ""
