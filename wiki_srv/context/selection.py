"""Chooses what a technician should know about a company, in ranked, cited pieces inside a budget of tokens. Pure: no I/O."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from wiki_srv.articles.markup import sections
from wiki_srv.articles.secrets_guard import mask
from wiki_srv.search.words import telling, words

Scope = Literal["company", "general"]
Status = Literal["verified", "ageing", "stale"]

BYTES_PER_TOKEN = 4
LARGEST_PIECE = 600
MOST_TERMS = 32
TRUST: dict[Status, float] = {"verified": 1.0, "ageing": 0.85, "stale": 0.6}
WEAKEST_MATCH = 0.3
"""A general piece is a match when its relevance is at least this share of the best general piece's."""


@dataclass(frozen=True)
class Source:
    """An article the caller may read, as it stood at the wanted time. `names` are those of the asked assets it mentions."""

    article_id: str
    revision: int
    title: str
    body: str
    tags: tuple[str, ...]
    scope: Scope
    updated_at: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class ContextQuery:
    """What is wanted: a free text to match, at most `budget` tokens, and how trust fades with age in days from `today`.

    `exclude` holds ids of articles and of pieces that are known already.
    """

    text: str
    budget: int
    today: str
    exclude: frozenset[str] = frozenset()
    ageing_after_days: int = 180
    stale_after_days: int = 365


@dataclass(frozen=True)
class Piece:
    """A part of an article that stands alone: its text begins with the title and the headings above it."""

    source: Source
    index: int
    path: tuple[str, ...]
    fragment: str
    text: str
    tokens: int

    @property
    def id(self) -> str:
        return f"{self.source.article_id}:{self.source.revision}:{self.index}"


@dataclass(frozen=True)
class Choice:
    """A piece that was taken, and why."""

    piece: Piece
    status: Status
    reason: str
    score: float


@dataclass(frozen=True)
class LeftOut:
    """An article that is missing or only partly there: `over_budget`, `partly_over_budget`, `not_relevant`, `excluded`; the
    gathering adds `too_new` and `less_relevant`."""

    article_id: str
    reason: str


@dataclass(frozen=True)
class Context:
    """The answer: choices in rank order, what was left out, and the tokens of all choices together."""

    choices: tuple[Choice, ...]
    left_out: tuple[LeftOut, ...]
    tokens: int


def count_tokens(text: str) -> int:
    """Tokens of a text: its UTF-8 bytes divided by four, rounded up. The same on every machine and for every model."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def status_of(updated_at: str, wanted: ContextQuery) -> Status:
    """How far an article can be trusted, by the days since it was last saved."""
    age = (date.fromisoformat(wanted.today[:10]) - date.fromisoformat(updated_at[:10])).days
    if age >= wanted.stale_after_days:
        return "stale"
    return "ageing" if age >= wanted.ageing_after_days else "verified"


def assemble(sources: Sequence[Source], wanted: ContextQuery) -> Context:
    """Rank the pieces of all sources and take as many as the budget holds: the company's before general ones, best first."""
    known = [source.article_id for source in sources if source.article_id in wanted.exclude]
    fresh = [source for source in sources if source.article_id not in wanted.exclude]
    all_pieces = [piece for source in fresh for piece in pieces(source) if piece.id not in wanted.exclude]
    ranked = _ranked(all_pieces, wanted)
    chosen: list[Choice] = []
    tokens = 0
    for choice in ranked:
        if tokens + choice.piece.tokens <= wanted.budget:
            chosen.append(choice)
            tokens += choice.piece.tokens
    left_out = [LeftOut(id, "excluded") for id in known]
    return Context(tuple(chosen), (*left_out, *_left_out(fresh, all_pieces, ranked, chosen)), tokens)


def pieces(source: Source) -> list[Piece]:
    """The article cut at its headings, and long parts at their paragraphs; secrets are hidden first, headings included."""
    body, title = mask(source.body), mask(source.title)
    lines = body.split("\n")
    found: list[Piece] = []
    for section in sections(body):
        text = "\n".join(lines[section.start : section.end]).strip()
        lead = " › ".join([title, *section.path])
        for part in _parts(text, max(1, LARGEST_PIECE - count_tokens(lead))):
            whole = f"{lead}\n\n{part}"
            found.append(Piece(source, len(found), section.path, section.id, whole, count_tokens(whole)))
    return found


