"""Turns an article's Markdown into HTML that is safe to show, with its table of contents. Pure: no I/O."""

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.table import table
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.gfm import gfm_plugin

from wiki_srv.articles.autolinks import bounded_autolinks
from wiki_srv.articles.highlight import highlighted

PREFIX = "doc-"
"""Begins every id that a heading gets, so that no heading can take the name of something else on the page."""
MOST_COLUMNS = 200
MOST_CELLS = 50_000
"""Cells of all tables of an article together, those that short rows leave out included; beyond it the rest is shown as text."""

ARTICLE_ID = re.compile(r"doc-[\w-]*|fn(ref)?-doc-[\d:-]+")
ARTICLE_CLASS = re.compile(
    r"hl-\w{1,3}|callout(-\w+)?|task(-\w+)*|contains-task-list|footnote[\w-]*|table(-responsive)?|text-(end|center)|anchor"
)
TASK_DONE = '<span class="task-done" role="img" aria-label="Done">☑</span>'
TASK_OPEN = '<span class="task-open" role="img" aria-label="To do">☐</span>'
FEW_SCHEMES = {"http", "https", "mailto", "tel"}


@dataclass(frozen=True)
class Heading:
    """A heading as it is shown: `level` 2 to 6, `id` the fragment that leads to it."""

    level: int
    id: str
    text: str


@dataclass(frozen=True)
class Rendered:
    """An article's text as HTML, already sanitised, and its headings in order."""

    html: Markup
    headings: tuple[Heading, ...]


@dataclass(frozen=True)
class Section:
    """The lines `start` up to `end` (from 0, `end` excluded) under the headings of `path`; `id` leads to the innermost."""

    path: tuple[str, ...]
    id: str
    start: int
    end: int


def render(text: str) -> Rendered:
    """The text as HTML."""
    md, env = parser(), {"docId": "doc"}
    tokens = md.parse(text, env)
    _level_headings(tokens)
    _name_headings(tokens)
    _lead_fragments_to_headings(tokens)
    headings = tuple(Heading(int(token.tag[1]), str(token.attrs["id"]), _plain(after)) for token, after in _headings(tokens))
    return Rendered(Markup(clean(md.renderer.render(tokens, md.options, env))), headings)  # noqa: S704  nh3 has just cleaned it


def first_heading(text: str) -> str:
    """The text of the first heading of the first level, "" where there is none: a title for a file without one."""
    return next((_plain(after) for heading, after in _headings(parser().parse(text)) if heading.tag == "h1"), "")


def sections(text: str) -> list[Section]:
    """The text cut at its headings, in order, headings left out; what stands before the first one has an empty path."""
    found: list[Section] = []
    path: list[tuple[int, str]] = []
    start, lead, fragments = 0, "", _Fragments()
    for heading, after in _headings(_block_parser().parse(text)):
        title = _plain(parser().parseInline(after.content)[0])
        fragment = fragments.of(title)
        if heading.level or heading.map is None:
            continue
        found.append(Section(tuple(above for _, above in path), lead, start, heading.map[0]))
        path = [above for above in path if above[0] < int(heading.tag[1])] + [(int(heading.tag[1]), title)]
        start, lead = heading.map[1], fragment
    return [*found, Section(tuple(above for _, above in path), lead, start, text.count("\n") + 1)]


def clean(html: str) -> str:
    """The second wall: HTML reduced to what an article may hold. No script, style, form, frame, foreign id or class."""
    return _cleaner().clean(html)


@functools.cache
def parser() -> MarkdownIt:
    """CommonMark with tables, task lists, callouts, footnotes, definition lists and heading ids; raw HTML stays text."""
    md = MarkdownIt("commonmark", {"html": False}, renderer_cls=_ArticleRenderer)
    return md.use(gfm_plugin).use(deflist_plugin).use(bounded_autolinks).use(_bounded_tables)


@functools.cache
def _block_parser() -> MarkdownIt:
    """The same blocks without what stands inside them: enough to find the headings, and several times faster."""
    md = MarkdownIt("commonmark", {"html": False}).use(gfm_plugin).use(deflist_plugin).use(_bounded_tables)
    md.core.ruler.enableOnly(["normalize", "block"])
    return md


