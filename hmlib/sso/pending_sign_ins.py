"""Sign-ins under way: each that goes to Nexus leaves a sealed cookie in the browser it began in, and is taken back once."""

import hashlib
import time

import msgspec

from hmlib.keys import Unsealable
from hmlib.web.page_handler import PageHandler

TRANSACTION_SECONDS = 600
TRANSACTIONS_AT_MOST = 5


class Transaction(msgspec.Struct, frozen=True):
    """A sign-in that has gone to Nexus and is expected back; sealed in a cookie of the browser that began it."""

    state: str
    nonce: str
    verifier: str
    next: str
    at: float


def keep(handler: PageHandler, transaction: Transaction) -> None:
    """Remember it in the browser for ten minutes; of more than five under way the oldest are given up."""
    name = _cookie(handler, transaction.state)
    sealed = handler.keys.seal(msgspec.json.encode(transaction), table="cookie", column="transaction", row_id=name)
    pending = [other for other in handler.cookies if other.startswith(f"{handler.hm.cookie}_tx_")]
    for stale in pending[: max(0, len(pending) - TRANSACTIONS_AT_MOST + 1)]:
        handler.drop_cookie(stale)
    handler.put_cookie(name, sealed, TRANSACTION_SECONDS)


def take(handler: PageHandler, state: str) -> Transaction | None:
    """The transaction this browser began with ``state``, once; None for another browser's, an old or a made-up one."""
    name = _cookie(handler, state)
    sealed = handler.get_cookie(name)
    if not sealed:
        return None
    handler.drop_cookie(name)
    try:
        raw = handler.keys.unseal(sealed, table="cookie", column="transaction", row_id=name)
    except Unsealable:
        return None
    transaction = msgspec.json.decode(raw, type=Transaction)
    fresh = transaction.state == state and time.time() - transaction.at < TRANSACTION_SECONDS
    return transaction if fresh else None


def _cookie(handler: PageHandler, state: str) -> str:
    return f"{handler.hm.cookie}_tx_{hashlib.sha256(state.encode()).hexdigest()[:12]}"
