"""Every parameter of every route, given what no calendar, number or column can hold (N191): by everyone, on the engine under test.

What a service takes is read from the service itself: its route table, the Structs its methods declare, and the names that its handlers
ask queries and forms for. A test brings `person_of`, as for the role matrix.
"""

import inspect
import json
import re
import sys
import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from urllib.parse import quote, urlencode

import msgspec
from tornado.web import RequestHandler

from hmlib.db.list_query import ListDefinition
from hmlib.tests.role_matrix import VERBS, methods, path_of
from hmlib.web.api_handler import ApiHandler, Contract

NUL = "a\0b"
TEXTS = ("9999-12-31T23:59:59Z", "2\u066026-10", "9" * 30)
QUOTED = 'zqx"\r\nX-Evil: 1'
RARER = ("0001-01-01", "1e400", "1_0", QUOTED)
NUMBERS = ("9" * 25, "1e400", '"\u0663"')
SEGMENTS = (b"\0", b"a\0b", b"\xed\xa0\x80", b"9" * 30, "\u0663".encode(), b"\xc2\xb2", b"9999-12", "2\u066026-10".encode())
HEADERS = {
    "Authorization": ("Basic YQBiOmM=", "Basic \xb2", "Bearer \xb2.\xb2.\xb2", "Bearer eyJhbGciOiJFUzI1NiIsImtpZCI6IlwwIn0.e30.AA"),
    "Cookie": ("__Host-hm_wiki=\xb2; __Host-hm_nexus=\xb2; __Host-hm_treasury=\xb2", '__Host-hm_nexus_toast="a\\000b"; x="\\'),
    "If-Match": ("\xb2", '"' + "9" * 400 + '"'),
    "If-None-Match": ("\xb2", ","),
    "Idempotency-Key": ("\xb2", "k" * 300),
    "Referer": ("http://[", "//[::1"),
    "Origin": ("http://[", "null"),
    "HX-Current-URL": ("http://[", "\xb2"),
    "Content-Type": ("multipart/form-data; boundary=\xb2", "application/json; charset=\xb2", "text/\xb2"),
    "Content-Encoding": ("\xb2",),
    "User-Agent": ("\xb2" * 300,),
    "X-Forwarded-For": ("\xb2", "1e400"),
    "traceparent": ("00-\xb2-\xb2-00",),
}
_ASKED = re.compile(r"(?:query|form|files)(?:\.get\(|\[)\s*\"(\w+)\"|chosen\(\"(\w+)\"")
MULTIPART = "multipart/form-data; boundary=hm"


def names_of(kind: type) -> list[str]:
    """The parameters that a handler asks for: in its own words, its base classes', and its lists' and forms' declarations."""
    own = {base.__module__ for base in kind.__mro__ if base.__module__.split(".")[0] in ("nexus_srv", "wiki_srv", "treasury_srv", "hmlib")}
    found: set[str] = set()
    for name in own:
        found |= {name for pair in _ASKED.findall(inspect.getsource(sys.modules[name])) for name in pair if name}
        listings = [getattr(value, "LISTING", value) for value in vars(sys.modules[name]).values()]
        found |= {filter for listing in listings for filter in _declared(listing)}
    for declared in (value for base in kind.__mro__ for value in vars(base).values()):
        found |= set(_declared(declared))
    return sorted(found)


def _declared(value: Any) -> list[str]:
    """The names in a list's filters, in the rows of a form, and in what a kind says of both."""
    if isinstance(value, ListDefinition):
        return list(value.filters)
    if isinstance(value, tuple) and all(isinstance(row, tuple) for row in value):
        return [field.name for row in value for field in row if hasattr(field, "name")]
    inner = getattr(value, "rows", None)
    listing = getattr(inner, "LISTING", None) or getattr(value, "listing", None)
    return [*(_declared(listing) if listing else []), *(_declared(inner) if isinstance(inner, tuple) else [])]


def requests_for(rule: Any, kind: type, verb: str) -> list[tuple[str, bytes | None, dict[str, str]]]:
    """Path, body and headers of each request to make."""
    path = path_of(rule)
    writes = verb in ("post", "put", "patch")
    contract = kind.__dict__.get(verb, getattr(kind, verb)).__dict__.get("contract", Contract())
    api = issubclass(kind, ApiHandler) and not rule.regex.pattern.startswith("/oauth")
    empty = (b"{}" if api else b"") if writes else None
    media = {"Content-Type": "application/json" if api else "application/x-www-form-urlencoded"} if writes else {}
    names = sorted({*names_of(kind), *contract.query})
    asked = [(f"{path}?{query}", empty, media) for query in ("q=%ED%A0%80", "q=a%00b", "%00=1", *_all(names))]
    turn = len(path)  # every name meets every food somewhere, and none all of them everywhere
    fed = [urlencode({name: TEXTS[(turn + number) % len(TEXTS)]}) for number, name in enumerate(names)]
    asked += [(f"{path}?{query}", empty, media) for query in fed if not writes]
    asked += [(place, empty, media) for place in _paths(rule)]
    if verb == next(known for known in VERBS if getattr(kind, known) is not getattr(RequestHandler, known)):
        asked += [(path, empty, {**media, name: value}) for name, values in HEADERS.items() for value in values]
    if writes and api:
        asked += [(path, body, media) for body in bodies(contract.takes)]
    elif writes:
        asked += [(path, urlencode({name: NUL}).encode(), media) for name in names[:1]]
        asked += [(path, query.encode(), media) for query in (*fed, *_all(names))]
        asked += [(path, _part(name, filename), {"Content-Type": MULTIPART}) for name, filename in (("file", "a\0.csv"), ("a\0", "a.csv"))]
    return asked


