"""What pages and API share: request id, headers, host and size checks, and the errors' common names."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from tornado.routing import URLSpec
from tornado.web import Application, Finish, HTTPError, RequestHandler

from hmlib import logs
from hmlib.auth.permissions import Caller, Mark, mark_of
from hmlib.auth.sessions import Session, Sessions
from hmlib.clock import utc_now
from hmlib.config import Settings
from hmlib.db.database import Db, Transaction
from hmlib.keys import Keys
from hmlib.nexus.client import Nexus, NexusFor
from hmlib.records.audit import Actor
from hmlib.records.preferences import Preferences
from hmlib.web import idempotency, problems, requests
from hmlib.web.headers import CLOSED_POLICY, Compression, every_answer, leave_plain
from hmlib.web.idempotency import Answer, KeyReused, Repeatable
from hmlib.web.problems import Problem

T = TypeVar("T")
BODY_LIMIT = 1024 * 1024
KEPT_HEADERS = ("Content-Type", "Content-Security-Policy", "Etag", "Location", "HX-Redirect")
READING = ("GET", "HEAD", "OPTIONS")
NOTICE = "X-HiveMatrix-Notice"
ONLY_READING = (
    "Nexus is not answering and your sign-in has run out: until it is back you can read, but neither change nor export anything. "
    "Nothing is lost; try again shortly."
)


Background = Callable[[], Awaitable[None]]
"""Work beside the requests, for as long as the process lives."""


class Callers(Protocol):
    """How a service finds out who is calling. Nexus has its own; modules use sso.callers.ModuleCallers."""

    async def by_session(self, session: Session, now: str) -> Caller | None:
        """The caller behind a living session, or None when it has come to its end."""

    async def by_bearer(self, token: str, now: str) -> Caller:
        """The caller behind a bearer token. Raises BadToken."""

    def nexus_for(self, caller: Caller, session: Session | None) -> NexusFor | None:
        """The directory as this caller may see it; None inside Nexus itself."""


class Pages(Protocol):
    """What draws a service's pages: layout.Pages."""

    nonce: str

    def render(self, handler: Any, template: str | tuple[str, ...], context: Mapping[str, Any]) -> str:
        """The HTML of a template, with what every page has around it, and ``nonce`` where an answer puts its own."""


@dataclass(frozen=True)
class Spine:
    """What the handlers of a service need besides the request, made once in its ``make_app``.

    ``nexus`` is None in Nexus itself; ``parts`` are one of each class (see own()). ``background`` are coroutine functions that run beside
    the requests for as long as the process lives; ``ready`` are further questions of /readyz, by name.
    """

    settings: Settings
    db: Db
    nexus: Nexus | None
    keys: Keys
    sessions: Sessions
    preferences: Preferences
    callers: Callers
    pages: Pages
    routes: tuple[URLSpec, ...] = ()
    background: tuple[Background, ...] = ()
    ready: Mapping[str, Callable[[], Awaitable[bool]]] = field(default_factory=dict)
    parts: tuple[object, ...] = ()

    def own(self, kind: type[T]) -> T:
        """The part that is of that class: each service has its own, and declared kinds of records have theirs. Raises LookupError."""
        found = self.find(kind)
        if found is None:
            raise LookupError(f"this service has no {kind.__name__}")
        return found

    def find(self, kind: type[T]) -> T | None:
        """As own(), or None where there is none."""
        return next((part for part in self.parts if isinstance(part, kind)), None)

    @property
    def hub(self) -> Nexus:
        """Nexus, in a module: it always has one."""
        assert self.nexus is not None
        return self.nexus


class ServiceApplication(Application):
    """Tornado's application of one service, with its spine."""

    def __init__(
        self, spine: Spine, routes: Sequence[URLSpec], not_found: type[RequestHandler], log: Callable[[RequestHandler], None]
    ) -> None:
        super().__init__(list(routes), default_handler_class=not_found, compress_response=False, log_function=log)
        self.transforms.append(Compression)
        self.spine = spine


