"""Answers made once for each state of the directory: what has not changed is neither read nor written again."""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from importlib.metadata import version

from tornado.web import Application

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from nexus_srv.queries import directory

MOST_BYTES = 32 * 2**20


def answers_of(application: Application) -> "Answers":
    """The one of this process's application."""
    if "answers" not in application.settings:
        application.settings["answers"] = Answers(application.settings["hm"].epoch)
    found: Answers = application.settings["answers"]
    return found


class Answers:
    """The latest answers of this process, at most 32 MiB of them; each is used only while the directory stands as it did then."""

    def __init__(self, epoch: str = "") -> None:
        """``epoch`` is the database's: a restore goes back to states that have been, and on to others of the same number."""
        self._epoch = epoch
        self.nonce = secrets.token_urlsafe(18)
        """Stands in kept HTML where each answer puts a nonce of its own; known to nobody, so that no stored text can hold it."""
        self._release = version("hivematrix")
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    async def etag(self, db: Db, scope: CompanyScope, *question: str) -> str:
        """Names the answer to a question of someone with this scope, as the directory stands now."""
        parts = (str(await directory.state(db)), self._epoch, self._release, scope.rule, *sorted(scope.ids), "", *question)
        return '"' + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32] + '"'

    async def of(self, etag: str, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """The answer of that name, made if it is not there. `etag` must have been asked before `make` reads."""
        if etag in self._kept:
            self._kept.move_to_end(etag)
            return self._kept[etag]
        raw = await make()
        self._keep(etag, raw)
        return raw

    def _keep(self, etag: str, raw: bytes) -> None:
        if etag in self._kept or len(raw) > MOST_BYTES // 2:
            return
        self._kept[etag] = raw
        self._bytes += len(raw)
        while self._bytes > MOST_BYTES:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= len(dropped)
