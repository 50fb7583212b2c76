"""Nexus with a book of companies, contacts and assets, an administrator signed in, and a token of theirs."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from bench.stage import Stage
from hmlib.auth.permissions import PERMISSIONS
from hmlib.auth.sessions import NewSession, Sessions
from hmlib.clock import new_id, shifted, utc_now
from hmlib.config import load
from hmlib.db.database import Db, connect
from hmlib.db.migrate import migrate
from hmlib.records.audit import Actor
from hmlib.testing.imports import whole
from nexus_srv import demo
from nexus_srv.app import MIGRATIONS
from nexus_srv.directory.imports import IMPORTS
from nexus_srv.first_run import keys_of
from nexus_srv.oauth.signing_keys import Signer
from nexus_srv.queries import users
from nexus_srv.queries.users import User

PASSWORD = "four words in a row"
EACH_CONTACTS, EACH_ASSETS = 10, 20
"""How many a company has in a large book."""
WORDS = ("alder", "birch", "cedar", "dogwood", "elm", "fir", "ginkgo", "hazel", "ivy", "juniper")
BATCH = 500
STAMPED = "name_form, search, created_at, updated_at"
STAMPS = ":name, :search, :now, :now"


@dataclass(frozen=True)
class Filled:
    """What a client needs: the session cookie as a header's value, a bearer token; how many seconds the book took; the id of a company
    in its middle."""

    cookie: str
    token: str
    import_seconds: float
    company: str

    @property
    def browser(self) -> dict[str, str]:
        return {"Cookie": self.cookie}

    @property
    def program(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


async def filled(stage: Stage, companies: int = 0) -> Filled:
    """The book of 1,000 companies, 8,000 contacts and 20,000 assets, imported; or one of so many companies, written straight into the
    tables, the same at every size: 10 contacts, 20 assets and a location each."""
    settings = load("nexus", stage.environ)
    db, keys, now = await connect(settings.db_url), keys_of(settings), utc_now()
    await migrate(db, MIGRATIONS)
    began = time.perf_counter()
    await (written(db, companies) if companies else imported(db, stage.home / "book"))
    seconds = time.perf_counter() - began
    signer = Signer(db, keys, settings.origin)
    await signer.prepare()
    user = await users.create(db, User(id=new_id(), username="alice", display_name="Alice", level="admin"), now)
    await users.set_password(db, user.id, PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash(PASSWORD), now)
    new_session = NewSession(user.id, "Alice", "admin", new_id(), int(time.time()), ("pwd",), "", "", shifted(now, 3600))
    cookie, _ = await Sessions(db, keys).open(new_session, now)
    claims = {
        "sub": user.id, "aud": "nexus", "client_id": "bench", "iat": int(time.time()), "exp": int(time.time()) + 590, "jti": new_id(),
        "permission_level": "admin", "scope": " ".join(PERMISSIONS["admin"]), "auth_time": int(time.time()), "amr": ["pwd"],
    }  # fmt: skip
    token = await signer.sign("at+jwt", claims)
    middle = "SELECT id FROM company ORDER BY name_form, id LIMIT 1 OFFSET (SELECT count(*) / 2 FROM company)"
    company = await db.value(middle)
    await db.close()
    return Filled(f"{settings.cookie}={cookie}", token, seconds, company)


async def imported(db: Db, folder: Path) -> None:
    """Import the whole book."""
    demo.write_book(folder)
    for kind in ("companies", "contacts", "assets"):
        raw = (folder / f"{kind}.csv").read_bytes()
        outcome = await whole(db, IMPORTS, None, kind, raw, f"{kind}.csv", actor=Actor(id="bench", name="bench"))
        assert outcome.applied and not outcome.errors, outcome.errors[:3]


async def written(db: Db, companies: int) -> None:
    """A book of so many companies, without its history."""
    now, ids = utc_now(), [new_id() for _ in range(companies)]
    for start in range(0, companies, BATCH):
        some = list(enumerate(ids))[start : start + BATCH]
        async with db.write() as tx:
            for sql, rows in _rows(some):
                await tx.many(sql, [{**row, "now": now} for row in rows])
    await db.run("ANALYZE")


def _rows(some: list[tuple[int, str]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The statements that write some companies with all they have, and their rows."""
    yield (
        f"INSERT INTO company (id, account_number, name, city, main_phone, {STAMPED})"
        f" VALUES (:id, :number, :name, :city, '555-0100', {STAMPS})",
        [{"id": id, **_named(n, 0, "company"), "number": str(demo.FIRST_ACCOUNT + n), "city": WORDS[n % 7].title()} for n, id in some],
    )
    places = _of(some, 1, "office")
    yield f"INSERT INTO location (id, company_id, name, {STAMPED}) VALUES (:id, :company, :name, {STAMPS})", places
    people = _of(some, EACH_CONTACTS, "person")
    yield (
        f"INSERT INTO contact (id, name, first_name, email, phone, {STAMPED})"
        f" VALUES (:id, :name, :name, :id || '@x.example', '555', {STAMPS})",
        people,
    )
    yield (
        "INSERT INTO contact_company (contact_id, company_id) VALUES (:id, :company)",
        [{"id": one["id"], "company": one["company"]} for one in people],
    )
    devices = [{**one, "type": ("workstation", "server")[n % 5 == 4]} for n, one in enumerate(_of(some, EACH_ASSETS, "pc"))]
    yield (
        "INSERT INTO asset (id, company_id, name, type, serial, operating_system, active_on, backup_bytes, "
        f"{STAMPED}) VALUES (:id, :company, :name, :type, :id, 'Windows 11', '2025-01-01', 1000000, {STAMPS})",
        devices,
    )


def _of(some: list[tuple[int, str]], many: int, word: str) -> list[dict[str, Any]]:
    return [{"id": new_id(), "company": id, **_named(n, place, word)} for n, id in some for place in range(many)]


def _named(n: int, place: int, word: str) -> dict[str, str]:
    """A name out of ten words and a number, the same for each n; found by its words, and by `windows` where it is a device."""
    name = f"{WORDS[n % 10]} {word} {n}-{place}"
    return {"name": name, "search": f"{name} windows 11" if word == "pc" else name}
