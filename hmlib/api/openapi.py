"""The API's description, made from the routes, their marks and the Structs they take and answer."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from typing import Any, TypeVar

import msgspec
from tornado.routing import URLSpec
from tornado.web import url

from hmlib.auth.permissions import anyone, mark_of
from hmlib.web.api_handler import ApiHandler
from hmlib.web.page_handler import PageHandler

Method = TypeVar("Method", bound=Callable[..., Any])
VERBS = ("get", "post", "put", "patch", "delete")
HEADERS = {
    "get": ("If-None-Match", "The ETag of an answer you hold: 304 when it still stands."),
    "post": ("Idempotency-Key", "A key of your own, for a day: the same request again gets the first answer; another one 422."),
    "put": ("If-Match", "The ETags you read, or * for any; 428 says where it is needed, 412 that the thing has changed."),
    "patch": ("If-Match", "The ETags you read, or * for any; 428 without it, 412 when the thing has changed."),
    "delete": ("If-Match", "The ETags you read, or * for any; 428 says where it is needed, 412 that the thing has changed."),
}
PROBLEM = {
    "description": "A problem (RFC 9457)",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


@dataclass(frozen=True)
class Parameter:
    """A parameter of an address: what it means, and its type: string, integer, boolean, date or date-time."""

    said: str
    type: str = "string"

    @property
    def schema(self) -> dict[str, str]:
        """As JSON Schema has it."""
        return {"type": "string", "format": self.type} if self.type.startswith("date") else {"type": self.type}


@dataclass(frozen=True)
class Contract:
    """What one method takes and answers; ``query`` names its parameters, each with a sentence; ``media`` are a raw body's media types."""

    takes: Any = None
    answers: Any = None
    query: Mapping[str, str | Parameter] = field(default_factory=dict)
    status: int = 200
    media: tuple[str, ...] = ()


def documented(
    takes: Any = None, answers: Any = None, query: Mapping[str, str] | None = None, status: int = 200, media: tuple[str, ...] = ()
) -> Callable[[Method], Method]:
    """Declare a method's Structs, query parameters and, for a body that is not JSON, its media types for the API's description."""

    def stamp(method: Method) -> Method:
        method.__dict__["contract"] = Contract(takes, answers, query or {}, status, media)
        return method

    return stamp


def speaks_of(contract: Callable[[Any], Contract]) -> Callable[[Method], Method]:
    """Declare what a method takes and answers of whatever resource its handler is about."""

    def stamp(method: Method) -> Method:
        method.__dict__["contract_of"] = contract
        return method

    return stamp


@dataclass(frozen=True)
class Operation:
    """One method at one address."""

    path: str
    verb: str
    summary: str
    permission: str
    contract: Contract
    names: tuple[str, ...]


def operations(routes: Iterable[URLSpec]) -> list[Operation]:
    """Every API method of a route table, in its order."""
    found: list[Operation] = []
    for route in routes:
        if not issubclass(route.target, ApiHandler) or not route.regex.pattern.startswith(("/api/", "/oauth/")):
            continue
        path, names = _path(route)
        for verb in VERBS:
            method = getattr(route.target, verb, None)
            if method is not None and mark_of(method) is not None:
                of = (route.kwargs or {}).get("of")
                found.append(Operation(path, verb, _summary(method), _permission(method, of), _contract(method, of), names))
    return found


def _contract(method: Any, of: Any) -> Contract:
    if of is not None and "contract_of" in method.__dict__:
        found: Contract = method.__dict__["contract_of"](of)
        return found
    return method.__dict__.get("contract", Contract())  # type: ignore[no-any-return]


def document(title: str, release: str, origin: str, found: list[Operation]) -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    kinds = [kind for operation in found for kind in (operation.contract.takes, operation.contract.answers) if kind is not None]
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    by_kind = {id(kind): schema for kind, schema in zip(kinds, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for operation in found:
        paths.setdefault(operation.path, {})[operation.verb] = _described(operation, by_kind)
    return {
        "openapi": "3.1.0",
        "info": {"title": f"HiveMatrix {title}", "version": release},
        "servers": [{"url": origin}],
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": _PROBLEM_SCHEMA},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT (RFC 9068)"}},
        },
    }


