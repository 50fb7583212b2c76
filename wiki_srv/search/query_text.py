"""What a person typed into the search box, as a query for either database engine, and the snippet that shows a hit. Pure: no I/O."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

from wiki_srv.search.words import facet, folded, words

LONGEST_QUERY = 200
MOST_TERMS = 12
SNIPPET_LENGTH = 240
COLUMNS = {"title": "title", "tags": "tags", "body": "body"}
WEIGHTS = {"title": "A", "tags": "B", "body": "D"}

_PART = re.compile(r'(?P<minus>-)?(?:(?P<key>tag|company|in):)?(?:"(?P<quoted>[^"]*)"?|(?P<bare>[^\s"]+))', re.I)
_LINK = re.compile(r"!?\[([^\[\]\n]*)\]\([^()\n]*\)")
_LINE_SIGNS = re.compile(
    r"^[ \t]{0,3}(?:#{1,6}|>|[-+*]|\d{1,9}[.)])[ \t]+(?:\[[ xX]\] |\[![A-Z]{1,20}\])?|^(?=[ \t:|-]*---)[ \t:|-]++$|\|", re.M
)
_INLINE_SIGNS = re.compile(r"[*`~]+|_{2,}")


@dataclass(frozen=True)
class Term:
    """Words that stand side by side; with `prefix` the last one is only its beginning."""

    words: tuple[str, ...]
    prefix: bool = False


@dataclass(frozen=True)
class Wanted:
    """A search: terms to find, terms to leave out, and the narrowings `tag:`, `company:` and `in:` (folded)."""

    terms: tuple[Term, ...] = ()
    without: tuple[Term, ...] = ()
    tags: tuple[str, ...] = ()
    companies: tuple[str, ...] = ()
    column: str | None = None
    spaces: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms or self.tags or self.companies or self.spaces)

    def marks(self) -> tuple[str, ...]:
        """The words to mark in a snippet."""
        return tuple(dict.fromkeys(word for term in self.terms for word in term.words))


@dataclass(frozen=True)
class Facets:
    """Properties an article must have: one of each group of `required`, and none of `refused`."""

    required: tuple[tuple[str, ...], ...] = ()
    refused: tuple[str, ...] = ()

    def within(self, *groups: Iterable[str]) -> "Facets":
        return Facets((*self.required, *(tuple(group) for group in groups)), self.refused)


@dataclass
class _Parts:
    terms: list[Term] = field(default_factory=list)
    without: list[Term] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    companies: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)


def wanted(q: str) -> Wanted:
    """Read a search: words, "phrases", -word, tag:, company:, in: (title, tags, body or a space). The last word may be unfinished."""
    text = q[:LONGEST_QUERY]
    parts = _Parts()
    matches = list(_PART.finditer(text))
    for match in matches:
        _take(match, parts, unfinished=match is matches[-1] and match.end() == len(text))
    columns = [COLUMNS[place] for place in parts.places if place in COLUMNS]
    return Wanted(
        tuple(parts.terms[:MOST_TERMS]),
        tuple(parts.without[:MOST_TERMS]),
        tuple(parts.tags),
        tuple(parts.companies),
        columns[0] if columns else None,
        tuple(place for place in parts.places if place not in COLUMNS),
    )


def _take(match: re.Match[str], parts: _Parts, *, unfinished: bool) -> None:
    key, text = (match["key"] or "").lower(), match["quoted"] if match["bare"] is None else match["bare"]
    found = tuple(words(text))
    if not found:
        return
    if key:
        {"tag": parts.tags, "company": parts.companies, "in": parts.places}[key].append(" ".join(found))
    elif match["minus"]:
        parts.without.append(Term(found))
    else:
        parts.terms.append(Term(found, prefix=unfinished and match["bare"] is not None))


def any_of(found: Sequence[str]) -> Wanted:
    """A search for texts that hold some of these words."""
    return Wanted(tuple(Term((word,)) for word in found))


def fts5(search: Wanted, facets: Facets, *, some: bool = False) -> str:
    """The MATCH expression of SQLite's FTS5; with `some`, one of the terms is enough."""
    parts = [f"({' OR '.join(_quoted(word) for word in group)})" for group in _groups(search, facets)]
    within = f"{search.column} : " if search.column else ""
    if search.terms:
        joined = (" OR " if some else " AND ").join(_fts5_term(term) for term in search.terms)
        parts.append(f"{within}({joined})")
    refused = [*(_fts5_term(term) for term in search.without), *(_quoted(word) for word in facets.refused)]
    expression = " AND ".join(parts)
    return f"({expression}) NOT ({' OR '.join(refused)})" if refused else expression


