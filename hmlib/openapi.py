"""The API's description, made from the routes, their marks and the Structs they take and answer."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from typing import Any, TypeVar

import msgspec
from tornado.routing import URLSpec
from tornado.web import url

from hmlib.auth import anyone, mark_of
from hmlib.web import ApiHandler, PageHandler

Method = TypeVar("Method", bound=Callable[..., Any])
VERBS = ("get", "post", "put", "patch", "delete")
PROBLEM = {
    "description": "A problem (RFC 9457)",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


@dataclass(frozen=True)
class Contract:
    """What one method takes and answers; ``query`` names its parameters, each with a sentence."""

    takes: Any = None
    answers: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


def speaks(takes: Any = None, answers: Any = None, query: Mapping[str, str] | None = None, status: int = 200) -> Callable[[Method], Method]:
    """Declare a method's Structs and query parameters for the API's description."""

    def stamp(method: Method) -> Method:
        method.__dict__["contract"] = Contract(takes, answers, query or {}, status)
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
        path, names = _path(route.regex.pattern)
        for verb in VERBS:
            method = getattr(route.target, verb, None)
            if method is not None and mark_of(method) is not None:
                found.append(
                    Operation(path, verb, _summary(method), _permission(method), method.__dict__.get("contract", Contract()), names)
                )
    return found


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
    described: dict[str, Any] = {
        "summary": operation.summary,
        "security": [{"bearer": []}] if operation.permission != "anyone" else [],
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in operation.names),
            *({"name": name, "in": "query", "description": said, "schema": {"type": "string"}} for name, said in contract.query.items()),
        ],
        "responses": {str(contract.status): {"description": "Done"}, "default": PROBLEM},
    }
    if contract.answers is not None:
        described["responses"][str(contract.status)]["content"] = {"application/json": {"schema": by_kind[id(contract.answers)]}}
    if contract.takes is not None:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": by_kind[id(contract.takes)]}}}
    if operation.permission not in ("anyone", "signed in"):
        described["description"] = f"Needs the permission {operation.permission}."
    return described


def _path(pattern: str) -> tuple[str, tuple[str, ...]]:
    """A route's pattern as a template: each group becomes {id}, {id2} …"""
    groups = 0

    def numbered(match: re.Match[str]) -> str:
        nonlocal groups
        groups += 1
        return "{id}" if groups == 1 else f"{{id{groups}}}"

    path = re.sub(r"\((?:\?P<\w+>)?[^)]*\)", numbered, pattern.removesuffix("$")).replace("\\", "")
    return path, tuple("id" if n == 1 else f"id{n}" for n in range(1, groups + 1))


def _summary(method: Any) -> str:
    return " ".join((method.__doc__ or "").split("\n\n")[0].split())


def _permission(method: Any) -> str:
    mark = mark_of(method)
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
        self.page("api_docs.html", operations=operations(self.settings["routes"]))


def _document_of(handler: ApiHandler) -> dict[str, Any]:
    return _document(handler.hm.title, handler.hm.origin, tuple(handler.settings["routes"]))


@lru_cache(maxsize=8)
def _document(title: str, origin: str, routes: tuple[URLSpec, ...]) -> dict[str, Any]:
    return document(title, version("hivematrix"), origin, operations(routes))


def routes() -> list[URLSpec]:
    """The two addresses every service answers."""
    return [url(r"/api/openapi.json", OpenApi), url(r"/api/docs", ApiDocs, name="api-docs")]
