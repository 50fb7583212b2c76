"""A user as the API takes and answers one."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hmlib.api import conventions
from nexus_srv.queries.users import User

Level = Literal["admin", "technician", "billing", "client"]
Status = Literal["active", "locked", "disabled"]
Line = Annotated[str, Meta(max_length=254)]
Id = Annotated[str, Meta(max_length=36)]


class Scope(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which companies a person sees: all of them, only those named, or all except those named (at most 5,000)."""

    rule: Literal["all", "only", "except"] = "all"
    company_ids: Annotated[list[Id], Meta(max_length=5000)] = []


class UserAnswer(msgspec.Struct, frozen=True):
    """A person who signs in. Times are UTC text, `last_signed_in_at` is empty for never; `version` is a part of the ETag."""

    id: str
    username: str
    display_name: str
    email: str
    phone: str
    language: str
    time_zone: str
    permission_level: str
    status: str
    scope: Scope
    contact_id: str | None
    second_factors: list[str]
    last_signed_in_at: str
    source: str
    external_id: str | None
    created_at: str
    updated_at: str
    version: int


class NewUser(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A person to be added. They get no password: an administrator issues a one-time link."""

    username: Line
    display_name: Line
    permission_level: Level
    email: Line = ""
    phone: Line = ""
    language: Line = "en"
    time_zone: Line = "UTC"
    scope: Scope = Scope()
    contact_id: Id | None = None
    source: Line = ""
    external_id: Line | None = None


class UserChange(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What is to be different; fields left out stay as they are."""

    username: Line | UnsetType = UNSET
    display_name: Line | UnsetType = UNSET
    permission_level: Level | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    email: Line | UnsetType = UNSET
    phone: Line | UnsetType = UNSET
    language: Line | UnsetType = UNSET
    time_zone: Line | UnsetType = UNSET
    scope: Scope | UnsetType = UNSET
    contact_id: Id | UnsetType | None = UNSET
    source: Line | UnsetType = UNSET
    external_id: Line | UnsetType | None = UNSET


class OwnChange(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a person may change about themselves here; fields left out stay as they are."""

    display_name: Line | UnsetType = UNSET
    phone: Line | UnsetType = UNSET
    language: Line | UnsetType = UNSET
    time_zone: Line | UnsetType = UNSET


def stored(asked: msgspec.Struct) -> dict[str, Any]:
    """The given fields under the names that the row has."""
    given = conventions.given(asked)
    values = {name: value for name, value in given.items() if name not in ("permission_level", "scope")}
    if "permission_level" in given:
        values["level"] = given["permission_level"]
    if "scope" in given:
        values |= {"scope_rule": given["scope"].rule, "company_ids": tuple(given["scope"].company_ids)}
    return values


def answered(user: User) -> UserAnswer:
    same = {name: getattr(user, name) for name in UserAnswer.__struct_fields__ if hasattr(user, name)}
    own = {
        "permission_level": user.level,
        "scope": Scope(user.scope_rule, list(user.company_ids)),  # type: ignore[arg-type]
        "second_factors": list(user.second_factors),
    }
    return UserAnswer(**{**same, **own})
