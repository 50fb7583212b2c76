"""Pages speak to browsers: a session cookie, XSRF tokens, HTML."""

import json
import secrets
from asyncio import Future
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from tornado.httputil import HTTPFile

from hmlib.auth.sessions import Session, TimeLeft, time_left
from hmlib.db.database import Transaction
from hmlib.errors import Invalid
from hmlib.web import idempotency, kept_forms, requests, xsrf
from hmlib.web.handler import Handler
from hmlib.web.headers import page_policy
from hmlib.web.idempotency import KeyReused, Repeatable
from hmlib.web.kept_forms import Author, SessionOver
from hmlib.web.problems import Problem, sentence
from hmlib.web.toasts import Undo

FORGED = "This form has expired or came from another site. Load the page again."
TOAST = "toast"
METHOD_FIELD, METHODS_OF_FORMS = "_method", ("PUT", "DELETE")
CONFIRMED = "confirmed"
SENT_BEFORE = "This form was sent and saved already, with other values than now. Send it again if this is to be added too."


class PageHandler(Handler):
    """Answers a browser: session cookie, XSRF, HTML. Access is the mark above each method."""

    _toast = ""
    _idle_seconds = 0

    def form_origins(self) -> Sequence[str]:
        """Other origins that a form on this page, or the redirect after it, may lead to."""
        return ()

    def never_kept(self) -> Collection[str] | None:
        """The fields that are not kept when the session ended before they arrived, because they are secrets. None keeps nothing at all:
        the pages that take a password or answer to another site."""
        return ()

    def check_request(self) -> None:
        """A form can only post, so it names PUT or DELETE in a field; what it asks for is then checked as that."""
        self.check_host()
        if self.request.method == "POST" and METHOD_FIELD.encode() in self.request.body and len(self.request.body) <= self.body_limit:
            wanted = self._form.fields.get(METHOD_FIELD, "").upper()
            self.request.method = wanted if wanted in METHODS_OF_FORMS else "POST"
        super().check_request()

    async def prepare(self) -> None:
        self.check_request()
        self.session = await self._session()
        self.caller = await self.spine.callers.by_session(self.session, self.now) if self.session else None
        try:
            if self.request.method not in xsrf.SAFE_METHODS:
                self.check_xsrf()
        except SessionOver as over:
            self._keep_typed(over.author)
            return
        if not self.admit():
            self._refuse()
        elif self.request.method not in xsrf.SAFE_METHODS:
            await self.repeat_at_once()

    async def repeatable(self) -> Repeatable | None:
        """A form carries its key in a field; see idempotency."""
        if self.caller is None or not self.request.body:
            return None
        return await idempotency.of_form(self.keys, self.caller.id, self.request, self._form)

    @asynccontextmanager
    async def transaction(self, *, secret: bool = False) -> AsyncIterator[Transaction]:
        """As Handler.transaction(). Raises Invalid when the form was sent before with other values, which the form then says."""
        try:
            async with super().transaction(secret=secret) as tx:
                yield tx
        except KeyReused as reused:
            raise Invalid({"": SENT_BEFORE}) from reused

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
        self.preferences.begin(self.db)
        for cookie in requests.cookies(self.request.headers.get_list("Cookie"), self.hm.cookie)[:4]:
            session = await self.sessions.by_cookie(cookie, self.now)
            if session:
                self.preferences.begin(self.db, session.settings_state)
                self._idle_seconds = await self.preferences.int(self.db, "session_idle_minutes") * 60
                if await self.sessions.visited(session, self.now, self._idle_seconds):
                    return session
        return None

    def time_left(self) -> TimeLeft | None:
        """Until when the page warns that the session is about to end; None signed out."""
        if self.caller is None or self.session is None:
            return None
        return time_left(self.session, self.now, self._idle_seconds)

    def check_xsrf(self) -> None:
        """Refuse an unsafe request that does not prove that it comes from a page of ours.

        Raises SessionOver for a page of ours whose session has ended, Problem 403 for anything else.
        """
        fields = self._form.fields if self.request.body else {}
        given = self.request.headers.get(xsrf.HEADER) or fields.get(xsrf.FIELD, "")
        if not xsrf.from_our_page(self.request, self.hm.origin):
            raise Problem(403, "forged", FORGED)
        if xsrf.matches(self.keys, self.xsrf_binding, given) or self._sends_again(given):
            return
        author = kept_forms.author_of(self.keys, given)
        if author is None:
            raise Problem(403, "forged", FORGED)
        raise SessionOver(author)

    def _sends_again(self, given: str) -> bool:
        secret = self.never_kept()
        if self.caller is None or secret is None:
            return False
        return kept_forms.proves(self.keys, given, self.caller.id, self.request.uri or "/", self._form, self.now, secret)

    def _keep_typed(self, author: Author) -> None:
        """Answer what was typed, so that nothing of it is lost: to be sent again by the same person, or by another who says so."""
        if self.caller is None and self.session is not None:
            self.session = None
            self.drop_cookie(self.hm.cookie)
        secret = self.never_kept()
        if self.request.headers.get("HX-Request") == "true":
            self._keep_swap(author)
        elif secret is None:
            self.see_other(self.sign_in_url("/") if self.caller is None else self.request.path if self._implements("GET") else "/")
            self.finish()
        else:
            self._keep_form(author, secret)

    def _keep_form(self, author: Author, secret: Collection[str]) -> None:
        self.set_status(401 if self.caller is None else 403)
        context = kept_forms.page_context(self.keys, author, self.request.uri or "/", self._form, self.now, secret)
        self.page("kept.html", author=author, sign_in_url=self.sign_in_url("/signed-in"), **context)
        self.finish()

    def _keep_swap(self, author: Author) -> None:
        """A swap's page stays as it is; its script asks for the sign-in, or sends again with the token of the new session."""
        name = self.caller.name if self.caller else ""
        same = self.caller is not None and self.caller.id == author.id
        said = kept_forms.said_to_swap(author, name, self.form_token if same else "", self.sign_in_url("/signed-in"))
        self.set_status(401 if self.caller is None else 403)
        self.set_header("HX-Trigger", json.dumps(said))
        self.set_header("HX-Reswap", "none")
        self.finish()

    @property
    def form_token(self) -> str:
        """What this answer's forms and swaps prove themselves with; made once an answer."""
        if not hasattr(self, "_form_token"):
            author = kept_forms.stamp(self.keys, Author(self.caller.id, self.caller.name)) if self.caller else ""
            self._form_token = xsrf.token(self.keys, self.xsrf_binding, author)
        return self._form_token

    @property
    def xsrf_binding(self) -> str:
        return self.session.id_hash if self.session else "signed out " + self._anonymous_id()

    def _anonymous_id(self) -> str:
        """A signed-out browser's own cookie, made when a form needs it."""
        name = f"{self.hm.cookie}_pre"
        found = requests.cookies(self.request.headers.get_list("Cookie"), name)
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
        self.clear_cookie(name, path="/", secure=True, httponly=True, samesite="Lax")

    def _refuse(self) -> None:
        """Signed out: to the sign-in page and back again. Signed in: 403."""
        self.refuse_reading_on()
        if self.caller is not None:
            raise Problem(403, "not_allowed", "You may not do this. Ask an administrator if you need to.")
        if self.session is not None and self.request.method not in xsrf.SAFE_METHODS:
            self._keep_typed(Author(self.session.user_id, self.session.user_name))
            return
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

    def toast(self, message: str, kind: str = "success", undo: Undo | None = None) -> None:
        """Say something on the next page shown, perhaps with a button that takes it back; ``kind`` is success, info, warning or danger."""
        self._toast = f"{kind}\n{message}" + (f"\n{undo.written()}" if undo else "")

    def confirmed(self, question: str, button: str, back: str) -> bool:
        """Whether the person has said yes to ``question``; where not, it is asked on a page of its own, for scripts may be off.

        ``button`` says what the yes does, ``back`` is where the no leads.
        """
        if self.form.get(CONFIRMED) == "yes":
            return True
        left_out = (xsrf.FIELD, idempotency.FIELD, CONFIRMED)
        fields = [(name, value) for name, value in self.form.items() if name not in left_out]
        if self.request.method in METHODS_OF_FORMS and METHOD_FIELD not in self.form:
            fields.append((METHOD_FIELD, self.request.method))
        self.page("confirm.html", question=question, button=button, back=back, action=self.request.uri, fields=fields)
        return False

    def asides(self) -> dict[str, str]:
        return {TOAST: self._toast} if self._toast else {}

    def restore(self, name: str, value: str) -> None:
        if name == TOAST:
            self._toast = value
        else:
            super().restore(name, value)

    def finish(self, chunk: Any = None) -> Future[None]:
        """The toast goes out with the answer that it belongs to, and with no other."""
        if self._toast:
            sealed = self.keys.seal(self._toast.encode(), table="cookie", column="toast", row_id=self.xsrf_binding)
            self.put_cookie(f"{self.hm.cookie}_toast", sealed, 60)
        return super().finish(chunk)

    def page(self, template: str | tuple[str, ...], **context: Any) -> None:
        """Answer a whole page."""
        self._answer_html(template, context)

    def partial(self, template: str | tuple[str, ...], **context: Any) -> None:
        """Answer a piece of a page."""
        self._answer_html(template, context)

    def invalid(self, template: str, **context: Any) -> None:
        """Answer 422 with the same form, each message beside its field."""
        self.set_status(422)
        self._answer_html(template, context)

    def _answer_html(self, template: str | tuple[str, ...], context: dict[str, Any]) -> None:
        self.send_html(self.spine.pages.render(self, template, context))

    def send_html(self, html: str) -> None:
        """Answer what was rendered; its scripts and htmx attributes carry a nonce that no other answer has."""
        nonce = secrets.token_urlsafe(18)
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.set_header("Content-Security-Policy", page_policy(nonce, form_origins=self.form_origins()))
        self.write(html.replace(self.spine.pages.nonce, nonce))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        problem = self.problem_of(error)
        self._toast = ""
        self._set_headers(problem)
        if self.request.headers.get("HX-Request") == "true":
            self.set_header("HX-Retarget", "#toasts")
            self.set_header("HX-Reswap", "beforeend")
            self._answer_html("_error_toast.html", {"status": problem.status, "detail": problem.detail, "request_id": self.request_id})
        else:
            title = sentence(problem.status)
            context = {"status": problem.status, "title": title, "detail": problem.detail, "request_id": self.request_id}
            self._answer_html("error.html", context)
