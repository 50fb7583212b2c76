"""The one door for JSON: what comes in is UTF-8, unambiguous, shallow and of the declared shape, or it is refused."""

import json
import re
from collections.abc import Hashable
from functools import lru_cache
from typing import Any, Literal, TypeVar, cast

import msgspec

T = TypeVar("T")
Code = Literal["malformed_json", "unknown_field", "invalid_value"]

MAX_DEPTH = 32
MAX_DIGITS = 100

# Ends at the end of the text too, so that an unfinished string costs one pass and not one per escaped quote.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.?)*+(?:"|\Z)', re.DOTALL)
_LONG_NUMBER = re.compile(rb"[0-9]{%d}" % (MAX_DIGITS + 1))
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*+\\u0000")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ALIKE = bytes.maketrans(b"{}", b"[]")
_PATH = re.compile(r" - at (?:`key` in )?`\$([^`]*)`$")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(.*?)`", re.DOTALL)


class Malformed(Exception):
    """JSON that cannot be taken; ``detail`` is one sentence, ``pointer`` an RFC 6901 pointer ("" is the whole)."""

    def __init__(self, code: Code, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.pointer = pointer


def decode(raw: bytes, kind: type[T]) -> T:
    """Read ``raw`` as ``kind``, a msgspec Struct or any other type msgspec knows.

    Raises Malformed: ``malformed_json`` for what is not one JSON text of the right outer shape (RFC 8259, and besides:
    duplicate keys, nesting over 32, numbers over 100 digits, a byte order mark, a NUL in a text), ``unknown_field``, or ``invalid_value``.
    """
    plain(raw)
    try:
        found: T = _decoder(cast(Hashable, kind)).decode(raw)
        return found
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from None
    except msgspec.DecodeError:
        raise Malformed("malformed_json", "The body is not valid JSON.") from None


def plain(raw: bytes) -> Any:
    """Read ``raw`` into dicts, lists and scalars. Raises Malformed (``malformed_json``) as decode does."""
    text = _text_of(raw)
    _check_size(raw)
    try:
        if b"\\u" in raw and _SURROGATE.search(raw):
            msgspec.json.decode(raw)  # refuses half a surrogate pair, which the decoder below would let in
        if b"u0000" in raw and _NUL.search(raw):
            raise Malformed("malformed_json", "A text holds a NUL character.")
        return _UNAMBIGUOUS.decode(text)
    except ValueError:
        raise Malformed("malformed_json", "The body is not valid JSON.") from None


def encode(value: object) -> bytes:
    """Write a Struct, dataclass or plain value as compact UTF-8 JSON. Raises TypeError for what JSON cannot hold."""
    return msgspec.json.encode(value)


def _text_of(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("malformed_json", "The body is not UTF-8.") from None
    if text.startswith("\ufeff"):
        raise Malformed("malformed_json", "The body begins with a byte order mark.")
    return text


def _check_size(raw: bytes) -> None:
    """Look at the bare structure, without the strings, but only where the whole text gives a reason to."""
    many = raw.count(b"[") + raw.count(b"{") > MAX_DEPTH
    if not many and not _LONG_NUMBER.search(raw):
        return
    bare = _STRING.sub(b'""', raw)
    if _LONG_NUMBER.search(bare):
        raise Malformed("malformed_json", f"A number has more than {MAX_DIGITS} digits.")
    if many and _deeper_than_allowed(bare):
        raise Malformed("malformed_json", f"The body is nested deeper than {MAX_DEPTH} levels.")


def _deeper_than_allowed(bare: bytes) -> bool:
    """Each pass takes away the innermost level, so what is left after 32 passes is too deep (or unbalanced)."""
    brackets = bare.translate(_ALIKE, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return False
    return bool(brackets)


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("malformed_json", "The same key stands twice in one object.")
    return found


def _not_a_number(name: str) -> None:
    raise Malformed("malformed_json", f"{name} is not a JSON number.")


_UNAMBIGUOUS = json.JSONDecoder(object_pairs_hook=_unambiguous, parse_constant=_not_a_number)


@lru_cache(maxsize=512)
def _decoder(kind: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _refusal(message: str) -> Malformed:
    path = _PATH.search(message)
    reason = message[: path.start()] if path else message
    pointer = _pointer(path.group(1)) if path else ""
    if unknown := _UNKNOWN_FIELD.match(reason):
        name = unknown.group(1)
        return Malformed("unknown_field", f"There is no field {name[:100]!r} here.", f"{pointer}/{_escaped(name[:100])}")
    if not pointer and reason.startswith("Expected"):
        return Malformed("malformed_json", f"{reason.replace('`', '')}.")
    return Malformed("invalid_value", f"{reason.replace('`', '')}.", pointer)


def _pointer(path: str) -> str:
    return "".join("/" + _escaped(field or ("*" if index == "..." else index)) for field, index in _STEP.findall(path))


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
