"""What may be changed about the people who sign in, by whom, and what follows from it."""

from dataclasses import replace
from typing import Any
from zoneinfo import available_timezones

from hmlib import text
from hmlib.auth.permissions import LEVELS, PERMISSIONS, Caller, CompanyScope
from hmlib.auth.sessions import Sessions
from hmlib.clock import new_id
from hmlib.db.database import Db, Transaction
from hmlib.db.engine import Conflict
from hmlib.errors import Invalid, NotAllowed, Stale, Taken
from hmlib.records import audit
from hmlib.records.audit import Actor
from nexus_srv.identity import session_ends, usernames
from nexus_srv.queries import companies, invites, users
from nexus_srv.queries.companies import Company
from nexus_srv.queries.users import User

STATUSES = ("active", "locked", "disabled")
SCOPE_RULES = ("all", "only", "except")
LANGUAGES = ("en", "de")
LONGEST_NAME = 100
AUDITED = (
    *("username", "display_name", "email", "phone", "language", "time_zone", "level", "status"),
    *("scope_rule", "company_ids", "contact_id", "source", "external_id"),
)


class LastAdmin(NotAllowed):
    """Nobody could administer the suite any more."""

    def __init__(self) -> None:
        super().__init__("last_admin", "This is the last administrator. Make somebody else one first.", 409)


def time_zones() -> list[str]:
    return sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC")


async def companies_of(db: Db, user: User) -> list[Company]:
    """The companies that the person's scope names."""
    return await companies.some(db, CompanyScope(), user.company_ids)


async def names_of(db: Db, user: User) -> list[str]:
    """The names a password of theirs must not hold."""
    of_companies = [company.name for company in await companies_of(db, user)]
    return [user.username, user.display_name, user.email.partition("@")[0], *of_companies]


def permissions_of(user: User) -> list[str]:
    return sorted(PERMISSIONS[user.level])


async def record_export(db: Db, actor: Actor, count: int, now: str) -> None:
    async with db.write() as tx:
        await audit.record(tx, actor, "users.exported", "users", now=now, after={"rows": count})


async def add(tx: Transaction, caller: Caller | None, wanted: User, actor: Actor, now: str) -> User:
    """A new account without a password. Raises Invalid, Taken, NotAllowed."""
    wanted = replace(checked(wanted), id=new_id())
    _check_grant(caller, None, wanted)
    await _check_companies(tx, wanted)
    try:
        user = await users.create(tx, wanted, now)
    except Conflict as taken:
        raise Taken(_taken(taken)) from taken
    await audit.record(tx, actor, "user.created", f"user/{user.id}", now=now, after=_facts(user))
    return user


async def change(tx: Transaction, sessions: Sessions, caller: Caller, before: User, wanted: User, actor: Actor, now: str) -> User:
    """The account as it stands after the change. Raises Invalid, Taken, NotAllowed, LastAdmin, Stale."""
    wanted = checked(wanted)
    if _facts(before) == _facts(wanted):
        return before
    if wanted.company_ids != before.company_ids:
        await _check_companies(tx, wanted)
    try:
        user = await users.save(tx, wanted, now)
    except Conflict as taken:
        raise Taken(_taken(taken)) from taken
    if user is None:
        raise Stale
    if not await users.count_admins(tx):
        raise LastAdmin
    _check_own(caller, before, user)
    _check_grant(caller, before, user)
    await _record(tx, actor, before, user, now)
    await _follow_up(tx, sessions, before, user, now)
    return user


def checked(wanted: User) -> User:
    """`wanted` in its stored form. Raises Invalid with every field that is wrong."""
    errors: dict[str, str] = {}
    values: dict[str, Any] = {}
    for field, check in (("username", usernames.checked), ("email", usernames.checked_email), ("display_name", _checked_name)):
        try:
            values[field] = check(getattr(wanted, field))
        except usernames.Refused as refused:
            errors[field] = str(refused)
    errors.update(_wrong_choices(wanted))
    if len(wanted.phone) > 50 or not wanted.phone.isprintable():
        errors["phone"] = "Enter a telephone number of at most 50 characters."
    if wanted.level == "client" and (wanted.scope_rule != "only" or not wanted.company_ids):
        errors["company_ids"] = "A client sees only their own company: choose it."
    if wanted.level == "admin" and wanted.scope_rule != "all":
        errors["scope_rule"] = "An administrator sees every company."
    if errors:
        raise Invalid(errors)
    company_ids = () if wanted.scope_rule == "all" else tuple(sorted(set(wanted.company_ids)))
    return replace(wanted, **values, company_ids=company_ids)


def _wrong_choices(wanted: User) -> dict[str, str]:
    checks = {
        "level": wanted.level in LEVELS,
        "status": wanted.status in STATUSES,
        "scope_rule": wanted.scope_rule in SCOPE_RULES,
        "language": wanted.language in LANGUAGES,
        "time_zone": wanted.time_zone in available_timezones(),
    }
    return {field: "Choose one of the list." for field, good in checks.items() if not good}


def _checked_name(name: str) -> str:
    try:
        name = " ".join(text.one_line(name).split())
    except text.Unseen as unseen:
        raise usernames.Refused(str(unseen)) from None
    if not name:
        raise usernames.Refused("Enter a name.")
    if len(name) > LONGEST_NAME:
        raise usernames.Refused(f"Use at most {LONGEST_NAME} characters.")
    return name


async def _check_companies(tx: Db, wanted: User) -> None:
    if len(await companies.some(tx, CompanyScope(), wanted.company_ids)) < len(wanted.company_ids):
        raise Invalid({"company_ids": "There is no such company."})


def _check_grant(caller: Caller | None, before: User | None, after: User) -> None:
    """A program neither makes nor changes an administrator, whatever its token allows: that is for a person who is one."""
    concerns_admin = "admin" in (after.level, before.level if before else "")
    if caller is not None and concerns_admin and caller.level != "admin":
        raise NotAllowed("not_allowed", "Only an administrator can make or change one.")


def _check_own(caller: Caller, before: User, after: User) -> None:
    if caller.id == before.id and after.status != "active":
        raise NotAllowed("own_account", "You cannot lock or disable yourself.")


async def _record(tx: Db, actor: Actor, before: User, after: User, now: str) -> None:
    old, new = _facts(before), _facts(after)
    changed = [field for field in AUDITED if old[field] != new[field]]
    action = (
        {"active": "user.enabled", "locked": "user.locked", "disabled": "user.disabled"}[after.status]
        if "status" in changed
        else "user.changed"
    )
    parts = {field: old[field] for field in changed}, {field: new[field] for field in changed}
    await audit.record(tx, actor, action, f"user/{after.id}", now=now, before=parts[0], after=parts[1])


async def _follow_up(tx: Db, sessions: Sessions, before: User, after: User, now: str) -> None:
    if after.email != before.email or not after.active:
        await invites.void(tx, after.id, now)
    if not after.active or after.level != before.level:
        await session_ends.end_user(tx, sessions, after.id, now)
    elif after.scope != before.scope:
        await session_ends.scope_changed(tx, after.id, now)


def _facts(user: User) -> dict[str, object]:
    return {field: getattr(user, field) for field in AUDITED}


def _taken(conflict: Conflict) -> dict[str, str]:
    if "username" in conflict.constraint:
        return {"username": "This username is taken."}
    if "email" in conflict.constraint:
        return {"email": "This e-mail address belongs to another account."}
    return {"external_id": "This external id belongs to another account."}