def _bounded_tables(md: MarkdownIt) -> None:
    md.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A table of at most 200 columns, while the article's tables are not too many cells together: a short row has as many cells as
    the heading, so that a few characters can ask for any number of them."""
    cells = int(state.env.get("cells", 0))
    rule = state.src[state.bMarks[start + 1] : state.eMarks[start + 1]] if start + 1 < end else ""
    if rule.count("|") > MOST_COLUMNS + 1 or cells > MOST_CELLS:
        return False
    found = len(state.tokens)
    if not table(state, start, end, silent):
        return False
    state.env["cells"] = cells + sum(token.type in ("th_open", "td_open") for token in state.tokens[found:])
    return True


@functools.cache
def _cleaner() -> nh3.Cleaner:
    tags = "a blockquote br code dd div dl dt em h2 h3 h4 h5 h6 hr img li ol p pre s section span strong sup table tbody td th thead tr ul"
    attributes = {"a": {"href", "title", "aria-label"}, "img": {"src", "alt", "title"}, "ol": {"start"}, "span": {"aria-label"}}
    fixed = {
        "pre": {"tabindex": {"0"}},
        "div": {"tabindex": {"0"}, "role": {"group", "note"}, "aria-label": {"Table"}},
        "span": {"role": {"img"}},
    }
    return nh3.Cleaner(
        tags=set(tags.split()),
        attributes={"*": {"id", "class"}, **attributes},
        tag_attribute_values=fixed,
        attribute_filter=_permitted,
        url_schemes={*FEW_SCHEMES, "data"},
        link_rel="noopener noreferrer",
    )


def _permitted(tag: str, name: str, value: str) -> str | None:
    if name == "id":
        return value if ARTICLE_ID.fullmatch(value) else None
    if name == "class":
        return " ".join(word for word in value.split() if ARTICLE_CLASS.fullmatch(word)) or None
    if name == "href":
        return None if value.strip().lower().startswith("data:") else value
    if name == "src":
        return value if value.startswith("data:image/") else None
    return value


class _Fragments:
    """The fragment of each heading: equal titles are told apart by a number, and where the counting stands is remembered."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def of(self, title: str) -> str:
        slug = found = _slug(title)
        while found in self._taken:
            number = self._next[slug] = self._next.get(slug, 0) + 1
            found = f"{slug}-{number}"
        self._taken.add(found)
        return found


def _name_headings(tokens: Sequence[Token]) -> None:
    fragments = _Fragments()
    for heading, after in _headings(tokens):
        heading.attrs["id"] = fragments.of(_plain(after))


def _slug(title: str) -> str:
    return PREFIX + re.sub(r"[^\w-]", "", title.casefold().replace(" ", "-"))


def _headings(tokens: Sequence[Token]) -> Iterator[tuple[Token, Token]]:
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            yield token, tokens[index + 1]


def _plain(inline: Token) -> str:
    return "".join(child.content for child in inline.children or () if child.type in {"text", "code_inline"}).strip()


def _level_headings(tokens: Sequence[Token]) -> None:
    """The page's own h1 is the title: headings begin at h2 and never skip a level, whatever the writer chose."""
    above: list[int] = []
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            written = int(token.tag[1])
            above = [level for level in above if level < written] + [written]
            token.tag = tokens[index + 2].tag = f"h{min(len(above) + 1, 6)}"


def _lead_fragments_to_headings(tokens: Sequence[Token]) -> None:
    for token in tokens:
        for child in token.children or ():
            href = str(child.attrs.get("href", "")) if child.type == "link_open" else ""
            if href.startswith("#") and not href.startswith("#" + PREFIX):
                child.attrs["href"] = "#" + _slug(href[1:])


class _ArticleRenderer(RendererHTML):
    """What differs from plain CommonMark; every method is one kind of token."""

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        words = tokens[idx].info.split()
        return f'<pre tabindex="0"><code>{highlighted(tokens[idx].content, words[0] if words else "")}</code></pre>\n'

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f'<pre tabindex="0"><code>{escapeHtml(tokens[idx].content)}</code></pre>\n'

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """A picture from elsewhere is a link: the page's policy shows none, and none should learn who reads."""
        token = tokens[idx]
        source, alt = str(token.attrs.get("src", "")), self.renderInlineAsText(token.children, options, env)
        if source.startswith("data:image/"):
            return f'<img src="{escapeHtml(source)}" alt="{escapeHtml(alt)}">'
        return f'<a href="{escapeHtml(source)}">{escapeHtml(alt or source)}</a>'

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return '<div class="table-responsive" role="group" aria-label="Table" tabindex="0"><table class="table">\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "</table></div>\n"

    def th_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return _cell(tokens[idx])

    def td_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return _cell(tokens[idx])

    def alert_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f'<div class="callout callout-{str(tokens[idx].meta["kind"]).lower()}" role="note">\n'

    def alert_title_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return '<p class="callout-title">'

    def list_item_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        done = tokens[idx].meta.get("checked")
        return "<li>" if done is None else f'<li class="task">{TASK_DONE if done else TASK_OPEN} '

    def heading_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        opened: Any = tokens[idx - 2].attrs.get("id")
        return f' <a class="anchor" href="#{opened}" aria-label="Link to this section">#</a></{tokens[idx].tag}>\n'


def _cell(token: Token) -> str:
    side = {"text-align:right": ' class="text-end"', "text-align:center": ' class="text-center"'}.get(str(token.attrs.get("style")), "")
    return f"<{token.tag}{side}>"
