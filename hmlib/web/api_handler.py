"""The API speaks to programs: a bearer token, JSON, and no cookie; what each method takes and answers is declared above it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hmlib import json
from hmlib.auth.jwks import BadToken, KeysAway, OtherService
from hmlib.web import idempotency, requests, xsrf
from hmlib.web.handler import Handler
from hmlib.web.idempotency import Repeatable
from hmlib.web.problems import Problem, sentence
from hmlib.web.requests import BadTokenUse, IfMatch, entity_tag

T = TypeVar("T")
Method = TypeVar("Method", bound=Callable[..., Any])
REALM = 'Bearer realm="hivematrix"'


@dataclass(frozen=True)
class Parameter:
    """A parameter of an address: what it means, its type (string, integer, boolean, date or date-time), and all it can be, if those are
    few."""

    said: str
    type: str = "string"
    choices: tuple[str, ...] = ()

    @property
    def schema(self) -> dict[str, Any]:
        """As JSON Schema has it."""
        kind = {"type": "string", "format": self.type} if self.type.startswith("date") else {"type": self.type}
        return kind | ({"enum": list(self.choices)} if self.choices else {})


@dataclass(frozen=True)
class Contract:
    """What one method takes and answers; ``query`` names its parameters, each a Parameter or a sentence; ``media`` are a raw body's media
    types."""

    takes: Any = None
    answers: Any = None
    query: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    media: tuple[str, ...] = ()


def documented(
    takes: Any = None,
    answers: Any = None,
    query: Mapping[str, Any] | None = None,
    status: int = 200,
    media: tuple[str, ...] = (),
) -> Callable[[Method], Method]:
    """Declare a method's Structs, query parameters and, for a body that is not JSON, its media types."""

    def stamp(method: Method) -> Method:
        method.__dict__["contract"] = Contract(takes, answers, query or {}, status, media)
        return method

    return stamp


def speaks_of(contract: Callable[[Any], Contract]) -> Callable[[Method], Method]:
    """Declare what a method takes and answers of whatever resource its handler is about."""

    def stamp(method: Method) -> Method:
        method.__dict__["contract_of"] = contract
        return method

    return stamp


def contract_of(method: Any, of: Any) -> Contract:
    """What was declared above a method; for a resource's own method, of this one."""
    if of is not None and "contract_of" in method.__dict__:
        found: Contract = method.__dict__["contract_of"](of)
        return found
    return method.__dict__.get("contract", Contract())  # type: ignore[no-any-return]


