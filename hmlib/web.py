"""The two kinds of handler: pages speak to browsers with cookies and HTML, the API speaks to programs with tokens and JSON."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote

from tornado.httputil import HTTPFile
from tornado.web import HTTPError, RequestHandler

from hmlib import jsonin, logs, requests, xsrf
from hmlib.audit import Actor
from hmlib.auth import Caller, mark_of
from hmlib.clock import parse, utc_now
from hmlib.crypto import Keys
from hmlib.db import Conflict, DatabaseDown, Db
from hmlib.headers import CLOSED_POLICY, EVERY_ANSWER, page_policy
from hmlib.lists import BadAsk
from hmlib.nexus import NexusDown, NexusFor, NexusRefused
from hmlib.preferences import Preferences
from hmlib.requests import BadRequest, BadTokenUse
from hmlib.sessions import Session, Sessions
from hmlib.settings import LOOPBACK_NAMES, Settings
from hmlib.tokens import BadToken

T = TypeVar("T")
BODY_LIMIT = 1024 * 1024
REALM = 'Bearer realm="hivematrix"'


class Problem(Exception):
    """An answer in the form of RFC 9457: HTTP status, a word for programs, one sentence, and further members."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None, **more: object) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.more = status, code, detail, more
        self.headers = dict(headers or {})


class Handler(RequestHandler):
    """What pages and API share: request id, headers, host and size checks, and the errors' common names."""

    body_limit = BODY_LIMIT
    caller: Caller | None = None
    session: Session | None = None

    def initialize(self, **_: object) -> None:
        self.hm: Settings = self.settings["hm"]
        self.db: Db = self.settings["db"]
        self.keys: Keys = self.settings["keys"]
        self.sessions: Sessions = self.settings["sessions"]
        self.preferences: Preferences = self.settings["preferences"]
        self.now = utc_now()

    def set_default_headers(self) -> None:
        for name, value in EVERY_ANSWER.items():
            self.set_header(name, value)
        if self.request.host_name in LOOPBACK_NAMES:
            self.clear_header("Strict-Transport-Security")
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
        found: NexusFor | None = self.settings["callers"].nexus_for(self.caller, self.session)
        assert found is not None
        return found

    @property
    def query(self) -> dict[str, str]:
        if not hasattr(self, "_query"):
            self._query = requests.query(self.request)
        return self._query

    @property
    def known(self) -> Caller:
        """The caller, in a method whose mark admits only those signed in."""
        assert self.caller is not None
        return self.caller

    def check_request(self) -> None:
        """Refuse a foreign host, an unknown method, too large a body."""
        if self.request.host_name not in self.hm.hosts:
            raise Problem(421, "misdirected", "This address is not one of ours.")
        if not callable(getattr(type(self), (self.request.method or "").lower(), None)) or not self._implements(self.request.method or ""):
            raise Problem(405, "method_not_allowed", "This method is not offered here.", {"Allow": ", ".join(self._methods())})
        if len(self.request.body) > self.body_limit:
            raise Problem(413, "too_large", f"The body may have at most {self.body_limit} bytes.")
        if self.request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Problem(415, "unsupported_encoding", "Compressed bodies are not taken.")

    def _implements(self, method: str) -> bool:
        own = "get" if method == "HEAD" else method.lower()
        return method in self.SUPPORTED_METHODS and getattr(type(self), own, None) is not getattr(RequestHandler, own, None)

    def _methods(self) -> list[str]:
        return [method for method in self.SUPPORTED_METHODS if self._implements(method)]

    def admit(self) -> bool:
        """Whether the mark above the method lets the caller in; no mark lets nobody in."""
        method = "get" if self.request.method == "HEAD" else (self.request.method or "").lower()
        mark = mark_of(getattr(type(self), method))
        return mark is not None and mark.admits(self.caller)

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

    def compute_etag(self) -> str | None:
        return None

    def problem_of(self, error: BaseException | None, status: int) -> Problem:
        """What went wrong, in words that may be shown. Only named errors speak; everything else is a plain 500."""
        if isinstance(error, Problem):
            return error
        if isinstance(error, BadRequest):
            return Problem(error.status, error.code, error.detail)
        if isinstance(error, jsonin.Malformed):
            return Problem(400, error.code, error.detail, pointer=error.pointer)
        if isinstance(error, BadAsk):
            return Problem(400, error.code, str(error))
        if isinstance(error, Conflict):
            return Problem(409, "conflict", "That would break a rule of the data, such as a name being unique.")
        if isinstance(error, NexusDown):
            return Problem(503, "nexus_away", "Nexus does not answer at the moment. Nothing is lost; try again shortly.", retry_after=5)
        if isinstance(error, DatabaseDown):
            return Problem(503, "database_away", "The database does not answer at the moment.", retry_after=5)
        if isinstance(error, NexusRefused):
            return Problem(403 if error.status in (401, 403) else 502, "nexus_refused", "Nexus did not allow this.")
        if isinstance(error, HTTPError) and error.status_code < 500:
            return Problem(error.status_code, _word(error.status_code), error.reason or _sentence(error.status_code))
        return Problem(500, "internal_error", "Something went wrong on our side. The request id helps to find it.")

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        super().send_error(self.problem_of(error, status_code).status, **kwargs)

    def _set_headers(self, problem: Problem) -> None:
        for name, value in problem.headers.items():
            self.set_header(name, value)
        if "retry_after" in problem.more:
            self.set_header("Retry-After", str(problem.more["retry_after"]))

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        """Only what nobody foresaw is logged with its trace; the request's own line tells the rest."""
        if value is None or self.problem_of(value, 500).code == "internal_error":
            logs.log_exception(self, typ, value, tb)


