"""Authorization codes, and the tickets that hand a module's sign-in to the browser's session here: each good once, for seconds."""

import secrets
from dataclasses import dataclass

from hmlib.clock import new_id, shifted
from hmlib.db.database import Db
from hmlib.keys import Keys

CODE_SECONDS = 60
TICKET_SECONDS = 30
KEPT_SECONDS = 3600  # a code that comes again must be known as a second use


@dataclass(frozen=True)
class Code:
    """What one authorization code stands for. `family_id` names whatever is given for it."""

    family_id: str
    client_id: str
    account_id: str
    sid: str
    redirect_uri: str
    scope: str
    nonce: str
    challenge: str


@dataclass(frozen=True)
class Ticket:
    """A sign-in that a browser may take over."""

    client_id: str
    account_id: str
    sid: str


async def create(
    db: Db, keys: Keys, *, client_id: str, account_id: str, sid: str, redirect_uri: str, scope: str, nonce: str, challenge: str, now: str
) -> str:
    """A code that is good for 60 seconds; only its HMAC is kept."""
    code = secrets.token_urlsafe(32)
    await db.run(
        """
        INSERT INTO authorization_code
            (code_mac, family_id, client_id, account_id, sid, redirect_uri, scope, nonce, challenge, expires_at)
        VALUES (:code_mac, :family_id, :client_id, :account_id, :sid, :redirect_uri, :scope, :nonce, :challenge, :expires_at)
        """,
        code_mac=keys.mac("authorization code", code),
        family_id=new_id(),
        client_id=client_id,
        account_id=account_id,
        sid=sid,
        redirect_uri=redirect_uri,
        scope=scope,
        nonce=nonce,
        challenge=challenge,
        expires_at=shifted(now, CODE_SECONDS),
    )
    return code


async def use(tx: Db, keys: Keys, code: str, now: str) -> Code | None:
    """Spend a code: what it stands for, to exactly one caller; None for one that is spent, too old or made up."""
    row = await tx.one(
        """
        UPDATE authorization_code SET used_at = :now WHERE code_mac = :code_mac AND used_at IS NULL AND expires_at > :now
        RETURNING family_id, client_id, account_id, sid, redirect_uri, scope, nonce, challenge
        """,
        code_mac=keys.mac("authorization code", code),
        now=now,
    )
    return Code(**row) if row else None


async def spent_family(db: Db, keys: Keys, code: str) -> str | None:
    """The family of a code that somebody spent already."""
    found: str | None = await db.value(
        "SELECT family_id FROM authorization_code WHERE code_mac = :code_mac AND used_at IS NOT NULL",
        code_mac=keys.mac("authorization code", code),
    )
    return found


async def create_ticket(tx: Db, keys: Keys, *, client_id: str, account_id: str, sid: str, now: str) -> str:
    """A ticket that is good for 30 seconds."""
    ticket = secrets.token_urlsafe(32)
    await tx.run(
        """
        INSERT INTO adoption_ticket (ticket_mac, client_id, account_id, sid, expires_at)
        VALUES (:ticket_mac, :client_id, :account_id, :sid, :expires_at)
        """,
        ticket_mac=keys.mac("adoption ticket", ticket),
        client_id=client_id,
        account_id=account_id,
        sid=sid,
        expires_at=shifted(now, TICKET_SECONDS),
    )
    return ticket


async def use_ticket(db: Db, keys: Keys, ticket: str, now: str) -> Ticket | None:
    """Spend a ticket, as a code is spent."""
    row = await db.one(
        """
        UPDATE adoption_ticket SET used_at = :now WHERE ticket_mac = :ticket_mac AND used_at IS NULL AND expires_at > :now
        RETURNING client_id, account_id, sid
        """,
        ticket_mac=keys.mac("adoption ticket", ticket),
        now=now,
    )
    return Ticket(**row) if row else None


async def sweep(db: Db, now: str) -> None:
    """Forget what is long over."""
    long_ago = shifted(now, -KEPT_SECONDS)
    await db.run("DELETE FROM authorization_code WHERE expires_at < :long_ago", long_ago=long_ago)
    await db.run("DELETE FROM adoption_ticket WHERE expires_at < :long_ago", long_ago=long_ago)