def tsquery(search: Wanted, facets: Facets, *, some: bool = False) -> str:
    """The text form of PostgreSQL's tsquery for the same search."""
    parts = ["(" + " | ".join(f"'{word}'" for word in group) + ")" for group in _groups(search, facets)]
    if ranked := rank_query(search, some=some):
        parts.append(f"({ranked})")
    parts += [f"!({_ts_term(term, '')})" for term in search.without]
    parts += [f"!'{word}'" for word in facets.refused]
    return " & ".join(parts)


def rank_query(search: Wanted, *, some: bool = False) -> str:
    """The terms alone as a tsquery: what decides the order, without the conditions."""
    weight = WEIGHTS.get(search.column or "", "")
    return (" | " if some else " & ").join(_ts_term(term, weight) for term in search.terms)


def pattern(marks: Sequence[str]) -> re.Pattern[str] | None:
    """What finds the words of a search, and words that begin with them, in a folded text; None for no words."""
    longest_first = sorted(marks, key=len, reverse=True)
    return re.compile(r"(?<![^\W_])(?:" + "|".join(longest_first) + r")[^\W_]*") if marks else None


def snippet(text: str, hits: re.Pattern[str] | None, length: int = SNIPPET_LENGTH) -> Markup:
    """A piece of a Markdown text around its first hit, as HTML with every hit in <mark>; the text is escaped first."""
    start, end = _window(text, hits, length)
    plain = _INLINE_SIGNS.sub("", _LINE_SIGNS.sub(" ", _LINK.sub(r"\1", text[start:end])))
    shown = marked(" ".join(plain.split()), hits)
    return escape("… " if start else "") + shown + (" …" if end < len(text) else "")


def marked(text: str, hits: re.Pattern[str] | None) -> Markup:
    """The whole text as HTML with every hit in <mark>; what stands between the marks is escaped."""
    parts: list[str] = []
    at = 0
    for hit in hits.finditer(folded(text)) if hits else ():
        parts += [escape(text[at : hit.start()]), "<mark>", escape(text[hit.start() : hit.end()]), "</mark>"]
        at = hit.end()
    return Markup("".join([*parts, escape(text[at:])]))  # noqa: S704  every piece of text was escaped just here


def _window(text: str, hits: re.Pattern[str] | None, length: int) -> tuple[int, int]:
    hit = hits.search(folded(text)) if hits else None
    start = max(0, hit.start() - length // 3) if hit else 0
    if start and (space := text.find(" ", start, start + 30)) > 0:
        start = space + 1
    end = min(len(text), start + length)
    if end < len(text) and (space := text.rfind(" ", end - 30, end)) > 0:
        end = space
    return start, end


def _groups(search: Wanted, facets: Facets) -> list[tuple[str, ...]]:
    return [*facets.required, *((facet("t", tag),) for tag in search.tags)]


def _quoted(text: str) -> str:
    return f'"{text}"'


def _fts5_term(term: Term) -> str:
    return _quoted(" ".join(term.words)) + (" *" if term.prefix else "")


def _ts_term(term: Term, weight: str) -> str:
    *first, last = term.words
    suffix = f":{'*' if term.prefix else ''}{weight}" if term.prefix or weight else ""
    plain = f":{weight}" if weight else ""
    return "(" + " <-> ".join([*(f"'{word}'{plain}" for word in first), f"'{last}'{suffix}"]) + ")"