def _parts(text: str, most: int) -> Iterator[str]:
    """Paragraphs put together up to `most` tokens; one that is longer by itself is cut at its lines, or anywhere."""
    waiting = ""
    for paragraph in (part for block in re.split(r"\n\s*\n", text) for part in _cut(block, most)):
        together = f"{waiting}\n\n{paragraph}" if waiting else paragraph
        if count_tokens(together) > most and waiting:
            yield waiting
            together = paragraph
        waiting = together
    if waiting.strip():
        yield waiting


def _cut(block: str, most: int) -> Iterator[str]:
    waiting = ""
    for line in block.split("\n"):
        together = f"{waiting}\n{line}" if waiting else line
        if count_tokens(together) > most and waiting:
            yield waiting
            together = line
        while count_tokens(together) > most:
            cut = max(1, len(together) * most // count_tokens(together) // 2)
            yield together[:cut]
            together = together[cut:]
        waiting = together
    if waiting.strip():
        yield waiting


def _ranked(all_pieces: Sequence[Piece], wanted: ContextQuery) -> list[Choice]:
    relevance = _relevance(all_pieces, telling(wanted.text, MOST_TERMS))
    best = max((value for piece, value in zip(all_pieces, relevance, strict=True) if piece.source.scope == "general"), default=0.0)
    choices = [
        _choice(piece, value, wanted)
        for piece, value in zip(all_pieces, relevance, strict=True)
        if piece.source.scope == "company" or (value > 0 and value >= best * WEAKEST_MATCH)
    ]
    newest_first = sorted(choices, key=lambda choice: choice.piece.source.updated_at, reverse=True)
    return sorted(newest_first, key=_rank)


def _rank(choice: Choice) -> tuple[bool, float]:
    return choice.piece.source.scope != "company", -choice.score


def _choice(piece: Piece, relevance: float, wanted: ContextQuery) -> Choice:
    source = piece.source
    status = status_of(source.updated_at, wanted)
    ground = (1.0 if piece.index == 0 else 0.8) if source.scope == "company" else 0.0
    score = (ground + relevance + (2.0 if source.names else 0.0)) * TRUST[status]
    reason = [f"{source.scope} article"]
    reason += [f"names {', '.join(source.names)}"] if source.names else []
    reason += ["matches the text"] if relevance else []
    return Choice(piece, status, "; ".join(reason), round(score, 4))


def _relevance(all_pieces: Sequence[Piece], terms: Sequence[str]) -> list[float]:
    """For each piece, how rare the terms are that it holds, and where: title, tags and headings weigh more than the text."""
    if not terms:
        return [0.0] * len(all_pieces)
    counted = [_counts(piece, frozenset(terms)) for piece in all_pieces]
    holders = {term: sum(1 for counts in counted if term in counts) for term in terms}
    rarity = {term: math.log(1 + (len(counted) - held + 0.5) / (held + 0.5)) for term, held in holders.items()}
    return [sum(rarity[term] * counts[term] for term in terms if term in counts) for counts in counted]


def _counts(piece: Piece, terms: frozenset[str]) -> dict[str, float]:
    weights: dict[str, float] = {}
    fields: Iterable[tuple[str, float]] = (
        (piece.source.title, 2.0),
        (" ".join(piece.source.tags), 1.5),
        (" ".join(piece.path), 1.5),
    )
    for text, weight in fields:
        for term in terms.intersection(words(text)):
            weights[term] = weights.get(term, 0.0) + weight
    frequencies: dict[str, int] = {}
    for word in words(piece.text):
        if word in terms:
            frequencies[word] = frequencies.get(word, 0) + 1
    for term, times in frequencies.items():
        weights[term] = weights.get(term, 0.0) + times / (times + 1.2)
    return weights


def _left_out(
    sources: Sequence[Source], all_pieces: Sequence[Piece], ranked: Sequence[Choice], chosen: Sequence[Choice]
) -> Iterator[LeftOut]:
    """In the order of the sources; an article without a single word is not missed."""
    whole = {piece.source.article_id for piece in all_pieces}
    wanted = Counter(choice.piece.source.article_id for choice in ranked)
    taken = Counter(choice.piece.source.article_id for choice in chosen)
    for article_id in dict.fromkeys(source.article_id for source in sources if source.article_id in whole):
        if not wanted[article_id]:
            yield LeftOut(article_id, "not_relevant")
        elif not taken[article_id]:
            yield LeftOut(article_id, "over_budget")
        elif taken[article_id] < wanted[article_id]:
            yield LeftOut(article_id, "partly_over_budget")
