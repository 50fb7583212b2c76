"""Which program is calling: its id and secret, in a Basic header or in the form (RFC 6749 2.3)."""

import base64
import time
from collections.abc import Mapping, Sequence
from urllib.parse import unquote_plus

from hmlib.db.database import Db
from hmlib.keys import Keys
from nexus_srv.identity import throttle
from nexus_srv.oauth.protocol import OAuthError
from nexus_srv.queries import clients
from nexus_srv.queries.clients import Client
from nexus_srv.queries.throttle import Bucket

WRONG_SECRETS = 5


async def by_basic(db: Db, keys: Keys, headers: Sequence[str], address: str) -> Client | None:
    """The confidential client that the Authorization headers name; None when there is no such header.

    Raises OAuthError (401 invalid_client) for wrong credentials, Throttled for too many of them.
    """
    given = _basic(headers)
    return await _confidential(db, keys, given[0], given[1], address, basic=True) if given else None


async def authenticated(db: Db, keys: Keys, headers: Sequence[str], form: Mapping[str, str], address: str) -> Client:
    """The client that calls, a public one by its name alone. Raises OAuthError (401 invalid_client), Throttled."""
    given = _basic(headers)
    if given:
        if "client_secret" in form or form.get("client_id", given[0]) != given[0]:
            raise _refused(basic=True)
        return await _confidential(db, keys, given[0], given[1], address, basic=True)
    if "client_secret" in form:
        return await _confidential(db, keys, form.get("client_id", ""), form["client_secret"], address, basic=False)
    client = await clients.by_id(db, form.get("client_id", ""))
    if client is None or client.disabled or not client.public:
        raise _refused(basic=False)
    return client


async def _confidential(db: Db, keys: Keys, id: str, secret: str, address: str, *, basic: bool) -> Client:
    client = await clients.by_id(db, id)
    if client is None or client.disabled or not client.knows(keys, secret):
        await throttle.count(db, [Bucket(f"client {keys.mac('throttle', id, throttle.prefix(address))}", WRONG_SECRETS)], int(time.time()))
        raise _refused(basic=basic)
    return client


def _basic(headers: Sequence[str]) -> tuple[str, str] | None:
    """Id and secret, each form-encoded within the header (RFC 6749 2.3.1)."""
    if len(headers) > 1:
        raise _refused(basic=True)
    scheme, _, value = headers[0].partition(" ") if headers else ("", "", "")
    if scheme.lower() != "basic":
        return None
    try:
        id, colon, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except ValueError:  # binascii's and UTF-8's errors are kinds of it, and so is what a character outside ASCII gives
        raise _refused(basic=True) from None
    if not colon or "\0" in unquote_plus(id):
        raise _refused(basic=True)
    return unquote_plus(id), unquote_plus(secret)


def _refused(*, basic: bool) -> OAuthError:
    headers = {"WWW-Authenticate": 'Basic realm="hivematrix"'} if basic else {}
    return OAuthError("invalid_client", "The client is not known, or its secret is wrong.", 401, headers)