class ApiHandler(Handler):
    """Answers a program: bearer token, JSON. A cookie means nothing here, so no XSRF token is needed either."""

    async def prepare(self) -> None:
        self.check_request()
        self.preferences.begin(self.db)
        token = requests.bearer(self.request)
        if token is not None:
            self.caller = await self.spine.callers.by_bearer(token, self.now)
        if not self.admit():
            self._refuse()
        self.check_parameters()
        if self.request.method not in xsrf.SAFE_METHODS:
            await self.repeat_at_once()

    async def repeatable(self) -> Repeatable | None:
        """A program sends its key as a header; see idempotency. Raises Problem 400."""
        key = self.request.headers.get(idempotency.HEADER, "")
        return await idempotency.of_program(self.keys, self.caller.id, key, self.request) if key and self.caller else None

    def _refuse(self) -> None:
        mark = self.mark()
        self.refuse_reading_on()
        if self.caller is None:
            raise Problem(401, "unauthenticated", "A bearer token is needed.", {"WWW-Authenticate": REALM})
        scope = f', scope="{mark.permission}"' if mark and mark.permission else ""
        wanted = {"WWW-Authenticate": f'{REALM}, error="insufficient_scope"{scope}'}
        raise Problem(403, "insufficient_scope", "The token does not allow this.", wanted)

    def body(self, kind: type[T]) -> T:
        """The JSON body as ``kind``. Raises Problem 415, Malformed (400)."""
        media, _, rest = self.request.headers.get("Content-Type", "").partition(";")
        if media.strip().lower() != "application/json" or not _utf8(rest):
            raise Problem(415, "unsupported_media_type", "Send application/json in UTF-8.")
        return json.decode(self.request.body, kind)

    def answer(self, value: object, status: int = 200, etag: str | None = None) -> None:
        """Answer JSON. A GET without its own ``etag`` gets one made of the bytes."""
        raw = value if isinstance(value, bytes) else json.encode(value)
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        if self.request.method in ("GET", "HEAD") and status == 200:
            if self.not_modified(etag or f'"{hashlib.sha256(raw).hexdigest()[:32]}"'):
                self.finish()
                return
        elif etag:
            self.set_header("Etag", etag)
        self.write(raw)

    def answer_created(self, value: object, etag: str, location: str) -> None:
        """Answer 201 with what was made, its ETag and the address at which it can be read."""
        self.set_header("Location", location)
        self.answer(value, 201, etag)

    def tag(self, version: int) -> str:
        """The ETag of an entry of this version."""
        return entity_tag(version, self.hm.epoch)

    def if_match(self) -> IfMatch:
        """The versions that a write is based on. Raises Problem 428 without If-Match, 400 for one that cannot be read."""
        given = self.request.headers.get_list("If-Match")
        if not given:
            raise Problem(428, "precondition_required", "Send If-Match with the ETag you read.")
        try:
            return IfMatch.read(",".join(given), self.hm.epoch)
        except ValueError:
            raise Problem(400, "invalid_if_match", 'If-Match is * or a list of ETags such as "3".') from None

    def check_parameters(self) -> None:
        """Raises Problem 400 for a parameter that the method does not declare: a slip would else answer everything. What others' standards
        say of their addresses stays as they say it."""
        method = getattr(type(self), "get" if self.request.method == "HEAD" else (self.request.method or "").lower())
        known = contract_of(method, self.of).query
        unknown = next((name for name in self.query if name not in known), None)
        if unknown is not None and self.request.path.startswith("/api/"):
            there = f"There are {', '.join(known)}." if known else "There are none."
            raise Problem(400, "unknown_parameter", f"There is no parameter {unknown[:50]!r} here. {there}")

    def check_version(self, version: int) -> None:
        """Raises Problem: 428 for a write without If-Match, 412 for one based on another version."""
        if not self.if_match().admits(version):
            raise Problem(412, "stale", "It has changed since you read it.")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        problem = self.problem_of(error)
        self._set_headers(problem)
        body = {
            "type": f"urn:hivematrix:problem:{problem.code}",
            "title": sentence(problem.status),
            "status": problem.status,
            "detail": problem.detail,
            "instance": self.request.path,
            "request_id": self.request_id,
            "code": problem.code,
            **problem.more,
        }
        self.set_header("Content-Type", "application/problem+json")
        self.finish(json.encode(body))

    def problem_of(self, error: BaseException | None) -> Problem:
        if isinstance(error, BadToken) and not isinstance(error, KeysAway):
            return Problem(401, "invalid_token", self._refusal_of(error), {"WWW-Authenticate": f'{REALM}, error="invalid_token"'})
        if isinstance(error, BadTokenUse):
            return Problem(400, "invalid_request", error.detail, {"WWW-Authenticate": f'{REALM}, error="invalid_request"'})
        return super().problem_of(error)

    def _refusal_of(self, error: BadToken) -> str:
        """Whoever holds a good token for another service hears how to get the right one; of any other nothing is told."""
        if not isinstance(error, OtherService):
            return "The token is not valid here."
        here = self.hm.service
        return f'This token is for another service, {error.audience}. Ask {self.hm.nexus_url}/api/token for one with "audience": "{here}".'


def _utf8(parameters: str) -> bool:
    charset = parameters.lower().partition("charset=")[2].strip().strip('"')
    return charset in ("", "utf-8", "utf8")
