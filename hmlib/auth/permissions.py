"""Who is calling and what they may do: levels, permissions, company scope, and the mark above each handler method."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, TypeVar

from hmlib.records.audit import Actor

LEVELS = ("admin", "technician", "billing", "client")

ALL_PERMISSIONS = frozenset(
    {
        "users:admin",
        "users:read",
        "directory:read",
        "directory:write",
        "wiki:read",
        "wiki:write",
        "wiki:review",
        "wiki:admin",
        "billing:read",
        "billing:write",
        "billing:finalise",
        "labour:read",
        "labour:write",
        "audit:read",
        "clients:admin",
        "settings:admin",
        "scopes:read",
    }
)
PERSONAL_PERMISSIONS = ALL_PERMISSIONS - {"scopes:read"}  # which companies others may see is for services to ask
_STAFF = frozenset({"users:read", "directory:read", "directory:write", "wiki:read", "labour:read", "labour:write"})

PERMISSIONS: Mapping[str, frozenset[str]] = {
    "admin": PERSONAL_PERMISSIONS,
    "technician": _STAFF | {"wiki:write", "wiki:review"},
    "billing": _STAFF | {"billing:read", "billing:write", "billing:finalise"},
    "client": frozenset({"directory:read", "wiki:read", "billing:read"}),
}


@dataclass(frozen=True)
class CompanyScope:
    """Which companies a caller may see: all of them, only those named, or all except those named."""

    rule: Literal["all", "only", "except"] = "all"
    ids: frozenset[str] = frozenset()

    def sees(self, company_id: str) -> bool:
        return self.rule == "all" or (company_id in self.ids) == (self.rule == "only")

    def clause(self, column: str) -> str:
        """A condition for a WHERE: ``column`` is a name from our own SQL, never input. Bind it with params()."""
        return {"all": "TRUE", "only": f"{column} IN :scope_ids", "except": f"{column} NOT IN :scope_ids"}[self.rule]

    def params(self) -> dict[str, Any]:
        return {} if self.rule == "all" else {"scope_ids": sorted(self.ids)}


NOBODY_SCOPE = CompanyScope("only", frozenset())


@dataclass(frozen=True)
class Caller:
    """The person or service behind a request.

    ``auth_time`` is in whole seconds since 1970 UTC. ``token`` is the bearer token to call other services with,
    empty where there is none, ``granted`` the scope words in it; ``read_only`` is true while Nexus is away and the token has run out.
    """

    id: str
    name: str
    level: str | None
    permissions: frozenset[str]
    scope: CompanyScope = NOBODY_SCOPE
    sid: str | None = None
    client_id: str | None = None
    kind: Literal["user", "service"] = "user"
    auth_time: int | None = None
    amr: tuple[str, ...] = ()
    read_only: bool = False
    on_behalf_of: str = ""
    token: str = field(default="", repr=False)
    granted: frozenset[str] = frozenset()

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    def reading_on(self) -> "Caller":
        """The same caller once the token has run out while Nexus is away: reading is left."""
        readable = frozenset(word for word in self.permissions if word.endswith(":read"))
        return replace(self, permissions=readable, read_only=True)

    def actor(self, address: str, request_id: str) -> Actor:
        return Actor(id=self.id, name=self.name, address=address, on_behalf_of=self.on_behalf_of, request_id=request_id)


def effective_permissions(level: str | None, scope: frozenset[str]) -> frozenset[str]:
    """What a token allows: a person never more than their level, a service exactly its scope."""
    if level is None:
        return scope & ALL_PERMISSIONS
    return PERMISSIONS.get(level, frozenset()) & scope


class Guarded(Protocol):
    """What names its own permissions: a resource. ``staff`` keeps clients out."""

    @property
    def read(self) -> str: ...

    @property
    def write(self) -> str: ...

    @property
    def staff(self) -> bool: ...


@dataclass(frozen=True)
class Mark:
    """Who may call a method: ``everyone``, or those signed in, or those signed in who hold ``permission``.

    ``of`` says that the permission is the one that the handler's resource names for reading or writing. ``staff`` refuses clients, though
    they hold the permission for what is theirs; an ``export`` is not made while Nexus is away and the caller's token has run out.
    """

    everyone: bool = False
    permission: str | None = None
    of: Literal["", "read", "write"] = ""
    staff: bool = False
    export: bool = False

    def admits(self, caller: Caller | None) -> bool:
        if self.everyone:
            return True
        if self.of and self.permission is None:
            return False
        if caller is None or (self.staff and caller.level == "client") or (self.export and caller.read_only):
            return False
        return self.permission is None or caller.may(self.permission)


Method = TypeVar("Method", bound=Callable[..., Any])


def _marked(mark: Mark) -> Callable[[Method], Method]:
    def stamp(method: Method) -> Method:
        method.__dict__["mark"] = mark
        return method

    return stamp


def anyone(method: Method) -> Method:
    """The method may be called signed out."""
    return _marked(Mark(everyone=True))(method)


def signed_in(method: Method) -> Method:
    """The method may be called by anyone who is signed in."""
    return _marked(Mark())(method)


def allowed(permission: str, *, staff: bool = False, export: bool = False) -> Callable[[Method], Method]:
    """The method may be called by those who hold ``permission``, but for what Mark says of ``staff`` and ``export``.

    Raises ValueError for an unknown word.
    """
    if permission not in ALL_PERMISSIONS:
        raise ValueError(f"unknown permission {permission}")
    return _marked(Mark(permission=permission, staff=staff, export=export))


def allowed_of(what: Literal["read", "write"], *, export: bool = False) -> Callable[[Method], Method]:
    """The method may be called by those who hold the permission that the handler's resource names for reading or writing."""
    return _marked(Mark(of=what, export=export))


def mark_of(method: Any, of: Guarded | None = None) -> Mark | None:
    """The mark above a method, with the permission that ``of`` names where it is a resource's; None: a method without one is refused."""
    mark: Mark | None = getattr(method, "mark", None)
    if mark is None or not mark.of or of is None:
        return mark
    return replace(mark, permission=of.read if mark.of == "read" else of.write, staff=of.staff)
