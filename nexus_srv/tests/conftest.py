"""The cast in Nexus itself: real accounts, sessions and tokens; two companies, of which dave belongs to the first."""

import functools
import os
import time
from dataclasses import dataclass

import argon2
import pytest

from hmlib.auth.permissions import PERMISSIONS
from hmlib.auth.sessions import NewSession
from hmlib.clock import shifted, utc_now
from hmlib.keys import Keys, load_master
from hmlib.testing.browser import Browser
from hmlib.testing.fixtures import *  # noqa: F403
from hmlib.testing.fixtures import ServiceUnderTest
from hmlib.testing.hub import ACME, CAST, GLOBEX
from nexus_srv.app import MIGRATIONS, make_app
from nexus_srv.oauth import signing_keys
from nexus_srv.parts import NexusParts
from nexus_srv.queries import clients, companies, users
from nexus_srv.queries.clients import Client
from nexus_srv.queries.companies import Company
from nexus_srv.queries.users import User
from nexus_srv.tests.oauth_client import OAuthClient

PASSWORD = "four words in a row"


@dataclass
class People:
    """The accounts of the cast, by name."""

    by_name: dict[str, User]

    def __getattr__(self, name: str) -> User:
        return self.by_name[name]


@functools.cache
def password_hash() -> str:
    return argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash(PASSWORD)


@pytest.fixture
def service():
    return ServiceUnderTest("nexus", make_app, MIGRATIONS)


@pytest.fixture
def people(io_loop, db, settings):
    """Everyone has an account and the same password."""

    async def make() -> People:
        now, made = shifted(utc_now(), -3600), {}
        async with db.write() as tx:
            await signing_keys.first(tx, Keys(load_master(settings.master_key_file), "nexus"), now)
            names = [(ACME, "100001", "Acme Dental"), (GLOBEX, "100002", "Globex Freight")]
            await companies.insert(tx, [Company(id=id, account_number=number, name=name) for id, number, name in names], now)
            for person in CAST.values():
                user = User(
                    id=person.id, username=person.name, display_name=person.name.capitalize(), level=person.level,
                    email=f"{person.name}@example.com", scope_rule=person.scope.rule, company_ids=tuple(person.scope.ids),
                )  # fmt: skip
                made[person.name] = await users.create(tx, user, now)
                await users.set_password(tx, user.id, password_hash(), now)
        return People(made)

    return io_loop.run_sync(make)


@pytest.fixture
def signed_in(http_client, base_url, app, people):
    """`await signed_in("bob")` opens a session and answers the browser, with a bearer token of the same session."""

    async def browser_of(name: str, sid: str = "", age: int = 0) -> Browser:
        user, now, sid = people.by_name[name], utc_now(), sid or f"sid-{name}"
        new_session = NewSession(
            user_id=user.id, user_name=user.display_name, level=user.level, sid=sid, auth_time=int(time.time()) - age, amr=("pwd",),
            address="127.0.0.0/24", browser="Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", expires_at=shifted(now, 3600),
        )  # fmt: skip
        cookie, session = await app.spine.sessions.open(new_session, now)
        return Browser(
            http_client, base_url, app, await token_for(app, user, sid=sid), {app.spine.settings.cookie: cookie}, session.id_hash
        )

    return browser_of


async def token_for(app, user: User, **changes) -> str:
    """An access token for Nexus as Nexus signs it; `changes` overrides claims, None leaves one out."""
    now = int(time.time())
    claims = {
        "sub": user.id, "aud": "nexus", "client_id": "wiki", "iat": now, "exp": now + 300, "jti": os.urandom(8).hex(), "auth_time": now,
        "amr": ["pwd"], "permission_level": user.level, "scope": " ".join(sorted(PERMISSIONS[user.level])),
    } | changes  # fmt: skip
    return await app.spine.own(NexusParts).signer.sign("at+jwt", {name: value for name, value in claims.items() if value is not None})


@pytest.fixture
def alice(io_loop, signed_in):
    return io_loop.run_sync(lambda: signed_in("alice"))


@pytest.fixture
def bob(io_loop, signed_in):
    return io_loop.run_sync(lambda: signed_in("bob"))


@pytest.fixture
def carol(io_loop, signed_in):
    return io_loop.run_sync(lambda: signed_in("carol"))


@pytest.fixture
def dave(io_loop, signed_in):
    return io_loop.run_sync(lambda: signed_in("dave"))


@pytest.fixture
def module_of(io_loop, http_client, base_url, app, db, people):
    """A function that registers a module of the suite and answers it as a client."""

    async def register(name: str) -> OAuthClient:
        origin = {"wiki": "https://localhost:5003", "treasury": "https://localhost:5002"}[name]
        _, secret = await clients.register_module(db, app.spine.keys, name, origin, utc_now())
        return OAuthClient(Browser(http_client, base_url, app), name, secret, f"{origin}/auth/callback", "openid profile offline_access")

    return lambda name: io_loop.run_sync(lambda: register(name))


@pytest.fixture
def wiki(module_of):
    return module_of("wiki")


@pytest.fixture
def treasury(wiki, module_of):
    return module_of("treasury")


@pytest.fixture
def program_of(io_loop, http_client, base_url, app, db, people):
    """A function that registers another program and answers it as a client."""

    async def register(id: str, *, public: bool = False, **more) -> OAuthClient:
        uri = f"https://{id}.example.com/callback"
        client = Client(id, id.capitalize(), redirect_uris=(uri,), post_logout_uris=(f"https://{id}.example.com/bye",), **more)
        async with db.write() as tx:
            secret = await clients.register_client(tx, app.spine.keys, client, utc_now(), public=public)
        return OAuthClient(Browser(http_client, base_url, app), id, secret, uri)

    return lambda id, **more: io_loop.run_sync(lambda: register(id, **more))


@pytest.fixture
def grafana(program_of):
    """A program that is not ours, with a secret."""
    return program_of("grafana")


@pytest.fixture
def phone(program_of):
    """A program that cannot keep a secret."""
    return program_of("phone", public=True)
