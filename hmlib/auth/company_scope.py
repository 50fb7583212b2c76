"""Which companies a person may see, as a row of the service's database keeps it."""

from dataclasses import dataclass

import msgspec

from hmlib.auth.permissions import CompanyScope

FORGET = """
    INSERT INTO user_scope (user_id, forgotten) VALUES (:user_id, 1)
    ON CONFLICT (user_id) DO UPDATE SET scope = '', at = '', forgotten = user_scope.forgotten + 1
    """


@dataclass(frozen=True)
class KnownScope:
    """A row of ``user_scope``: ``scope`` is None when nothing is known (any more), ``at`` the UTC time it was asked for."""

    scope: CompanyScope | None = None
    at: str = ""
    forgotten: int = 0


def written(scope: CompanyScope) -> str:
    return msgspec.json.encode({"rule": scope.rule, "ids": sorted(scope.ids)}).decode()


def read(text: str | None) -> CompanyScope | None:
    if not text:
        return None
    value = msgspec.json.decode(text)
    return CompanyScope(value["rule"], frozenset(value["ids"]))
