"""A client of Nexus, as tests play it: it asks, is sent back with a code, and trades it."""

import base64
import hashlib
import re
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt

from hmlib.testing.browser import Answer, Browser

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
ABSENT = object()


@dataclass
class OAuthClient:
    """`browser` is the connection of the client's own server, without cookies."""

    browser: Browser
    id: str
    secret: str | None
    redirect_uri: str
    scope: str = "openid profile email offline_access"
    answers: list[Answer] = field(default_factory=list)

    @property
    def basic(self) -> dict[str, str]:
        given = base64.b64encode(f"{self.id}:{self.secret}".encode()).decode()
        return {"Authorization": f"Basic {given}"} if self.secret else {}

    def authorize_url(self, **changes) -> str:
        """The address a browser is sent to."""
        asked = {
            "response_type": "code", "client_id": self.id, "redirect_uri": self.redirect_uri, "scope": self.scope,
            "state": "st", "nonce": "no", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        } | changes  # fmt: skip
        return "/oauth/authorize?" + urlencode({name: value for name, value in asked.items() if value is not ABSENT})

    async def code(self, person: Browser, **changes) -> str:
        """A code for a person who is signed in."""
        return told(await person.fetch(self.authorize_url(**changes)))["code"]

    async def post(self, path: str, form: dict[str, object], **headers: str) -> Answer:
        kept = {name: value for name, value in form.items() if value is not ABSENT}
        if not self.secret:
            kept.setdefault("client_id", self.id)
        sent = {"Content-Type": "application/x-www-form-urlencoded"} | self.basic
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.browser.send(path, "POST", urlencode(kept), sent | more)

    async def redeem(self, code: str, **changes) -> Answer:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri, "code_verifier": VERIFIER}
        return await self.post("/oauth/token", form | changes)

    async def refresh(self, token: str, **changes) -> Answer:
        return await self.post("/oauth/token", {"grant_type": "refresh_token", "refresh_token": token} | changes)

    async def exchange(self, token: str, audience: str = "nexus", **changes) -> Answer:
        form = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN, "audience": audience}
        return await self.post("/oauth/token", form | changes)

    async def signed_in(self, person: Browser) -> dict[str, object]:
        """What the client gets for a person who is signed in."""
        answer = await self.redeem(await self.code(person))
        assert answer.code == 200, answer.text
        return answer.json


def told(answer: Answer) -> dict[str, str]:
    """The parameters of the address a browser was sent back to."""
    assert answer.code == 303, answer.text
    return dict(parse_qsl(urlsplit(answer.location).query))


def onward(answer: Answer) -> str:
    """Where the page leads that answers a form post: by itself, and by its button; to no other place can a form of it go."""
    assert answer.code == 200 and "Location" not in answer.headers, answer.text
    by_itself = re.search(r'<meta http-equiv="refresh" content="0;url=([^"]*)">', answer.text)
    by_button = re.search(r'<a class="btn btn-primary w-100" href="([^"]*)">', answer.text)
    assert by_itself and by_button and by_itself[1] == by_button[1], answer.text
    assert answer.headers["Referrer-Policy"] == "no-referrer" and answer.headers["Cache-Control"] == "no-store"
    assert "form-action 'self';" in answer.headers["Content-Security-Policy"]
    return unescape(by_itself[1])


def claims_of(token: str) -> dict[str, object]:
    return jwt.decode(token, options={"verify_signature": False})


def refusal(answer: Answer) -> tuple[int, str]:
    """Status and word of an error as RFC 6749 5.2 has it."""
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"].startswith("application/json")
    assert {"error", "error_description", "request_id"} == set(answer.json)
    return answer.code, answer.json["error"]
