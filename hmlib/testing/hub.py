"""A Nexus for a module's tests, and the cast that it knows."""

import asyncio
import base64
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from hmlib.auth.jwks import thumbprint
from hmlib.auth.permissions import PERMISSIONS, CompanyScope
from hmlib.clock import shifted, utc_now
from hmlib.nexus.client import SignInRefused
from hmlib.nexus.directory import Company, CompanyFacts, SignedIn, UserScope
from hmlib.nexus.directory_cache import TokenFor
from hmlib.nexus.transport import NexusDown, NexusRefused
from hmlib.testing.directory import FakeDirectory

T = TypeVar("T")
ISSUER = "https://localhost:5000"
ACME, GLOBEX = "018f0000-0000-7000-8000-0000000000a1", "018f0000-0000-7000-8000-0000000000a2"


@dataclass(frozen=True)
class Person:
    """One of the cast."""

    id: str
    name: str
    level: str
    scope: CompanyScope = field(default_factory=CompanyScope)


CAST = {
    "alice": Person("018f0000-0000-7000-8000-000000000001", "alice", "admin"),
    "bob": Person("018f0000-0000-7000-8000-000000000002", "bob", "technician"),
    "carol": Person("018f0000-0000-7000-8000-000000000003", "carol", "billing"),
    "dave": Person("018f0000-0000-7000-8000-000000000004", "dave", "client", CompanyScope("only", frozenset({ACME}))),
}


class FakeHub:
    """A Nexus for a module's tests: real signatures, plain lists, a count of every call, and a switch to be away."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.kid = thumbprint(self._key.public_key())
        self.people = {person.id: person for person in CAST.values()}
        self.rows: dict[str, list[Any]] = {"companies": [], "contacts": [], "locations": [], "assets": [], "users": []}
        self.facts: list[CompanyFacts] = []
        self.counted: dict[str, int] = {}
        self.away = self.known_away = False
        self.url, self.client_id = ISSUER, ""
        self.refusal: Exception | None = None
        self.forgotten: list[str] = []
        self.rows["companies"] = [Company(ACME, "100001", "Acme Dental", "active"), Company(GLOBEX, "100002", "Globex Freight", "active")]

    @property
    def seems_down(self) -> bool:
        return self.away

    @property
    def unwell(self) -> bool:
        return self.away and self.known_away

    def count(self, call: str) -> None:
        self.counted[call] = self.counted.get(call, 0) + 1
        if self.away:
            raise NexusDown("away")

    def token(self, person: Person, audience: str, **changes: Any) -> str:
        """An access token as Nexus signs it; ``changes`` overrides claims, None leaves one out."""
        now = int(time.time())
        claims = {
            "iss": ISSUER, "sub": person.id, "aud": audience, "client_id": audience, "iat": now, "exp": now + 300,
            "jti": os.urandom(8).hex(),
            "sid": f"sid-{person.name}", "auth_time": now, "amr": ["pwd"], "permission_level": person.level,
            "scope": " ".join(sorted(PERMISSIONS.get(person.level, ()))),
        } | changes  # fmt: skip
        return self.signed({name: value for name, value in claims.items() if value is not None}, "at+jwt")

    def service_bearer(self, audience: str, scope: str) -> str:
        """A token of a service itself, for no person."""
        service = Person("treasury", "treasury", "")
        return self.token(service, audience, scope=scope, permission_level=None, sid=None, auth_time=None, amr=None)

    def signed(self, claims: Mapping[str, Any], typ: str) -> str:
        return jwt.encode(dict(claims), self._key, algorithm="ES256", headers={"kid": self.kid, "typ": typ})

    async def jwks(self) -> bytes:
        self.count("jwks")
        numbers = self._key.public_key().public_numbers()
        x, y = (base64.urlsafe_b64encode(n.to_bytes(32, "big")).rstrip(b"=").decode() for n in (numbers.x, numbers.y))
        return json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.kid, "alg": "ES256", "use": "sig"}]}).encode()

    async def alive(self) -> bool:
        return not self.away

    async def while_well(self, call: "asyncio.Future[T]") -> T:
        while not call.done():
            await asyncio.wait({call}, timeout=0.01)
            if self.away and not call.done():
                raise NexusDown("away")
        return call.result()

    def forget(self, caller_id: str) -> None:
        self.forgotten.append(caller_id)

    async def watch(self) -> None:
        return

    async def token_by_password(self, username: str, password: str, *, address: str, browser: str) -> SignedIn:
        self.count("token_by_password")
        if self.refusal:
            raise self.refusal
        if username not in CAST:
            raise SignInRefused("wrong")
        return self.signed_in(CAST[username])

    def signed_in(self, person: Person) -> SignedIn:
        ends = shifted(utc_now(), 12 * 3600)
        return SignedIn(self.token(person, self.client_id), 300, f"refresh-{person.name}", ends, ticket="ticket-1")

    async def code(self, code: str, verifier: str, redirect_uri: str) -> SignedIn:
        self.count("code")
        if not code.startswith("code-"):
            raise NexusRefused(400, "invalid_grant")
        name, nonce = code.removeprefix("code-").split(".")
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": CAST[name].id, "aud": self.client_id, "iat": now, "exp": now + 300, "nonce": nonce, "name": name}
        return msgspec.structs.replace(self.signed_in(CAST[name]), id_token=self.signed(claims, "JWT"))

    async def refresh(self, refresh_token: str) -> SignedIn:
        self.count("refresh")
        name = refresh_token.removeprefix("refresh-").partition("+")[0]
        if name not in CAST:
            raise NexusRefused(400, "invalid_grant")
        return msgspec.structs.replace(self.signed_in(CAST[name]), refresh_token=refresh_token + "+")

    async def exchange(self, token: str, audience: str) -> tuple[str, int]:
        self.count("exchange")
        claims = jwt.decode(token, options={"verify_signature": False})
        return self.token(self.people[claims["sub"]], audience), 300

    async def end_session(self, nexus_token: str) -> None:
        self.count("end_session")

    async def scopes(self, user_ids: Sequence[str]) -> dict[str, UserScope]:
        self.count("scopes")
        known = [self.people[id] for id in user_ids if id in self.people]
        return {person.id: UserScope(person.id, person.scope.rule, sorted(person.scope.ids)) for person in known}

    def on_behalf(self, caller_id: str, token_for: TokenFor, *, view: object = "", read_on_seconds: float = 0) -> "FakeDirectory":
        """As Nexus does, it refuses to exchange the token of a service, for whom nobody stands."""
        if caller_id not in self.people:
            raise NexusRefused(400, "invalid_request")
        return FakeDirectory(self, self.people[caller_id].scope)

    def as_service(self, read_on_seconds: float = 0) -> "FakeDirectory":
        return FakeDirectory(self, CompanyScope())
