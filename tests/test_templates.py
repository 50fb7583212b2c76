"""Every template of every service: icons that exist, no inline style, nonces on scripts and htmx attributes, tokens in forms."""

import re
from pathlib import Path

import pytest

from hmlib.web import rendering

ROOT = Path(__file__).parent.parent
TEMPLATES = sorted(ROOT.glob("*/templates/**/*.html"))


def told(pattern: str, *, without: str = "^$") -> list[str]:
    """Where a pattern stands in a template, comments aside."""
    found = []
    for template in TEMPLATES:
        text = re.sub(r"\{#.*?#\}", "", template.read_text(), flags=re.S)
        found += [f"{template.relative_to(ROOT)}: {match[0]}" for match in re.finditer(pattern, text) if not re.search(without, match[0])]
    return found


@pytest.mark.parametrize("folder", sorted({template.relative_to(ROOT).parts[0] for template in TEMPLATES}))
def test_every_template_can_be_read(folder):
    env = rendering.environment(ROOT / folder / "templates")
    for template in (ROOT / folder / "templates").rglob("*.html"):
        env.get_template(str(template.relative_to(ROOT / folder / "templates")))


def test_every_icon_is_there():
    named = {
        match[1] for template in TEMPLATES for match in re.finditer(r'(?:icon\(|"icon": |picture=)"([a-z0-9-]+)"', template.read_text())
    }
    named |= {match[1] for app in ROOT.glob("*_srv/*.py") for match in re.finditer(r'NavigationItem\(.*"([a-z0-9-]+)"', app.read_text())}
    assert {name for name in named if f'id="{name}"' not in (ROOT / "static/icons.svg").read_text()} == set()


def test_no_style_stands_in_the_markup_and_every_script_has_the_nonce():
    assert told(r'\s(style|on[a-z]+)="') == []
    assert told(r"<(style|script)\b[^>]*>", without=r'^<script nonce="\{\{ nonce \}\}"') == []
    assert told(r'(href|action|src)="\s*javascript:') == []


def test_nobody_types_an_htmx_attribute_by_hand():
    assert told(r"\shx-(?!nonce|morph-skip|preserve)[a-z:-]+=") == []


def test_nothing_is_trusted_as_markup_that_was_not_made_here():
    assert told(r"\|\s*safe\b|autoescape false", without="^$") == []


def test_every_form_that_posts_carries_its_token():
    bare = []
    for template in TEMPLATES:
        for form in re.finditer(r'<form\b[^>]*method="post"[^>]*>(.*?)(</form>|\Z)', template.read_text(), re.S):
            bare += [str(template.relative_to(ROOT))] if "xsrf_field()" not in form[1] else []
    # handover.html posts to Nexus, which asks for the ticket instead; each button of kept.html carries its own token
    assert bare == ["hmlib/templates/handover.html", "hmlib/templates/kept.html"]


def test_templates_are_short():
    assert {
        str(template.relative_to(ROOT)): lines for template in TEMPLATES if (lines := len(template.read_text().splitlines())) > 120
    } == {}
