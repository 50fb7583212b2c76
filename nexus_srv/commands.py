"""Nexus's part of `hm`: people, clients, signing keys, and whether the audit logs are whole."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar
from urllib.parse import urlsplit

import click

from hmlib.auth.permissions import ALL_PERMISSIONS, LEVELS
from hmlib.auth.sessions import Sessions
from hmlib.cli.local import database, installed_services
from hmlib.clock import new_id, utc_now
from hmlib.config import LOOPBACK_NAMES, Settings, load
from hmlib.db.database import Db, Transaction
from hmlib.db.engine import Conflict
from hmlib.errors import Invalid, NotAllowed
from hmlib.keys import Keys
from hmlib.processes.operations import Failed
from hmlib.records import audit
from nexus_srv.app import MIGRATIONS
from nexus_srv.directory.imports import IMPORTS
from nexus_srv.first_run import ACTOR, OPERATOR, ensure_admin, ensure_demo_people, keys_of, misregistered, register_modules
from nexus_srv.identity import access, people
from nexus_srv.oauth import clients, signing_keys
from nexus_srv.queries import users
from nexus_srv.queries.clients import OIDC_SCOPES, Client
from nexus_srv.queries.users import User

__all__ = ["IMPORTS", "MIGRATIONS", "commands", "ensure_admin", "ensure_demo_people", "misregistered", "register_modules"]


T = TypeVar("T")


@click.group()
def commands() -> None:
    """People, clients, keys and the audit log."""


@commands.group("user")
def user_group() -> None:
    """The people who sign in."""


@user_group.command("add")
@click.argument("username")
@click.option("--level", type=click.Choice(LEVELS), default="technician", show_default=True)
@click.option("--name", help="The name that is shown; the username unless given.")
@click.option("--email", default="")
@click.option("--company", "numbers", multiple=True, help="Account number of a company they see; several are possible. None: all.")
def user_add(username: str, level: str, name: str | None, email: str, numbers: tuple[str, ...]) -> None:
    """Add a person and print the one-time link with which they set their password."""

    async def change(settings: Settings, tx: Transaction, keys: Keys) -> str:
        ids = await _company_ids(tx, numbers)
        rule = "only" if ids else "all"
        wanted = User(id="", username=username, display_name=name or username, level=level, email=email, scope_rule=rule, company_ids=ids)
        return await _link(settings, tx, keys, await people.add(tx, OPERATOR, wanted, ACTOR, utc_now()))

    click.echo(_run(change))


@user_group.command("disable")
@click.argument("username")
def user_disable(username: str) -> None:
    """Keep a person out, at once and everywhere; nothing they did is lost."""

    async def change(settings: Settings, tx: Transaction, keys: Keys) -> str:
        user = await _user(tx, username)
        await people.change(tx, Sessions(tx, keys), OPERATOR, user, replace(user, status="disabled"), ACTOR, utc_now())
        return f"{user.username} is disabled and signed out everywhere."

    click.echo(_run(change))


@user_group.command("reset")
@click.argument("username")
def user_reset(username: str) -> None:
    """Print a one-time link with which a person sets a new password; a disabled account becomes active again."""

    async def change(settings: Settings, tx: Transaction, keys: Keys) -> str:
        user = await _user(tx, username)
        active = await people.change(tx, Sessions(tx, keys), OPERATOR, user, replace(user, status="active"), ACTOR, utc_now())
        return await _link(settings, tx, keys, active)

    click.echo(_run(change))


@commands.group("client")
def client_group() -> None:
    """Programs that sign people in through Nexus."""


@client_group.command("add")
@click.argument("name")
@click.option("--redirect-uri", "redirect_uris", multiple=True, required=True, help="Where people come back to; several are possible.")
@click.option("--scope", "scopes", multiple=True, help="What it may ask for; openid, profile, email and offline_access unless given.")
@click.option("--public", is_flag=True, help="It cannot keep a secret: PKCE only.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def client_add(name: str, redirect_uris: tuple[str, ...], scopes: tuple[str, ...], *, public: bool, as_json: bool) -> None:
    """Register a program and print its client_id and client_secret, once."""

    words = tuple(word for scope in scopes for word in scope.split()) or OIDC_SCOPES
    if unknown := set(words) - {*OIDC_SCOPES, *ALL_PERMISSIONS}:
        raise click.UsageError(f"There is no scope {sorted(unknown)[0]!r}.")
    for uri in redirect_uris:
        _check_redirect(uri)

    async def change(settings: Settings, tx: Transaction, keys: Keys) -> dict[str, str | None]:
        client = Client(new_id(), name, redirect_uris=redirect_uris, scopes=words)
        await clients.check(tx, client, public=public)
        secret = await clients.add(tx, keys, client, ACTOR, utc_now(), public=public)
        return {"client_id": client.id, "client_secret": secret}

    made = _run(change)
    if as_json:
        click.echo(json.dumps(made))
    else:
        click.echo("\n".join(f"{key} {value}" for key, value in made.items() if value))


def _check_redirect(uri: str) -> None:
    """Only an exact https address, or http on loopback, can be where people come back to (RFC 9700 2.1, RFC 8252 7.3)."""
    try:
        parts = urlsplit(uri)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK_NAMES)
    except ValueError:
        parts, secure = urlsplit(""), False
    if not secure or not parts.hostname or parts.username or "#" in uri or not re.fullmatch(r"[\x21-\x7e]{1,500}", uri):
        raise click.UsageError(f"{uri!r} cannot be a redirect URI: write https://host/path, without # or username.")


@commands.group("keys")
def keys_group() -> None:
    """The keys that sign tokens."""


@keys_group.command("rotate")
def keys_rotate() -> None:
    """Sign with the waiting key from now on; what the one before signed stays good until it ends."""
    click.echo(f"Tokens are signed with {_run(lambda _, tx, keys: signing_keys.rotate(tx, keys, ACTOR, utc_now()))} now.")


@keys_group.command("compromise")
@click.argument("kid")
def keys_compromise(kid: str) -> None:
    """Believe the key KID no more, at once: everyone whose token it signed gets a new one or signs in again."""
    if not _run(lambda _, tx, keys: signing_keys.compromise(tx, keys, kid, ACTOR, utc_now())):
        raise Failed(f"There is no key {kid}.")
    click.echo(f"{kid} is not believed any more.")


@commands.group("audit")
def audit_group() -> None:
    """The audit logs."""


@audit_group.command("verify")
def audit_verify() -> None:
    """Check every service's audit log; exit code 1 names the first broken row."""
    broken = False
    for settings in installed_services():
        seq, count = asyncio.run(_verified(settings))
        broken |= seq is not None
        click.echo(f"{settings.service}: whole, {count} entries" if seq is None else f"{settings.service}: broken at entry {seq}")
    sys.exit(1 if broken else 0)


