"""Fixtures and a cast for tests that speak HTTP: alice (admin), bob (technician), carol (billing), dave (client), and a stranger.

A service's conftest.py says ``from hmlib.testing import *`` and offers one fixture, ``service``:

    @pytest.fixture
    def service() -> ServiceUnderTest:
        return ServiceUnderTest("wiki", make_app, MIGRATIONS)

Tests are marked ``gen_test`` and take the people they need: ``await alice.fetch("/articles")``. Modules get a ``hub``, a Nexus of
their own that signs real tokens and answers from plain lists; Nexus's tests bring their own people.
"""

import asyncio
import base64
import itertools
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.ioloop import IOLoop
from tornado.web import Application

from hmlib import xsrf
from hmlib.auth import PERMISSIONS, CompanyScope
from hmlib.clock import shifted, utc_now
from hmlib.crypto import new_master
from hmlib.db import Db, connect
from hmlib.directory import Company, CompanyFacts, SignedIn, UserScope
from hmlib.jwks import thumbprint
from hmlib.migrate import Folder, migrate
from hmlib.nexus import NexusDown, NexusRefused, SignInRefused, TokenFor
from hmlib.sessions import Opening, Tokens
from hmlib.settings import Module, Settings
from hmlib.testing_directory import FakeDirectory

__all__ = [
    "Browser", "FakeHub", "Person", "ServiceUnderTest", "alice", "app", "bob", "carol", "dave", "db", "home", "hub", "settings", "stranger",
]  # fmt: skip

T = TypeVar("T")
ISSUER = "https://localhost:5000"
ENGINE = os.environ.get("HM_TEST_DB", "sqlite")
ACME, GLOBEX = "018f0000-0000-7000-8000-0000000000a1", "018f0000-0000-7000-8000-0000000000a2"


@dataclass(frozen=True)
class ServiceUnderTest:
    """What the fixtures must know of a service."""

    name: str
    make_app: Callable[[Settings, Db, Any], Application]
    migrations: Sequence[Folder]

    @property
    def key(self) -> str:
        """What its empty database is known by: hmlib's toy goes by a module's name too."""
        return " ".join([self.name, *(str(folder) for _, folder in self.migrations)])


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


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, read."""

    code: int
    headers: Any
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def location(self) -> str:
        return str(self.headers.get("Location", ""))


@dataclass
class Browser:
    """Someone at a browser, or a program with a bearer token, speaking to the service under test.

    ``fetch`` is a page request: with the session cookie and, unless ``forged``, what our own pages send with a form.
    ``api`` is a call with the bearer token. Cookies that come back are kept.
    """

    client: AsyncHTTPClient
    base_url: str
    app: Application
    token: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    binding: str = ""

    async def fetch(self, path: str, method: str = "GET", body: Any = None, *, forged: bool = False, **headers: str) -> Answer:
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        if method not in xsrf.SAFE_METHODS and not forged:
            binding = self.binding or self._signed_out_binding()
            sent |= {"Origin": self.app.settings["hm"].origin, xsrf.HEADER: xsrf.token(self.app.settings["keys"], binding)}
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        raw = urlencode(body) if isinstance(body, Mapping) else body
        return await self.send(path, method, raw, sent | {name.replace("_", "-"): value for name, value in headers.items()})

    async def htmx(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
        return await self.fetch(path, method, body, forged=False, **{"HX_Request": "true", **headers})

    async def upload(
        self, path: str, files: Mapping[str, tuple[str, bytes]], fields: Mapping[str, str] | None = None, **options: Any
    ) -> Answer:
        """Post a form with files, each (file name, content)."""
        parts = [
            f'--hm\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in (fields or {}).items()
        ]
        for name, (filename, content) in files.items():
            head = f'--hm\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'
            parts.append(head.encode() + content + b"\r\n")
        return await self.fetch(path, "POST", b"".join(parts) + b"--hm--\r\n", Content_Type="multipart/form-data; boundary=hm", **options)

    async def api(self, path: str, method: str = "GET", json_body: Any = None, *, raw: bytes | None = None, **headers: str) -> Answer:
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if json_body is not None or raw is not None:
            sent["Content-Type"] = "application/json"
        body = raw if raw is not None else json.dumps(json_body) if json_body is not None else None
        return await self.send(path, method, body, sent | {name.replace("_", "-"): value for name, value in headers.items()})

    async def send(self, path: str, method: str, body: Any, headers: Mapping[str, str]) -> Answer:
        answer = await self.client.fetch(
            self.base_url + path, method=method, body=body, headers=dict(headers), follow_redirects=False, raise_error=False,
            allow_nonstandard_methods=True, request_timeout=30,
        )  # fmt: skip
        self._keep_cookies(answer)
        return Answer(answer.code, answer.headers, answer.body or b"")

    def _keep_cookies(self, answer: HTTPResponse) -> None:
        for line in answer.headers.get_list("Set-Cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            if value in ("", '""'):
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value.strip('"')

    def _signed_out_binding(self) -> str:
        name = self.app.settings["hm"].cookie + "_pre"
        self.cookies.setdefault(name, base64.urlsafe_b64encode(os.urandom(16)).rstrip(b"=").decode())
        return "signed out " + self.cookies[name]


_databases = itertools.count(1)
_templates: dict[str, str] = {}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A fresh HM_HOME with a master key."""
    (tmp_path / "keys").mkdir(mode=0o700)
    new_master(tmp_path / "keys" / "master.key")
    return tmp_path


