"""Answers made once for each state of a service's database: what has not changed is neither read nor written again."""

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.web.page_handler import PageHandler

MOST_BYTES = 32 * 2**20


@dataclass(frozen=True)
class KeptAnswer:
    """The body of an answer, and the headers that belong to it (a 304 repeats them)."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class AnswerCache:
    """The latest answers of this process, at most 32 MiB of them; each is used only while the database stands as it did then."""

    def __init__(self, state: Callable[[Db], Awaitable[int]], epoch: str = "") -> None:
        """``state`` counts the changes of what is answered. ``epoch`` is the database's: a restore goes back to states that have been,
        and on to others of the same number."""
        self._state, self._epoch = state, epoch
        self._release = version("hivematrix")
        self._kept: OrderedDict[str, KeptAnswer] = OrderedDict()
        self._bytes = 0

    async def etag(self, db: Db, scope: CompanyScope, *question: str) -> str:
        """Names the answer to a question of someone with this scope, as the database stands now."""
        parts = (str(await self._state(db)), self._epoch, self._release, scope.rule, *sorted(scope.ids), "", *question)
        return '"' + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32] + '"'

    async def of(self, etag: str, make: Callable[[], Awaitable[KeptAnswer]]) -> KeptAnswer:
        """The answer of that name, made if it is not there. `etag` must have been asked before `make` reads."""
        if etag in self._kept:
            self._kept.move_to_end(etag)
            return self._kept[etag]
        answer = await make()
        self._keep(etag, answer)
        return answer

    async def answer_page(
        self, handler: PageHandler, template: tuple[str, ...], context: Callable[[], Awaitable[Mapping[str, Any]]]
    ) -> None:
        """Answer a piece of a page, made anew where the database has changed since; each answer gets a nonce of its own."""
        zone = await handler.preferences.text(handler.db, "time_zone")
        asked = (f"{name}={value}" for name, value in sorted(handler.query.items()))
        question = (template[0], handler.request.path, zone, *sorted(handler.known.permissions), "", *asked)

        async def make() -> KeptAnswer:
            return KeptAnswer(handler.spine.pages.render(handler, template, await context()).encode())

        kept = await self.of(await self.etag(handler.db, handler.known.scope, *question), make)
        handler.send_html(kept.body.decode())

    def _keep(self, etag: str, answer: KeptAnswer) -> None:
        if etag in self._kept or len(answer.body) > MOST_BYTES // 2:
            return
        self._kept[etag] = answer
        self._bytes += len(answer.body)
        while self._bytes > MOST_BYTES:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= len(dropped.body)
