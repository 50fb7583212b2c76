"""What was typed into a form whose session has ended: whose it is, and the proof with which exactly that may be sent once more."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import msgspec

from hmlib.clock import shifted
from hmlib.keys import Keys, Unsealable
from hmlib.web.requests import Form, one_way
from hmlib.web.xsrf import FIELD, SEPARATOR

PROOF_SECONDS = 12 * 3600
_AGAIN = "again"


@dataclass(frozen=True)
class Author:
    """The person whose session a page of ours was made for."""

    id: str
    name: str


class SessionOver(Exception):
    """A request comes from a page of ours, whose session has ended or is no longer the browser's."""

    def __init__(self, author: Author) -> None:
        super().__init__("the session of the page is over")
        self.author = author


class _Proof(msgspec.Struct, array_like=True, frozen=True):
    id: str
    name: str
    action: str
    digest: str
    made_at: str


def stamp(keys: Keys, author: Author) -> str:
    """Who a page was made for, sealed: it rides on the XSRF token, and outlives the session."""
    return keys.seal(f"{author.id}\n{author.name}".encode(), table="form", column="author", row_id="")


def proof(keys: Keys, author: Author, action: str, form: Form, now: str, secret: Collection[str] = ()) -> str:
    """What lets these very fields be posted to this very address by this very person, once they are signed in again.

    Files and the fields named ``secret`` are not part of it: they cannot be kept, and are given anew.
    """
    said = _Proof(author.id, author.name, action, _digest(form, secret), now)
    return _AGAIN + SEPARATOR + keys.seal(msgspec.json.encode(said), table="form", column="proof", row_id="")


def proves(keys: Keys, given: str, person: str, action: str, form: Form, now: str, secret: Collection[str] = ()) -> bool:
    """Whether ``given`` is such a proof, at most twelve hours old, for the person who is signed in now."""
    said = _opened_proof(keys, given)
    if said is None or said.made_at < shifted(now, -PROOF_SECONDS):
        return False
    return (said.id, said.action, said.digest) == (person, action, _digest(form, secret))


def author_of(keys: Keys, given: str) -> Author | None:
    """Whom the page was made for that a token or a proof comes from; None for what we never made."""
    if said := _opened_proof(keys, given):
        return Author(said.id, said.name)
    try:
        id, _, name = _unsealed(keys, given, "author").partition("\n")
    except Unsealable:
        return None
    return Author(id, name)


def page_context(keys: Keys, author: Author, action: str, form: Form, now: str, secret: Collection[str]) -> dict[str, Any]:
    """What kept.html needs to show and to send again what was posted to ``action``."""
    return {
        "action": action,
        "fields": [(name, value) for name, value in form.fields.items() if name != FIELD and name not in secret],
        "lists": [(name, value) for name, values in form.lists.items() for value in values],
        "secret": [name for name in form.fields if name in secret],
        "files": [(name, file.filename) for name, file in form.files.items()],
        "proof": proof(keys, author, action, form, now, secret),
        "tried": form.fields.get(FIELD, "").startswith(_AGAIN + SEPARATOR),
    }


def said_to_swap(author: Author, name: str, token: str, sign_in_url: str) -> dict[str, dict[str, str]]:
    """The event for the script of the page: sign in first (no ``name``), send again with ``token``, or nothing where another is here."""
    if not name:
        return {"hm:signed-out": {"url": sign_in_url}}
    if token:
        return {"hm:token": {"token": token}}
    words = f"{author.name} opened this page, and you are signed in as {name} now. Load the page again."
    return {"hm:toast": {"text": words, "kind": "danger"}}


def _opened_proof(keys: Keys, given: str) -> _Proof | None:
    if not given.startswith(_AGAIN + SEPARATOR):
        return None
    try:
        return msgspec.json.decode(_unsealed(keys, given, "proof"), type=_Proof)
    except Unsealable:
        return None


def _unsealed(keys: Keys, given: str, column: str) -> str:
    return keys.unseal(given.partition(SEPARATOR)[2], table="form", column=column, row_id="").decode()


def _digest(form: Form, secret: Collection[str]) -> str:
    """The fields with their values."""
    single = {name: one_way(value) for name, value in form.fields.items() if name != FIELD and name not in secret}
    several = {name: [one_way(value) for value in values] for name, values in form.lists.items()}
    return hashlib.sha256(msgspec.json.encode([single, several], order="sorted")).hexdigest()