class Handler(RequestHandler):
    """What pages and API share: request id, headers, host and size checks, and the errors' common names."""

    body_limit = BODY_LIMIT
    caller: Caller | None = None
    session: Session | None = None
    of: Any = None
    """The resource that a handler of declared kinds is about."""

    def initialize(self, of: Any = None, **_: object) -> None:
        self.of, spine = of, self.spine
        self.hm, self.db, self.keys = spine.settings, spine.db, spine.keys
        self.sessions, self.preferences = spine.sessions, spine.preferences
        self.now = utc_now()

    @property
    def spine(self) -> Spine:
        """What the service's handlers share; see Spine."""
        assert isinstance(self.application, ServiceApplication)
        return self.application.spine

    def set_default_headers(self) -> None:
        for name, value in every_answer(self.request.host_name).items():
            self.set_header(name, value)
        self.set_header("X-Request-ID", self.request_id)
        self.set_header("Content-Security-Policy", CLOSED_POLICY)
        self.set_header("Cache-Control", "no-store")
        self.set_header("Vary", "Cookie")

    @property
    def request_id(self) -> str:
        return logs.trace_of(self.request).request_id

    @property
    def address(self) -> str:
        return requests.address(self.request)

    @property
    def actor(self) -> Actor:
        """Who the audit log shall name."""
        if self.caller is None:
            return Actor(id="", name="", address=self.address, request_id=self.request_id)
        return self.caller.actor(self.address, self.request_id)

    @property
    def nexus(self) -> NexusFor:
        """The directory on the caller's behalf."""
        assert self.caller is not None
        found = self.spine.callers.nexus_for(self.caller, self.session)
        assert found is not None
        return found

    @property
    def query(self) -> dict[str, str]:
        if not hasattr(self, "_query"):
            self._query = requests.query(self.request)
        return self._query

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """A part of the path, as text. Raises BadRequest for a NUL, HTTPError 400 for what is not UTF-8."""
        return requests.storable(super().decode_argument(value, name))

    @property
    def known(self) -> Caller:
        """The caller, in a method whose mark admits only those signed in."""
        assert self.caller is not None
        return self.caller

    def check_request(self) -> None:
        """Refuse a foreign host, an unknown method, too large a body."""
        self.check_host()
        if not callable(getattr(type(self), (self.request.method or "").lower(), None)) or not self._implements(self.request.method or ""):
            raise self._not_offered()
        if len(self.request.body) > self.body_limit:
            raise Problem(413, "too_large", f"The body may have at most {self.body_limit} bytes.")
        if self.request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Problem(415, "unsupported_encoding", "Compressed bodies are not taken.")

    def check_host(self) -> None:
        """Refuse a request that names no host, or one that is not ours, in its Host header or in its address."""
        if "Host" not in self.request.headers:
            raise Problem(400, "no_host", "The request names no host.")
        if self.request.host_name not in self.hm.hosts or "://" in self.request.path:
            raise Problem(421, "misdirected", "This address is not one of ours.")

    def _not_offered(self) -> Problem:
        return Problem(405, "method_not_allowed", "This method is not offered here.", {"Allow": ", ".join(self._methods())})

    def _implements(self, method: str) -> bool:
        own = "get" if method == "HEAD" else method.lower()
        return method in self.SUPPORTED_METHODS and getattr(type(self), own, None) is not getattr(RequestHandler, own, None)

    def _methods(self) -> list[str]:
        return [method for method in self.SUPPORTED_METHODS if self._implements(method)]

    def admit(self) -> bool:
        """Whether the mark above the method lets the caller in; no mark lets nobody in."""
        mark = self.mark()
        if self.caller is not None and self.caller.read_only:
            self.set_header(NOTICE, "read-only")
            if mark is not None and mark.permission is None and not mark.everyone and self.request.method not in READING:
                return False
        return mark is not None and mark.admits(self.caller)

    def mark(self) -> Mark | None:
        """The mark above the method that was called."""
        return mark_of(getattr(type(self), "get" if self.request.method == "HEAD" else (self.request.method or "").lower()), self.of)

    def refuse_reading_on(self) -> None:
        """Raises Problem 403 for somebody who may only read just now, and wants more."""
        mark = self.mark()
        wants_more = mark is not None and (mark.export or not (mark.permission or "").endswith(":read"))
        if wants_more and self.caller is not None and self.caller.read_only:
            raise Problem(403, "read_only", ONLY_READING)

    def head(self, *args: str, **kwargs: str) -> Any:
        return self.get(*args, **kwargs)

    def not_modified(self, etag: str) -> bool:
        """Set the ETag; true, with 304 set, when the caller holds that very state."""
        self.set_header("Etag", etag)
        self.set_header("Cache-Control", "no-cache, private")
        held = [tag.strip().removeprefix("W/") for tag in self.request.headers.get("If-None-Match", "").split(",")]
        if etag.removeprefix("W/") in held:
            self.set_status(304)
            return True
        return False

    @asynccontextmanager
    async def transaction(self, *, secret: bool = False) -> AsyncIterator[Transaction]:
        """The one write transaction of a request: what it does, and its answer, which is given inside the block and sent after it.

        A request with a key that was done before gets its first answer here, and the block does not run. What is asked of others
        (Nexus, a parser) is asked before. ``secret`` says that the answer shows one, so that it is kept sealed. Raises KeyReused,
        DatabaseBusy, and RuntimeError when nothing was answered.
        """
        request = await self._with_key()
        if secret:
            leave_plain(self.request)
        async with self.db.write() as tx:
            if request is not None:
                self._repeat(await idempotency.kept(tx, self.keys, request, self.now))
            yield tx
            answer = self._draft()
            if request is not None:
                await idempotency.keep(tx, self.keys, request, answer, self.now, secret=secret)

    async def repeatable(self) -> Repeatable | None:
        """The request's key with what it stands for; None for a request without one, or of somebody unknown."""
        return None

    async def _with_key(self) -> Repeatable | None:
        """repeatable(), asked once a request, as it hashes the body."""
        if not hasattr(self, "_repeatable"):
            self._repeatable = await self.repeatable()
        return self._repeatable

    async def repeat_at_once(self) -> None:
        """Answer a request that was done before without asking anybody else, who may be away now. Raises Finish."""
        request = await self._with_key()
        if request is None:
            return
        try:
            self._repeat(await idempotency.kept(self.db, self.keys, request, self.now, unseal=False))
        except KeyReused:
            return  # the transaction says so, where the form can be shown again

    def _repeat(self, answer: Answer | None) -> None:
        if answer is None:
            return
        leave_plain(self.request)  # the first answer may have shown a secret
        self.set_status(answer.status)
        for name, value in answer.headers.items():
            self.restore(name, value)
        if answer.body:
            self.write(answer.body)
        raise Finish

    def restore(self, name: str, value: str) -> None:
        """Set a header of a kept answer again."""
        self.set_header(name, value)

    def _draft(self) -> Answer:
        """What was answered in a transaction, before it is sent: Tornado keeps it until the method ends."""
        headers = {name: self._headers[name] for name in KEPT_HEADERS if name in self._headers}
        body = b"".join(self._write_buffer)
        if not body and self.get_status() == 200:
            raise RuntimeError("nothing was answered in the transaction, so a repeated request could not be told what the first one was")
        return Answer(self.get_status(), headers | self.asides(), body)

    def asides(self) -> dict[str, str]:
        """What belongs to the answer and is no header yet."""
        return {}

    def compute_etag(self) -> str | None:
        return None

    def problem_of(self, error: BaseException | None) -> Problem:
        if isinstance(error, HTTPError) and error.status_code == 405:  # a method that Tornado does not know, refused before prepare()
            return self._not_offered()
        return problems.problem_of(error)

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        super().send_error(self.problem_of(error).status, **kwargs)

    def _set_headers(self, problem: Problem) -> None:
        for name, value in problem.headers.items():
            self.set_header(name, value)
        if "retry_after" in problem.more:
            self.set_header("Retry-After", str(problem.more["retry_after"]))

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        """Only what nobody foresaw is logged with its trace; the request's own line tells the rest."""
        if value is None or self.problem_of(value).code == "internal_error":
            logs.log_exception(self, typ, value, tb)
