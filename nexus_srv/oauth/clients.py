"""What may be changed about the programs that sign people in through Nexus, and what follows from it."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from hmlib import text as texts
from hmlib.auth.permissions import ALL_PERMISSIONS
from hmlib.config import HUB, LOOPBACK_NAMES
from hmlib.db.database import Db, Transaction
from hmlib.errors import Invalid, Stale
from hmlib.keys import Keys
from hmlib.records import audit
from hmlib.records.audit import Actor
from nexus_srv.oauth import outbound_http
from nexus_srv.oauth.outbound_http import Blocked
from nexus_srv.queries import clients, outbox, refresh_tokens
from nexus_srv.queries.clients import OIDC_SCOPES, Client, Policy

LONGEST_NAME = 60
LONGEST_ADDRESS = 500
MOST_ADDRESSES = 20
_HOST = re.compile(r"[a-z0-9.-]+|[0-9a-f:]+")
_DOUBTFUL = re.compile(r"[^\x21-\x7e]|[\\*#<>\"`{}|^]|/\.\.?(/|$)|%2e|%2f|%5c")
_AUDITED = ("name", "redirect_uris", "post_logout_uris", "logout_uri", "scopes", "exchange", "service", "disabled")


async def add(tx: Transaction, keys: Keys, wanted: Client, actor: Actor, now: str, *, public: bool = False) -> str | None:
    """Register a program that check() let pass; its secret, told once, None for one that cannot keep any."""
    secret = await clients.register_client(tx, keys, wanted, now, public=public)
    await audit.record(tx, actor, "client.registered", f"client/{wanted.id}", now=now, after=_facts(wanted) | {"public": public})
    return secret


async def change(tx: Transaction, before: Client, wanted: Client, actor: Actor, now: str) -> None:
    """Change a program to what check() let pass. Raises Stale. Disabling one ends every token it was given."""
    old, new = _facts(before), _facts(wanted)
    if old == new:
        return
    changed = [name for name in _AUDITED if old[name] != new[name]]
    if not await clients.save(tx, wanted, now):
        raise Stale
    if wanted.disabled and not before.disabled:
        await refresh_tokens.revoke_client(tx, wanted.id, now)
        await outbox.client_ended(tx, wanted.id, now)
    parts = {name: old[name] for name in changed}, {name: new[name] for name in changed}
    await audit.record(tx, actor, "client.changed", f"client/{wanted.id}", now=now, before=parts[0], after=parts[1])


async def renew_secret(tx: Transaction, keys: Keys, id: str, actor: Actor, now: str) -> str | None:
    """A new secret, told once; the old one opens nothing any more. None for a program without one."""
    secret = await clients.renew_secret(tx, keys, id, now)
    if secret:
        await audit.record(tx, actor, "client.secret_renewed", f"client/{id}", now=now)
    return secret


def policy_of(text: str) -> dict[str, tuple[str, ...]]:
    """A policy as it is typed: a line for each service, its name, a colon, and the scopes. Raises ValueError for a line that is not so."""
    found: dict[str, tuple[str, ...]] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        audience, colon, words = line.partition(":")
        if not colon or audience.strip() in found:
            raise ValueError(line)
        found[audience.strip()] = tuple(sorted(set(words.split())))
    return found


def policy_text(policy: Policy) -> str:
    return "\n".join(f"{audience}: {' '.join(words)}" for audience, words in sorted(policy.items()))


async def check(db: Db, wanted: Client, *, public: bool) -> None:
    """What may be registered, asked before the transaction, as a name is looked up. Raises Invalid with every field that is wrong."""
    errors = {"name": _name_problem(wanted.name), "redirect_uris": _addresses_problem(wanted.redirect_uris)}
    errors["post_logout_uris"] = _addresses_problem(wanted.post_logout_uris)
    errors["logout_uri"] = await _logout_problem(wanted)
    errors["scopes"] = _words_problem(wanted.scopes, ALL_PERMISSIONS | frozenset(OIDC_SCOPES))
    audiences = {HUB, *await clients.module_ids(db)}
    for name in ("exchange", "service"):
        errors[name] = _policy_problem(getattr(wanted, name), audiences)
        if public and getattr(wanted, name):
            errors[name] = "A program without a secret cannot have this."
    if not wanted.redirect_uris and not wanted.service:
        errors["redirect_uris"] = "Give at least one address, unless the program calls in its own name only."
    wrong = {name: problem for name, problem in errors.items() if problem}
    if wrong:
        raise Invalid(wrong)


def _name_problem(name: str) -> str:
    try:
        length = len(texts.one_line(name))
    except texts.Unseen as unseen:
        return str(unseen)
    return "" if 0 < length <= LONGEST_NAME else f"Use 1 to {LONGEST_NAME} characters."


def _addresses_problem(addresses: Sequence[str]) -> str:
    if len(addresses) > MOST_ADDRESSES:
        return f"At most {MOST_ADDRESSES} addresses."
    wrong = next((address for address in addresses if not _is_address(address)), None)
    return f"{wrong[:100]!r} is not an exact https:// address." if wrong is not None else ""


def _is_address(address: str) -> bool:
    """An address that means one place: https (http on loopback), plain host, no user, no fragment, no pattern, no way up."""
    if not 0 < len(address) <= LONGEST_ADDRESS or _DOUBTFUL.search(address.lower()):
        return False
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    safe = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK_NAMES)
    return safe and bool(_HOST.fullmatch(host)) and "@" not in parts.netloc and parts.netloc == parts.netloc.lower()


async def _logout_problem(wanted: Client) -> str:
    """Modules are where the operator put them; anybody else's address must lead out of this machine (CWE-918)."""
    if not wanted.logout_uri or wanted.module:
        return ""
    if not _is_address(wanted.logout_uri):
        return "This is not an exact https:// address."
    try:
        await outbound_http.checked(wanted.logout_uri)
    except Blocked as blocked:
        return str(blocked)
    return ""


def _words_problem(words: Sequence[str], allowed: frozenset[str]) -> str:
    unknown = sorted(set(words) - allowed)
    return f"There is no scope {unknown[0][:50]!r}." if unknown else ""


def _policy_problem(policy: Policy, audiences: set[str]) -> str:
    unknown = sorted(set(policy) - audiences)
    if unknown:
        return f"There is no service {unknown[0][:50]!r}."
    return next((problem for words in policy.values() if (problem := _words_problem(words, ALL_PERMISSIONS))), "")


def _facts(client: Client) -> dict[str, object]:
    return {name: getattr(client, name) for name in _AUDITED}
