"""The people who sign in: their rows in `account`, and which of them a caller may see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from hmlib.auth.permissions import Caller, CompanyScope
from hmlib.db.change_numbers import EVERYTHING, Since
from hmlib.db.database import Db
from hmlib.db.list_query import ListDefinition, ListQuery, Page, folded
from nexus_srv.identity.usernames import canonical
from nexus_srv.queries.directory import narrowed, paged

LISTING = ListDefinition(
    sorts={
        "username": "account.username_form",
        "name": "account.search",
        "level": "account.level",
        "status": "account.status",
        "last_signed_in_at": "account.last_signed_in_at",
        "created_at": "account.created_at",
        "updated_at": "account.updated_at",
    },
    default="username",
    id_column="account.id",
    filters=("level", "status"),
)

_PROFILE = ("id", "username", "email", "display_name", "phone", "language", "time_zone")
_FILTERS = {name: f"account.{name} = :{name}" for name in LISTING.filters}
_COLUMNS = """
    account.id, account.username, account.username_form, account.email, account.display_name, account.phone, account.language,
    account.time_zone, account.level, account.status, account.scope_rule, account.contact_id, account.source, account.external_id,
    account.last_signed_in_at, account.password_changed_at, account.created_at, account.updated_at, account.version, account.search,
    COALESCE((SELECT string_agg(company_id, ' ') FROM account_company WHERE account_id = account.id), '') AS company_ids,
    COALESCE((SELECT string_agg(kind, ' ') FROM factor WHERE account_id = account.id AND confirmed_at IS NOT NULL), '') AS factors
