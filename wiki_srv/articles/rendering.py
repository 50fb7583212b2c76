"""Work on articles' texts: short ones where they are, long ones in a child process with an end to its time and memory."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Sequence

import msgspec
from markupsafe import Markup, escape

from hmlib.jobs.child_process import Busy, Limits, TooMuch, Worker
from wiki_srv.articles import child_questions, markup, secrets_guard
from wiki_srv.articles.child_questions import Asked, RenderedText
from wiki_srv.articles.differences import Comparison, compared
from wiki_srv.articles.markup import Rendered
from wiki_srv.articles.secrets_guard import Finding
from wiki_srv.context.selection import Context, ContextQuery, LeftOut, Source, assemble

SHORT = 5_000
"""Characters that are worked on where they are: some ten milliseconds at most."""
LIMITS = Limits(seconds=5, patience=20.0, memory=300 * 2**20)
REMEMBERED = 8_000_000
"""Characters of HTML that are remembered, by what they were made from."""
MOST_IN_A_CONTEXT = 2_000_000
"""Characters of all articles together that one context is chosen from."""
TOO_COMPLICATED = "too_complicated"
BUSY = "Wiki has too many long texts to show at the moment. Load the page again in a few seconds; here is the source."
COMPLICATED = "This text is too complicated to show. Here is the source."


class Texts:
    """The texts' work of one process, and the HTML that it remembers."""

    def __init__(self) -> None:
        self._worker = Worker("wiki_srv.articles.child_questions", LIMITS)
        self._remembered: OrderedDict[bytes, Rendered] = OrderedDict()
        self._characters = 0

    async def rendered(self, text: str) -> Rendered:
        """The text as HTML; its escaped source with a sentence where that takes too much time or memory."""
        key = hashlib.blake2b(text.encode(), digest_size=20).digest()
        found = self._remembered.get(key)
        if found is not None:
            self._remembered.move_to_end(key)
            return found
        try:
            found = markup.render(text) if len(text) <= SHORT else await self._rendered(text)
        except Busy:
            return _source(text, BUSY)
        except (TooMuch, RecursionError):
            found = _source(text, COMPLICATED)
        self._remember(key, found)
        return found

    async def _rendered(self, text: str) -> Rendered:
        shown = msgspec.msgpack.decode(await self._worker.ask("render", text.encode()), type=RenderedText)
        return Rendered(Markup(shown.html), shown.headings)  # noqa: S704  the child has cleaned it

    def _remember(self, key: bytes, rendered: Rendered) -> None:
        if key in self._remembered:
            return
        self._remembered[key] = rendered
        self._characters += len(rendered.html)
        while self._characters > REMEMBERED:
            self._characters -= len(self._remembered.popitem(last=False)[1].html)

    async def secrets_in(self, text: str) -> list[Finding]:
        """What in the text looks secret."""
        if len(text) <= SHORT:
            return secrets_guard.find(text)
        try:
            return msgspec.msgpack.decode(await self._worker.ask("secrets", text.encode()), type=list[Finding])
        except TooMuch:  # the search is linear, so a thread will do; to find nothing would be wrong
            return await asyncio.to_thread(secrets_guard.find, text)

    async def compared(self, before: str, after: str) -> Comparison:
        """What changed between two texts."""
        if len(before) + len(after) <= SHORT:
            return compared(before, after)
        try:
            return msgspec.msgpack.decode(await self._worker.ask("compare", before.encode(), after.encode()), type=Comparison)
        except TooMuch:
            return Comparison(too_much=True)

    async def context(self, sources: Sequence[Source], wanted: ContextQuery) -> Context:
        """The context out of these sources. Those past 2,000,000 characters are left out as over_budget; all long ones, as
        too_complicated, where they take too much work."""
        taken, left_out = _within(sources, MOST_IN_A_CONTEXT)
        if sum(len(source.body) for source in taken) <= SHORT:
            found = assemble(taken, wanted)
        else:
            try:
                question = msgspec.msgpack.encode(Asked(taken, wanted))
                found = child_questions.context_of(await self._worker.ask("assemble", question), taken)
            except TooMuch:
                short = [source for source in taken if len(source.body) <= SHORT]
                left_out += [LeftOut(source.article_id, TOO_COMPLICATED) for source in taken if len(source.body) > SHORT]
                found = await asyncio.to_thread(assemble, short, wanted)
        return Context(found.choices, (*found.left_out, *left_out), found.tokens)


def _within(sources: Sequence[Source], most: int) -> tuple[list[Source], list[LeftOut]]:
    taken: list[Source] = []
    left_out: list[LeftOut] = []
    for source in sources:
        most -= len(source.body)
        if most >= 0:
            taken.append(source)
        else:
            left_out.append(LeftOut(source.article_id, "over_budget"))
    return taken, left_out


def _source(text: str, why: str) -> Rendered:
    html = Markup('<p class="callout callout-warning" role="note">{}</p>\n<pre tabindex="0"><code>{}</code></pre>\n').format(
        why, escape(text)
    )
    return Rendered(html, ())
