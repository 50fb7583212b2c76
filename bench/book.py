"""Nexus with a book of 1,000 companies, 8,000 contacts and 20,000 assets, an administrator signed in, and a token of theirs."""

import time
from dataclasses import dataclass
from pathlib import Path

from bench.stage import Stage
from hmlib.auth.permissions import PERMISSIONS
from hmlib.auth.sessions import NewSession, Sessions
from hmlib.clock import new_id, shifted, utc_now
from hmlib.config import load
from hmlib.db.database import Db, connect
from hmlib.db.migrate import migrate
from hmlib.records.audit import Actor
from nexus_srv import demo
from nexus_srv.app import MIGRATIONS
from nexus_srv.directory import imports
from nexus_srv.first_run import keys_of
from nexus_srv.oauth.signing_keys import Signer
from nexus_srv.queries import users
from nexus_srv.queries.users import User


@dataclass(frozen=True)
class Filled:
    """What a client needs: the session cookie as a header's value, a bearer token; and how many seconds the import took."""

    cookie: str
    token: str
    import_seconds: float

    @property
    def browser(self) -> dict[str, str]:
        return {"Cookie": self.cookie}

    @property
    def program(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


async def filled(stage: Stage) -> Filled:
    settings = load("nexus", stage.environ)
    db, keys, now = await connect(settings.db_url), keys_of(settings), utc_now()
    await migrate(db, MIGRATIONS)
    seconds = await imported(db, stage.home / "book")
    signer = Signer(db, keys, settings.origin)
    await signer.prepare()
    user = await users.create(db, User(id=new_id(), username="alice", display_name="Alice", level="admin"), now)
    new_session = NewSession(user.id, "Alice", "admin", new_id(), int(time.time()), ("pwd",), "", "", shifted(now, 3600))
    cookie, _ = await Sessions(db, keys).open(new_session, now)
    claims = {
        "sub": user.id, "aud": "nexus", "client_id": "bench", "iat": int(time.time()), "exp": int(time.time()) + 300, "jti": new_id(),
        "permission_level": "admin", "scope": " ".join(PERMISSIONS["admin"]), "auth_time": int(time.time()), "amr": ["pwd"],
    }  # fmt: skip
    token = await signer.sign("at+jwt", claims)
    await db.close()
    return Filled(f"{settings.cookie}={cookie}", token, seconds)


async def imported(db: Db, folder: Path) -> float:
    """Import the whole book; seconds."""
    demo.write_book(folder)
    began = time.perf_counter()
    for kind in ("companies", "contacts", "assets"):
        raw = (folder / f"{kind}.csv").read_bytes()
        outcome = await imports.run(kind, db, None, raw, kind, actor=Actor(id="bench", name="bench"), now=utc_now())
        assert outcome.applied and not outcome.errors
    return time.perf_counter() - began
