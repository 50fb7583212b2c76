"""What a limited child is asked about articles' texts: its side of texts.py and markdown_files.py."""

from collections.abc import Sequence

import msgspec

from hmlib.tables.sheets import Unreadable
from wiki_srv.articles import differences, markdown_files, markup, secrets_guard
from wiki_srv.articles.markdown_files import Archive, Hostile
from wiki_srv.articles.markup import Heading
from wiki_srv.context import selection
from wiki_srv.context.selection import Context, ContextQuery, LeftOut, Source, Status


class RenderedText(msgspec.Struct, frozen=True):
    """An article's HTML, sanitised in the child, and its headings."""

    html: str
    headings: tuple[Heading, ...]


class Asked(msgspec.Struct, frozen=True):
    """A context that is wanted, out of these sources."""

    sources: Sequence[Source]
    wanted: ContextQuery


class Taken(msgspec.Struct, frozen=True):
    """A piece that was chosen; `source` is its place among the sources, whose texts do not come back."""

    source: int
    index: int
    path: tuple[str, ...]
    fragment: str
    text: str
    tokens: int
    status: Status
    reason: str
    score: float


class Assembled(msgspec.Struct, frozen=True):
    """A context without the texts of its sources."""

    choices: Sequence[Taken]
    left_out: tuple[LeftOut, ...]
    tokens: int


def context_of(answer: bytes, sources: Sequence[Source]) -> Context:
    """The context that the child assembled out of these sources."""
    found = msgspec.msgpack.decode(answer, type=Assembled)
    choices = tuple(
        selection.Choice(
            selection.Piece(sources[one.source], one.index, one.path, one.fragment, one.text, one.tokens), one.status, one.reason, one.score
        )
        for one in found.choices
    )
    return Context(choices, found.left_out, found.tokens)


def _render(question: bytes, _: bytes) -> bytes:
    rendered = markup.render(question.decode())
    return msgspec.msgpack.encode(RenderedText(str(rendered.html), rendered.headings))


def _secrets(question: bytes, _: bytes) -> bytes:
    return msgspec.msgpack.encode(secrets_guard.find(question.decode()))


def _compare(before: bytes, after: bytes) -> bytes:
    return msgspec.msgpack.encode(differences.compared(before.decode(), after.decode()))


def _assemble(question: bytes, _: bytes) -> bytes:
    asked = msgspec.msgpack.decode(question, type=Asked)
    found = selection.assemble(asked.sources, asked.wanted)
    places = {id(source): place for place, source in enumerate(asked.sources)}
    choices = [
        Taken(
            places[id(choice.piece.source)],
            choice.piece.index,
            choice.piece.path,
            choice.piece.fragment,
            choice.piece.text,
            choice.piece.tokens,
            choice.status,
            choice.reason,
            choice.score,
        )
        for choice in found.choices
    ]
    return msgspec.msgpack.encode(Assembled(choices, found.left_out, found.tokens))


def _files(name: bytes, raw: bytes) -> bytes:
    try:
        found, others = markdown_files.read_here(raw, name.decode())
    except Unreadable as why:
        return msgspec.msgpack.encode(Archive(unreadable=str(why), hostile=isinstance(why, Hostile)))
    return msgspec.msgpack.encode(Archive(found=found, others=others))


ANSWERS = {"render": _render, "secrets": _secrets, "compare": _compare, "assemble": _assemble, "files": _files}