class PageHandler(Handler):
    """Answers a browser: session cookie, XSRF, HTML. Access is the mark above each method."""

    def form_origins(self) -> Sequence[str]:
        """Other origins that a form on this page, or the redirect after it, may lead to."""
        return ()

    async def prepare(self) -> None:
        self.check_request()
        self.session = await self._session()
        self.caller = await self.settings["callers"].by_session(self.session, self.now) if self.session else None
        if self.request.method not in xsrf.SAFE_METHODS:
            self.check_xsrf()
        if not self.admit():
            self._refuse()

    @property
    def form(self) -> dict[str, str]:
        """The posted fields, exactly as typed, each at most once."""
        return self._form.fields

    @property
    def files(self) -> dict[str, HTTPFile]:
        return self._form.files

    def chosen(self, name: str) -> list[str]:
        """The values of a field that may be given several times; its name in the form ends in ``[]``."""
        return self._form.lists.get(f"{name}[]", [])

    @property
    def _form(self) -> requests.Form:
        if not hasattr(self, "_posted"):
            self._posted = requests.form(self.request)
        return self._posted

    async def _session(self) -> Session | None:
        """The first of the cookies of our name that opens a living session (a sibling host may have tossed in another)."""
        minutes = await self.preferences.int(self.db, "session_idle_minutes")
        for cookie in _cookies(self.request.headers.get_list("Cookie"), self.hm.cookie)[:4]:
            session = await self.sessions.by_cookie(cookie, self.now, minutes * 60)
            if session:
                return session
        return None

    def check_xsrf(self) -> None:
        """Refuse an unsafe request that does not prove that it comes from a page of ours."""
        given = self.request.headers.get(xsrf.HEADER) or self._form.fields.get(xsrf.FIELD, "")
        if not xsrf.from_our_page(self.request, self.hm.origin) or not xsrf.matches(self.keys, self.xsrf_binding, given):
            raise Problem(403, "forged", "This form has expired or came from another site. Load the page again.")

    @property
    def xsrf_binding(self) -> str:
        return self.session.id_hash if self.session else "signed out " + self._anonymous_id()

    def _anonymous_id(self) -> str:
        """A signed-out browser's own cookie, made when a form needs it."""
        name = f"{self.hm.cookie}_pre"
        found = _cookies(self.request.headers.get_list("Cookie"), name)
        if found and len(found[0]) == 22:
            return found[0]
        if not hasattr(self, "_fresh_anonymous_id"):
            self._fresh_anonymous_id = secrets.token_urlsafe(16)
            self.put_cookie(name, self._fresh_anonymous_id)
        return self._fresh_anonymous_id

    def put_cookie(self, name: str, value: str, seconds: int | None = None) -> None:
        """Set one of our cookies: __Host-, Secure, HttpOnly, SameSite=Lax, for the browser's session or for ``seconds``."""
        self.set_cookie(name, value, path="/", secure=True, httponly=True, samesite="Lax", max_age=seconds)

    def drop_cookie(self, name: str) -> None:
        self.set_cookie(name, "", path="/", secure=True, httponly=True, samesite="Lax", max_age=0)

    def _refuse(self) -> None:
        """Signed out: to the sign-in page and back again. Signed in: 403."""
        if self.caller is not None:
            raise Problem(403, "not_allowed", "You may not do this. Ask an administrator if you need to.")
        if self.session is not None:
            self.drop_cookie(self.hm.cookie)
        if self.request.headers.get("HX-Request") == "true":
            self.set_status(401)
            self.set_header("HX-Redirect", self.sign_in_url(self.request.headers.get("HX-Current-URL", "/")))
            self.finish()
        else:
            self.see_other(self.sign_in_url(self.request.uri or "/" if self.request.method in ("GET", "HEAD") else "/"))
            self.finish()

    def sign_in_url(self, back_to: str) -> str:
        return "/login?next=" + quote(requests.next_path(back_to, self.hm.origin), safe="/")

    def see_other(self, url: str) -> None:
        """Answer 303: fetch that address next."""
        self.set_status(303)
        self.set_header("Location", url)

    def toast(self, message: str, kind: str = "success") -> None:
        """Say something on the next page shown; ``kind`` is success, info, warning or danger."""
        sealed = self.keys.seal(f"{kind}\n{message}".encode(), table="cookie", column="toast", row_id=self.xsrf_binding)
        self.put_cookie(f"{self.hm.cookie}_toast", sealed, 60)

    def page(self, template: str, **context: Any) -> None:
        """Answer a whole page."""
        self._answer_html(template, context)

    def partial(self, template: str, **context: Any) -> None:
        """Answer a piece of a page."""
        self._answer_html(template, context)

    def invalid(self, template: str, **context: Any) -> None:
        """Answer 422 with the same form, each message beside its field."""
        self.set_status(422)
        self._answer_html(template, context)

    def _answer_html(self, template: str, context: dict[str, Any]) -> None:
        nonce = secrets.token_urlsafe(18)
        html = self.settings["pages"].render(self, template, nonce, context)
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.set_header("Content-Security-Policy", page_policy(nonce, form_origins=self.form_origins()))
        self.finish(html)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        problem = self.problem_of(error, status_code)
        self._set_headers(problem)
        if self.request.headers.get("HX-Request") == "true":
            self.set_header("HX-Retarget", "#toasts")
            self.set_header("HX-Reswap", "beforeend")
            self._answer_html("_error_toast.html", {"status": problem.status, "detail": problem.detail, "request_id": self.request_id})
        else:
            title = _sentence(problem.status)
            context = {"status": problem.status, "title": title, "detail": problem.detail, "request_id": self.request_id}
            self._answer_html("error.html", context)