"""


@dataclass(frozen=True)
class User:
    """A person who signs in. `level` is one of permissions.LEVELS; `status` is active, locked (by an administrator) or disabled."""

    id: str
    username: str
    display_name: str
    level: str
    email: str = ""
    phone: str = ""
    language: str = "en"
    time_zone: str = "UTC"
    status: str = "active"
    scope_rule: str = "all"
    company_ids: tuple[str, ...] = ()
    contact_id: str | None = None
    source: str = ""
    external_id: str | None = None
    factors: tuple[str, ...] = ()
    last_signed_in_at: str = ""
    password_changed_at: str = ""
    created_at: str = ""
    updated_at: str = ""
    version: int = 0

    @property
    def active(self) -> bool:
        return self.status == "active"

    @property
    def second_factors(self) -> tuple[str, ...]:
        """The confirmed kinds that are asked for after the password; recovery codes only stand in for one of them."""
        return tuple(kind for kind in self.factors if kind != "recovery")

    @property
    def scope(self) -> CompanyScope:
        return CompanyScope(self.scope_rule, frozenset(self.company_ids))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Credentials:
    """What a sign-in is judged by."""

    user: User
    password_hash: str | None


async def by_id(db: Db, id: str) -> User | None:
    row = await db.peek(f"SELECT {_COLUMNS} FROM account WHERE id = :id", id=id)
    return _user(row) if row else None


async def visible_to(db: Db, caller: Caller, id: str) -> User | None:
    row = await db.one(f"SELECT {_COLUMNS} FROM account WHERE id = :id AND {_seen_by(caller)}", id=id, **caller.scope.params())
    return _user(row) if row else None


async def some_visible_to(db: Db, caller: Caller, ids: Sequence[str]) -> list[User]:
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM account WHERE id IN :ids AND {_seen_by(caller)} ORDER BY username_form",
        ids=list(ids),
        **caller.scope.params(),
    )
    return [_user(row) for row in rows]


async def page_of(db: Db, caller: Caller, list_query: ListQuery, *, since: Since = EVERYTHING) -> Page[User]:
    wanted, params = narrowed("account", _seen_by(caller), caller.scope, list_query, _FILTERS, since, "user")
    after, order, place = list_query.sql()
    async with db.read() as snapshot:
        rows = await snapshot.all(f"SELECT {_COLUMNS} FROM account WHERE {wanted} {after} {order}", **params, **place)
        total = await snapshot.value(f"SELECT count(*) FROM account WHERE {wanted}", **params)
    return paged(list_query, rows, total, _user, "account")


async def credentials(db: Db, username: str) -> Credentials | None:
    row = await db.one(f"SELECT {_COLUMNS}, account.password_hash FROM account WHERE username_form = :form", form=canonical(username))
    return Credentials(_user(row), row["password_hash"]) if row else None


async def password_hash(db: Db, id: str) -> str | None:
    found: str | None = await db.value("SELECT password_hash FROM account WHERE id = :id", id=id)
    return found


async def count_admins(tx: Db) -> int:
    return int(await tx.value("SELECT count(*) FROM account WHERE level = 'admin' AND status = 'active'"))


async def scopes_of(db: Db, ids: Sequence[str]) -> dict[str, CompanyScope]:
    """The company scopes of active users; nobody else is in the answer."""
    rows = await db.all(f"SELECT {_COLUMNS} FROM account WHERE id IN :ids AND status = 'active'", ids=list(ids))
    return {user.id: user.scope for user in map(_user, rows)}


async def company_id(db: Db, account_number: str) -> str | None:
    """The company a scope is to name."""
    found: str | None = await db.value("SELECT id FROM company WHERE account_number = :number", number=account_number)
    return found


async def create(tx: Db, user: User, now: str) -> User:
    """Raises Conflict when the user name, the e-mail address or the external id is taken."""
    await tx.run(
        """
        INSERT INTO account (id, username, username_form, email, email_form, display_name, phone, language, time_zone, level, status,
            scope_rule, contact_id, search, source, external_id, created_at, updated_at, version)
        VALUES (:id, :username, :username_form, :email, :email_form, :display_name, :phone, :language, :time_zone, :level, :status,
            :scope_rule, :contact_id, :search, :source, :external_id, :now, :now, 1)
        """,
        **_values(user),
        now=now,
    )
    await _set_companies(tx, user)
    return await _reloaded(tx, user.id)


async def save(tx: Db, user: User, now: str) -> User | None:
    """The row as it now stands; None when it has changed since `user.version`. Raises Conflict as create does."""
    touched = await tx.run(
        """
        UPDATE account SET username = :username, username_form = :username_form, email = :email, email_form = :email_form,
            display_name = :display_name, phone = :phone, language = :language, time_zone = :time_zone, level = :level, status = :status,
            scope_rule = :scope_rule, contact_id = :contact_id, search = :search, source = :source, external_id = :external_id,
            updated_at = :now, version = version + 1
        WHERE id = :id AND version = :version
        """,
        **_values(user),
        version=user.version,
        now=now,
    )
    if not touched:
        return None
    await _set_companies(tx, user)
    return await _reloaded(tx, user.id)


async def set_password(tx: Db, id: str, password_hash: str, now: str) -> None:
    await tx.run("UPDATE account SET password_hash = :hash, password_changed_at = :now WHERE id = :id", id=id, hash=password_hash, now=now)


async def replace_hash(tx: Db, id: str, old: str, new: str) -> None:
    """The same password under newer parameters, unless it was changed meanwhile."""
    await tx.run("UPDATE account SET password_hash = :new WHERE id = :id AND password_hash = :old", id=id, old=old, new=new)


async def note_sign_in(tx: Db, user: User, now: str) -> bool:
    """False when the account has been disabled or got another password since it was read."""
    return bool(
        await tx.run(
            """
            UPDATE account SET last_signed_in_at = :now
            WHERE id = :id AND status = 'active' AND password_changed_at = :password_changed_at
            """,
            id=user.id,
            password_changed_at=user.password_changed_at,
            now=now,
        )
    )


def _seen_by(caller: Caller) -> str:
    """Colleagues see each other; a client's people are seen with one of their companies."""
    if caller.scope.rule == "all":
        return "TRUE"
    seen = caller.scope.clause("company_id")
    return f"(level <> 'client' OR EXISTS (SELECT 1 FROM account_company WHERE account_id = account.id AND {seen}))"


async def _set_companies(tx: Db, user: User) -> None:
    await tx.run("DELETE FROM account_company WHERE account_id = :id", id=user.id)
    if user.company_ids:
        await tx.many(
            "INSERT INTO account_company (account_id, company_id) VALUES (:account_id, :company_id)",
            [{"account_id": user.id, "company_id": company_id} for company_id in sorted(set(user.company_ids))],
        )


async def _reloaded(tx: Db, id: str) -> User:
    user = await by_id(tx, id)
    assert user is not None
    return user


def _values(user: User) -> dict[str, Any]:
    names = (*_PROFILE, "level", "status", "scope_rule", "contact_id", "source", "external_id")
    forms = {"username_form": canonical(user.username), "email_form": canonical(user.email) or None}
    return {
        **{name: getattr(user, name) for name in names},
        **forms,
        "search": folded(f"{user.display_name} {user.username} {user.email}"),
    }


def _user(row: Mapping[str, Any]) -> User:
    values = {field.name: row[field.name] for field in fields(User)}
    return User(
        **{**values, "company_ids": tuple(sorted(row["company_ids"].split())), "factors": tuple(sorted(set(row["factors"].split())))}
    )