def _all(names: list[str]) -> list[str]:
    return [urlencode(dict.fromkeys(names, food)) for food in RARER]


def _paths(rule: Any) -> list[str]:
    """Each bad segment in each place of the path, as far as the route's pattern lets it."""
    made = [rule.reverse(*[food] * rule.regex.groups) for food in SEGMENTS] if rule.regex.groups else []
    return [path for path in made if path and rule.regex.match(path)]


def _part(name: str, filename: str) -> bytes:
    return f'--hm\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\nx\r\n--hm--\r\n'.encode()


def bodies(kind: Any) -> list[bytes]:
    """JSON of the shape, with one bad value in it at a time; raw, as numbers may be none that Python writes."""
    if kind is None:
        return [b'{"a":"a\\u0000b"}', b'{"a":"\\ud800"}', b"1e400", b"[" * 40]
    whole, leaves = _sample(kind, ())
    made = []
    for place, foods in leaves:
        text = json.dumps(_with(whole, place, "@@"))
        made += [text.replace('"@@"', food).encode() for food in foods]
    return made


def _sample(kind: Any, place: tuple[Any, ...]) -> tuple[Any, list[tuple[tuple[Any, ...], list[str]]]]:
    """A value of the type, and its leaves, each with the bad values to put there."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _sample(get_args(kind)[0], place)
    if origin in (Union, types.UnionType):
        return _sample(next(one for one in get_args(kind) if one not in (type(None), msgspec.UnsetType)), place)
    if origin is Literal:
        return get_args(kind)[0], [(place, [json.dumps(NUL)])]
    if origin in (list, tuple, set, frozenset):
        value, leaves = _sample(get_args(kind)[0], (*place, 0))
        return [value], leaves
    if origin is dict or kind is dict:
        return {"a": "b"}, [((*place, "a"), [json.dumps(NUL)]), (place, ['{"a\\u0000":"b"}'])]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        values, leaves = {}, []
        for field in msgspec.structs.fields(kind):
            values[field.encode_name], more = _sample(field.type, (*place, field.encode_name))
            leaves += more
        return values, leaves
    if kind in (int, float):
        return 1, [(place, list(NUMBERS))]
    if kind is bool:
        return True, []
    return "1", [(place, [json.dumps(NUL), *(json.dumps(text) for text in TEXTS), '"\\ud800"', NUMBERS[1]])]


def _with(value: Any, place: tuple[Any, ...], leaf: Any) -> Any:
    if not place:
        return leaf
    step, rest = place[0], place[1:]
    if isinstance(value, list):
        return [_with(value[0], rest, leaf)]
    return {**value, step: _with(value[step], rest, leaf)}


async def refused_badly(app, person_of, roles, most: int | None = None) -> list[str]:
    """What was answered 5xx, or with the request's text in a header, one line each; ``most`` cuts short what is asked of each method."""
    bad = []
    for role in roles:
        for rule, kind, verb in methods(app):
            person = await person_of(role)
            for path, body, headers in requests_for(rule, kind, verb)[:most]:
                answer = await _answer(person, issubclass(kind, ApiHandler), verb.upper(), path, body, headers)
                if answer.code >= 500 or quoted(answer.headers):
                    shown = quote(path, safe="/?=&%") if len(path) < 200 else path[:200]
                    bad.append(f"{answer.code} {role} {verb.upper()} {shown} {(body or b'')[:200]!r} {headers} {quoted(answer.headers)}")
    return bad


def quoted(headers) -> list[str]:
    """The headers of an answer in which text of the request stands as it was sent (N192)."""
    return [f"{name}: {value}" for name, value in headers.get_all() if name == "X-Evil" or QUOTED[:4] in value]


async def _answer(person, api, verb, path, body, headers):
    named = {name.replace("-", "_"): value for name, value in headers.items()}
    if api:
        return await person.api(path, verb, raw=body, **named)
    return await person.fetch(path, verb, body, **named)