class ApiHandler(Handler):
    """Answers a program: bearer token, JSON. A cookie means nothing here, so no XSRF token is needed either."""

    async def prepare(self) -> None:
        self.check_request()
        token = requests.bearer(self.request)
        if token is not None:
            self.caller = await self.settings["callers"].by_bearer(token, self.now)
        if not self.admit():
            self._refuse()

    def _refuse(self) -> None:
        method = "get" if self.request.method == "HEAD" else (self.request.method or "").lower()
        mark = mark_of(getattr(type(self), method))
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
        return jsonin.decode(self.request.body, kind)

    def answer(self, value: object, status: int = 200, etag: str | None = None) -> None:
        """Answer JSON. A GET without its own ``etag`` gets one made of the bytes."""
        raw = value if isinstance(value, bytes) else jsonin.encode(value)
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        if self.request.method in ("GET", "HEAD") and status == 200:
            if self.not_modified(etag or f'"{hashlib.sha256(raw).hexdigest()[:32]}"'):
                self.finish()
                return
        elif etag:
            self.set_header("Etag", etag)
        self.finish(raw)

    def if_match(self) -> int:
        """The version a write is based on. Raises Problem 428 without If-Match; 412 for a tag that is none of ours."""
        given = self.request.headers.get("If-Match")
        if given is None:
            raise Problem(428, "precondition_required", "Send If-Match with the ETag you read.")
        text = given.strip().removeprefix("W/").strip('"')
        if not text.isascii() or not text.isdigit() or len(text) > 18:
            raise Problem(412, "stale", "The thing has changed since you read it.")
        return int(text)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        problem = self.problem_of(error, status_code)
        self._set_headers(problem)
        body = {
            "type": f"urn:hivematrix:problem:{problem.code}",
            "title": _sentence(problem.status),
            "status": problem.status,
            "detail": problem.detail,
            "instance": self.request.path,
            "request_id": self.request_id,
            "code": problem.code,
            **problem.more,
        }
        self.set_header("Content-Type", "application/problem+json")
        self.finish(jsonin.encode(body))

    def problem_of(self, error: BaseException | None, status: int) -> Problem:
        if isinstance(error, BadToken):
            return Problem(401, "invalid_token", "The token is not valid here.", {"WWW-Authenticate": f'{REALM}, error="invalid_token"'})
        if isinstance(error, BadTokenUse):
            return Problem(400, "invalid_request", error.detail, {"WWW-Authenticate": f'{REALM}, error="invalid_request"'})
        return super().problem_of(error, status)


class NotFound(PageHandler):
    """Whatever no route knows."""

    async def prepare(self) -> None:
        if self.request.host_name not in self.hm.hosts:
            raise Problem(421, "misdirected", "This address is not one of ours.")
        raise HTTPError(404)


def _cookies(headers: list[str], name: str) -> list[str]:
    pairs = (pair.strip().partition("=") for header in headers for pair in header.split(";"))
    return [value for key, _, value in pairs if key == name]


def _utf8(parameters: str) -> bool:
    charset = parameters.lower().partition("charset=")[2].strip().strip('"')
    return charset in ("", "utf-8", "utf8")


def _word(status: int) -> str:
    return _sentence(status).lower().replace(" ", "_").replace("-", "_")


def _sentence(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Error"


def token_age(caller: Caller, now: str) -> float:
    """Seconds since the caller last proved who they are."""
    return parse(now).timestamp() - (caller.auth_time or 0)