async def _verified(settings: Settings) -> tuple[int | None, int]:
    async with database(settings) as db:
        return await audit.first_broken(db), (await audit.head(db))[0]


def _run(change: Callable[[Settings, Transaction, Keys], Awaitable[T]]) -> T:
    """Do something in one transaction of Nexus's database. Raises Failed with what the rules say against it."""

    async def done() -> T:
        settings = load("nexus", os.environ)
        async with database(settings) as db, db.write() as tx:
            return await change(settings, tx, keys_of(settings))

    try:
        return asyncio.run(done())
    except Invalid as invalid:
        raise Failed(" ".join(f"{field}: {message}" for field, message in invalid.errors.items())) from invalid
    except NotAllowed as refusal:
        raise Failed(refusal.detail) from refusal
    except Conflict as taken:
        raise Failed("That is there already.") from taken


async def _user(db: Db, username: str) -> User:
    found = await users.credentials(db, username)
    if found is None:
        raise Failed(f"There is no user {username!r}.")
    return found.user


async def _company_ids(db: Db, numbers: tuple[str, ...]) -> tuple[str, ...]:
    found = {number: await users.company_id(db, number) for number in numbers}
    for number, id in found.items():
        if id is None:
            raise Failed(f"There is no company with the account number {number!r}.")
    return tuple(id for id in found.values() if id)


async def _link(settings: Settings, tx: Transaction, keys: Keys, user: User) -> str:
    code, expires_at = await access.invite(tx, keys, user, ACTOR, utc_now())
    return f"{user.username} sets their password here, once, until {expires_at[:16]}Z: {access.setup_link(settings.origin, code)}"
