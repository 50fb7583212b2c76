"""What clients must be told, kept until they have taken it: messages of one kind in the outbox that every service has."""

from dataclasses import dataclass

import msgspec

from hmlib.auth.tokens import SIGNED_OUT, TOKENS_ENDED
from hmlib.clock import new_id
from hmlib.db.database import Db
from hmlib.jobs import deliveries
from hmlib.jobs.deliveries import Delivery

KIND = "logout"
SCOPE_CHANGED = "urn:hivematrix:scope-changed"
KEYS_CHANGED = "urn:hivematrix:keys-changed"


class Event(msgspec.Struct, frozen=True, omit_defaults=False):
    """What a client is told: `account_id`, `sid`, `jti` or `ended_client` say what it is about."""

    event: str
    account_id: str = ""
    sid: str = ""
    jti: str = ""
    ended_client: str = ""


@dataclass(frozen=True)
class Receiver:
    """A client that is told; `logout_uri` is "" once it has no address for that any more."""

    client_id: str
    logout_uri: str
    module: bool


async def session_ended(tx: Db, sid: str, now: str) -> None:
    """Tell every module, and every other client that was given tokens in this session."""
    concerned = "AND (module OR id IN (SELECT client_id FROM token_family WHERE sid = :about))"
    await _add(tx, Event(SIGNED_OUT, sid=sid), now, concerned, about=sid)


async def account_ended(tx: Db, account_id: str, now: str) -> None:
    """Tell every module, and every other client that was given tokens for this person."""
    concerned = "AND (module OR id IN (SELECT client_id FROM token_family WHERE account_id = :about))"
    await _add(tx, Event(SIGNED_OUT, account_id=account_id), now, concerned, about=account_id)


async def scope_changed(tx: Db, account_id: str, now: str) -> None:
    """Tell every module that this person may now see other companies."""
    await _add(tx, Event(SCOPE_CHANGED, account_id=account_id), now, "AND module")


async def tokens_ended(tx: Db, jti: str, now: str) -> None:
    """Tell every module that a token, and what it was exchanged for, has ended: a whole family by its id."""
    await _add(tx, Event(TOKENS_ENDED, jti=jti), now, "AND module")


async def client_ended(tx: Db, client_id: str, now: str) -> None:
    """Tell every module that the tokens given to a client so far have ended."""
    await _add(tx, Event(TOKENS_ENDED, ended_client=client_id), now, "AND module")


async def keys_changed(tx: Db, now: str) -> None:
    """Tell every module to fetch the key set anew."""
    await _add(tx, Event(KEYS_CHANGED), now, "AND module")


async def receiver(db: Db, client_id: str) -> Receiver:
    """The client that a message is for."""
    row = await db.one("SELECT logout_uri, module FROM client WHERE id = :id", id=client_id)
    return Receiver(client_id, row["logout_uri"], bool(row["module"])) if row else Receiver(client_id, "", False)


async def announced(db: Db, client_id: str, now: str) -> None:
    """A client says that it is there: what waits for it is due at once."""
    await deliveries.announced(db, KIND, client_id, now)


async def delivery(db: Db, client_id: str) -> Delivery:
    """How telling a client goes."""
    return await deliveries.delivery(db, KIND, client_id)


async def adopt(db: Db, now: str) -> int:
    """Take over what processes of the version before left in the table of their own; how much that was."""
    if await db.value("SELECT 1 AS one FROM outbox WHERE claimed_until <= :now LIMIT 1", now=now) is None:
        return 0
    async with db.write() as tx:
        rows = await tx.all(
            """
            DELETE FROM outbox WHERE claimed_until <= :now
            RETURNING id, client_id, event, account_id, sid, jti, ended_client, created_at, due_at, attempts, last_error
            """,
            now=now,
        )
        for row in rows:
            event = Event(**{name: row.pop(name) for name in Event.__struct_fields__})
            await tx.run(
                """
                INSERT INTO outbox_message (id, kind, target, body, inside, created_at, due_at, attempts, last_error)
                SELECT CAST(:id AS TEXT), CAST(:kind AS TEXT), client.id, CAST(:body AS TEXT), client.module, CAST(:created_at AS TEXT),
                    CAST(:due_at AS TEXT), CAST(:attempts AS BIGINT), CAST(:last_error AS TEXT)
                FROM client WHERE client.id = :client_id
                """,
                kind=KIND,
                body=msgspec.json.encode(event).decode(),
                **row,
            )
    return len(rows)


async def _add(tx: Db, event: Event, now: str, concerned: str, **about: str) -> None:
    await tx.run(
        f"""
        INSERT INTO outbox_message (id, kind, target, body, inside, created_at, due_at)
        SELECT CAST(:id AS TEXT) || '/' || id, :kind, id, :body, module, :now, :now FROM client
        WHERE logout_uri <> '' AND NOT disabled {concerned}
        """,
        id=new_id(),
        kind=KIND,
        body=msgspec.json.encode(event).decode(),
        now=now,
        **about,
    )