@pytest.fixture
def settings(home: Path, service: ServiceUnderTest) -> Settings:
    """The settings of the service under test."""
    modules = (Module("wiki", "https://localhost:5003"), Module("treasury", "https://localhost:5002"))
    origins = {"nexus": ISSUER} | {module.name: module.origin for module in modules}
    return Settings(
        service=service.name, home=home, bind="127.0.0.1", port=0, nexus_url=ISSUER, db_url="",
        origin=origins.get(service.name, "https://localhost:5004"), modules=modules,
        master_key_file=home / "keys" / "master.key", password_login=True, log="text", tls=False, metrics_port=0,
    )  # fmt: skip


@pytest.fixture
def db(io_loop: IOLoop, home: Path, service: ServiceUnderTest) -> Iterator[Db]:
    """A fresh, migrated database of the engine that HM_TEST_DB names."""
    url = _fresh_url(io_loop, home, service)
    database = io_loop.run_sync(lambda: connect(url, sqlite=os.environ.get("HM_SQLITE", "auto")))
    yield database
    io_loop.run_sync(database.close)
    if ENGINE == "postgresql":
        from hmlib import postgres_fixture

        postgres_fixture.drop(url)


def _fresh_url(io_loop: IOLoop, home: Path, service: ServiceUnderTest) -> str:
    """Migrating takes a while, so it is done once a run and copied."""
    if ENGINE == "postgresql":
        from hmlib import postgres_fixture

        if service.key not in _templates:
            _templates[service.key] = postgres_fixture.fresh_url()
            io_loop.run_sync(lambda: _migrate(_templates[service.key], service))
        return postgres_fixture.fresh_url(template=_templates[service.key])
    if service.key not in _templates:
        folder = Path(tempfile.mkdtemp(prefix="hm-test-"))
        _templates[service.key] = str(folder / "template.db")
        io_loop.run_sync(lambda: _migrate(f"sqlite:///{_templates[service.key]}", service))
    copy = home / f"{service.name}-{next(_databases)}.db"
    shutil.copy(_templates[service.key], copy)
    return f"sqlite:///{copy}"


async def _migrate(url: str, service: ServiceUnderTest) -> None:
    database = await connect(url, sqlite=os.environ.get("HM_SQLITE", "auto"))
    await migrate(database, service.migrations)
    await database.close()


@pytest.fixture
def hub(service: ServiceUnderTest) -> FakeHub:
    """The module's Nexus."""
    fake = FakeHub()
    fake.client_id = service.name
    return fake


@pytest.fixture
def app(io_loop: IOLoop, settings: Settings, db: Db, service: ServiceUnderTest, request: pytest.FixtureRequest) -> Application:
    """The application under test, without its background work."""
    hub = request.getfixturevalue("hub") if service.name != "nexus" else None

    async def made() -> Application:
        return service.make_app(settings, db, hub)

    started: Application = io_loop.run_sync(made)
    return started


def browser_of(person: Person, io_loop: IOLoop, client: AsyncHTTPClient, base_url: str, app: Application, hub: FakeHub) -> Browser:
    """A browser of one of the cast, signed in at the module under test."""
    service = app.settings["hm"].service
    access = hub.token(person, service)
    now = utc_now()
    opening = Opening(
        person.id, person.name, person.level, f"sid-{person.name}", int(time.time()), ("pwd",), "127.0.0.1", "pytest", shifted(now, 3600),
        Tokens(access, int(time.time()) + 300, f"refresh-{person.name}"),
    )  # fmt: skip
    cookie, session = io_loop.run_sync(lambda: app.settings["sessions"].open(opening, now))
    return Browser(client, base_url, app, access, {app.settings["hm"].cookie: cookie}, session.id_hash)


@pytest.fixture
def alice(io_loop: IOLoop, http_client: AsyncHTTPClient, base_url: str, app: Application, hub: FakeHub) -> Browser:
    """An administrator."""
    return browser_of(CAST["alice"], io_loop, http_client, base_url, app, hub)


@pytest.fixture
def bob(io_loop: IOLoop, http_client: AsyncHTTPClient, base_url: str, app: Application, hub: FakeHub) -> Browser:
    """A technician."""
    return browser_of(CAST["bob"], io_loop, http_client, base_url, app, hub)


@pytest.fixture
def carol(io_loop: IOLoop, http_client: AsyncHTTPClient, base_url: str, app: Application, hub: FakeHub) -> Browser:
    """She does the billing."""
    return browser_of(CAST["carol"], io_loop, http_client, base_url, app, hub)


@pytest.fixture
def dave(io_loop: IOLoop, http_client: AsyncHTTPClient, base_url: str, app: Application, hub: FakeHub) -> Browser:
    """A client: he belongs to Acme (account number 100001) and sees nothing else."""
    return browser_of(CAST["dave"], io_loop, http_client, base_url, app, hub)


@pytest.fixture
def stranger(http_client: AsyncHTTPClient, base_url: str, app: Application) -> Browser:
    """Someone who is not signed in."""
    return Browser(http_client, base_url, app)