def _described(operation: Operation, by_kind: Mapping[int, Any]) -> dict[str, Any]:
    contract = operation.contract
    words = re.sub(r"[^a-z0-9]+", "_", operation.path.lower()).strip("_")
    described: dict[str, Any] = {
        "operationId": f"{operation.verb}_{words}",
        "summary": operation.summary,
        "security": [{"bearer": []}] if operation.permission != "anyone" else [],
        "parameters": _parameters(operation),
        "responses": {str(contract.status): {"description": "Done"}, "default": PROBLEM},
    }
    if contract.answers is not None:
        described["responses"][str(contract.status)]["content"] = {"application/json": {"schema": by_kind[id(contract.answers)]}}
    content: dict[str, Any] = {media: {} for media in contract.media}
    if contract.takes is not None:
        content |= {"application/json": {"schema": by_kind[id(contract.takes)]}}
    if content:
        described["requestBody"] = {"required": True, "content": content}
    if operation.permission not in ("anyone", "signed in"):
        described["description"] = f"Needs the permission {operation.permission}."
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    text = {"schema": {"type": "string"}}
    named = [{"name": name, "in": "path", "required": True, **text} for name in operation.names]
    query = {name: said if isinstance(said, Parameter) else Parameter(said) for name, said in operation.contract.query.items()}
    asked = [{"name": name, "in": "query", "description": one.said, "schema": one.schema} for name, one in query.items()]
    header, said = HEADERS.get("post" if operation.path.endswith(":bulk") else operation.verb, ("", ""))
    if not header or not operation.path.startswith("/api/"):
        return [*named, *asked]
    return [*named, *asked, {"name": header, "in": "header", "description": said, **text}]


def _path(route: URLSpec) -> tuple[str, tuple[str, ...]]:
    """A route's pattern as a template; its groups are named as the handler's method names them."""
    groups = re.compile(r"\((?:\?P<\w+>)?[^)]*\)")
    verb = next(verb for verb in VERBS if mark_of(getattr(route.target, verb, None)) is not None)
    said = [name for name in inspect.signature(getattr(route.target, verb)).parameters if name != "self"]
    count = len(groups.findall(route.regex.pattern))
    names = tuple(said[:count]) if len(said) >= count else tuple(f"id{n}" for n in range(1, count + 1))
    given = iter(names)
    path = groups.sub(lambda _: "{" + next(given) + "}", route.regex.pattern.removesuffix("$")).replace("\\", "")
    return path, names


def _summary(method: Any) -> str:
    return " ".join((method.__doc__ or "").split("\n\n")[0].split())


def _permission(method: Any, of: Any = None) -> str:
    mark = mark_of(method, of)
    assert mark is not None
    return "anyone" if mark.everyone else mark.permission or "signed in"


_PROBLEM_SCHEMA = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "request_id": {"type": "string"},
        "code": {"type": "string"},
    },
    "required": ["type", "title", "status", "request_id"],
}


class OpenApi(ApiHandler):
    """The description, for programs."""

    @anyone
    def get(self) -> None:
        """This document."""
        self.answer(_document_of(self))


class ApiDocs(PageHandler):
    """The description, for people."""

    @anyone
    def get(self) -> None:
        self.page("api_docs.html", operations=operations(self.spine.routes))


def _document_of(handler: ApiHandler) -> dict[str, Any]:
    return _document(handler.hm.title, handler.hm.origin, handler.spine.routes)


@lru_cache(maxsize=8)
def _document(title: str, origin: str, routes: tuple[URLSpec, ...]) -> dict[str, Any]:
    return document(title, version("hivematrix"), origin, operations(routes))


def routes() -> list[URLSpec]:
    """The two addresses every service answers."""
    return [url(r"/api/openapi.json", OpenApi), url(r"/api/docs", ApiDocs, name="api-docs")]
