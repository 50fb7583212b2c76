"""The API's description, made from the routes, their marks and the Structs they take and answer."""

import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import msgspec
from tornado.routing import URLSpec
from tornado.web import url

from hmlib.auth.permissions import anyone, mark_of
from hmlib.web.api_handler import ApiHandler, Contract, Parameter, contract_of
from hmlib.web.page_handler import PageHandler

VERBS = ("get", "post", "put", "patch", "delete")
HEADERS = {
    "get": ("If-None-Match", "The ETag of an answer you hold: 304 when it still stands."),
    "post": ("Idempotency-Key", "A key of your own, for a day: the same request again gets the first answer; another one 422."),
    "put": ("If-Match", "The ETags you read, or * for any; 428 says where it is needed, 412 that the thing has changed."),
    "patch": ("If-Match", "The ETags you read, or * for any; 428 without it, 412 when the thing has changed."),
    "delete": ("If-Match", "The ETags you read, or * for any; 428 says where it is needed, 412 that the thing has changed."),
}
_TEXT, _NUMBER = {"type": "string"}, {"type": "integer"}
_TOLD: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "ETag": ("Names this very answer: send it as If-None-Match to read, as If-Match to write.", _TEXT),
    "Location": ("The address of what was made.", _TEXT),
    "Link": ("With a limit: the address of the next page, rel=next; absent on the last one.", _TEXT),
    "X-Total-Count": ("With a limit: how many there are on all pages.", _NUMBER),
    "X-Change-Number": ("Up to which change this has everything: ask with it as since the next time.", _NUMBER),
    "Retry-After": ("Seconds to wait.", _NUMBER),
}
_PROBLEMS = {
    400: "It cannot be read: an unknown parameter, a body that is no JSON or has an unknown field.",
    401: "No token, or none that is good.",
    403: "The token does not allow this.",
    404: "It is not there, or not for you.",
    409: "The data do not allow this: something is taken, or in use.",
    412: "It has changed since you read it.",
    422: "A value cannot stand; `errors` has a sentence for each field.",
    428: "Send If-Match with the ETag you read.",
    429: "Too often; try again later.",
    503: "Too much to do, or something is away; try again later.",
}


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
                found.append(Operation(path, verb, _summary(method), _permission(method, of), contract_of(method, of), names))
    return found


def document(title: str, release: str, origin: str, found: list[Operation]) -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    kinds = [kind for operation in found for kind in (operation.contract.takes, operation.contract.answers) if kind is not None]
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    by_kind = {id(kind): schema for kind, schema in zip(kinds, _plain(schemas), strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for operation in found:
        paths.setdefault(operation.path, {})[operation.verb] = _described(operation, by_kind)
    return {
        "openapi": "3.1.0",
        "info": {"title": f"HiveMatrix {title}", "version": release},
        "servers": [{"url": origin}],
        "tags": [{"name": tag} for tag in sorted({_tag(operation.path) for operation in found})],
        "paths": paths,
        "components": {
            "schemas": {**_plain(components), "Problem": _PROBLEM_SCHEMA},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT (RFC 9068)"}},
        },
    }


def _described(operation: Operation, by_kind: Mapping[int, Any]) -> dict[str, Any]:
    contract = operation.contract
    words = re.sub(r"[^a-z0-9]+", "_", operation.path.lower()).strip("_")
    described: dict[str, Any] = {
        "operationId": f"{operation.verb}_{words}",
        "tags": [_tag(operation.path)],
        "summary": operation.summary,
        "security": [{"bearer": []}] if operation.permission != "anyone" else [],
        "parameters": _parameters(operation),
        "responses": _responses(operation, by_kind),
    }
    content: dict[str, Any] = {media: {"schema": {"type": "string", "format": "binary"}} for media in contract.media}
    if contract.takes is not None:
        content |= {"application/json": {"schema": by_kind[id(contract.takes)]}}
    if content:
        described["requestBody"] = {"required": True, "content": content}
    if operation.permission not in ("anyone", "signed in"):
        described["description"] = f"Needs the permission {operation.permission}."
    return described


def _tag(path: str) -> str:
    """What an address is about: companies, for /api/companies:lookup too."""
    return re.split("[/:{]", path.removeprefix("/api/").lstrip("/"))[0].replace(".json", "")


def _responses(operation: Operation, by_kind: Mapping[int, Any]) -> dict[str, Any]:
    """The answer and each error by status; what else happens is a problem, too."""
    contract, verb = operation.contract, operation.verb
    done: dict[str, Any] = {"description": "Done"}
    if contract.answers is not None:
        done["content"] = {"application/json": {"schema": by_kind[id(contract.answers)]}}
    told = [*(["ETag"] if verb == "get" or _needs_version(operation) or contract.status == 201 else [])]
    told += ["Location"] if contract.status == 201 else []
    told += ["Link", "X-Total-Count"] if verb == "get" and "limit" in contract.query else []
    told += ["X-Change-Number"] if verb == "get" and "since" in contract.query and "limit" in contract.query else []
    if told and contract.status != 204:
        done["headers"] = _headers(told)
    found: dict[str, Any] = {str(contract.status): done}
    if verb == "get":
        found["304"] = {"description": "What you hold still stands.", "headers": _headers(told)}
    return found | {str(status): _problem(status) for status in _refusals(operation)} | {"default": _problem(None)}


def _refusals(operation: Operation) -> list[int]:
    found = [400, 429, 503, *([] if operation.permission == "anyone" else [401, 403]), *([404] if operation.names else [])]
    found += [409, 422] if operation.verb != "get" else []
    return sorted([*found, *([412, 428] if _needs_version(operation) else [])])


def _needs_version(operation: Operation) -> bool:
    return operation.verb in ("patch", "put", "delete") and not operation.path.endswith(":bulk")


def _problem(status: int | None) -> dict[str, Any]:
    said: dict[str, Any] = {"description": _PROBLEMS[status] if status else "Another problem (RFC 9457)"}
    said["content"] = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return said | ({"headers": _headers(["Retry-After"])} if status in (429, 503) else {})


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"description": _TOLD[name][0], "schema": dict(_TOLD[name][1])} for name in names}


def _plain(schema: Any) -> Any:
    """A schema without tuples, which generators of clients do not read: a pair is an array of two."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "prefixItems" in schema:
        kinds = [_plain(one) for one in schema["prefixItems"]]
        different = [kind for number, kind in enumerate(kinds) if kind not in kinds[:number]]
        one = different[0] if len(different) == 1 else {"anyOf": different}
        rest = {name: value for name, value in schema.items() if name not in ("prefixItems", "items")}
        return {**rest, "items": one, "minItems": len(kinds), "maxItems": len(kinds)}
    return {name: _plain(value) for name, value in schema.items()}


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
        "errors": {"type": "object", "additionalProperties": {"type": "string"}},
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
