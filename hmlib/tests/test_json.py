"""The JSON door: what it takes, and every way of asking for trouble it refuses (N014, N016)."""

import json
import time
from typing import Annotated, Any

import msgspec
import pytest

from hmlib.json import _NUL, MAX_DEPTH, Malformed, decode, encode, plain


class Line(msgspec.Struct, forbid_unknown_fields=True):
    count: int
    note: Annotated[str, msgspec.Meta(max_length=5)] = ""


class Order(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    lines: list[Line] = []
    extra: dict[str, Any] = {}


def refusal(raw: bytes, kind: Any = Order) -> Malformed:
    with pytest.raises(Malformed) as caught:
        decode(raw, kind)
    return caught.value


def test_a_good_body_becomes_its_struct():
    assert decode(b' {"name": "\xc3\xa4", "lines": [{"count": 2}]}\n', Order) == Order("ä", [Line(2)])


def test_half_a_surrogate_pair_is_refused_and_a_whole_one_read():
    assert plain(rb'{"a":"\ud83d\ude00"}') == {"a": "\U0001f600"}
    for raw in (rb'["\ud83d"]', rb'["\ud83dabcdef"]', rb'["\ude00abcdef"]', rb'["\uD83d\u0041abcdef"]'):
        with pytest.raises(Malformed):
            plain(raw)


def test_what_is_written_can_be_read():
    order = Order("x", [Line(1, "ab")], {"k": [1, None, True, 1.5]})
    assert decode(encode(order), Order) == order


MALFORMED = {
    "array": b"[]",
    "string": b'"x"',
    "null": b"null",
    "two values": b'{"name":"a"}{"name":"b"}',
    "byte order mark": b'\xef\xbb\xbf{"name":"a"}',
    "not UTF-8": b'{"name":"\xff"}',
    "UTF-16": '{"name":"a"}'.encode("utf-16"),
    "lone surrogate": b'{"name":"\\ud800"}',
    "NaN": b'{"name":"a","extra":{"x":NaN}}',
    "Infinity": b'{"name":"a","extra":{"x":-Infinity}}',
    "long number": b'{"name":"a","extra":{"x":' + b"9" * 5000 + b"}}",
    "101 digits": b'{"name":"a","extra":{"x":' + b"9" * 101 + b"}}",
    "duplicate key": b'{"name":"a","name":"b"}',
    "duplicate key spelt otherwise": b'{"name":"a","n\\u0061me":"b"}',
    "duplicate key far inside": b'{"name":"a","extra":{"x":[{"y":1,"y":1}]}}',
    "20,000 lists": b'{"name":"a","extra":{"x":' + b"[" * 20_000 + b"]" * 20_000 + b"}}",
    "20,000 objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "unclosed": b"[" * 100_000,
    "mixed brackets": b"[}" * 40,
    "empty": b"",
    "trailing comma": b'{"name":"a",}',
    "control character": b'{"name":"a\x01"}',
    "unfinished string": b'{"name":"' + b'\\"' * 400_000,
    "unfinished escape": b'{"name":"' + b'\\"' * 400_000 + b"\\",
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED.keys())
def test_n014_malformed_bodies_are_refused_quickly(raw):
    started = time.perf_counter()
    error = refusal(raw)
    assert (error.code, error.pointer) == ("malformed_json", "")
    assert time.perf_counter() - started < 0.5


def test_n014_negative_control_naive_reading_lets_them_through():
    assert json.loads(MALFORMED["duplicate key"]) == {"name": "b"}
    assert msgspec.json.decode(MALFORMED["duplicate key"], type=Order).name == "b"
    with pytest.raises(RecursionError):
        msgspec.json.decode(MALFORMED["20,000 lists"])


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def test_depth_is_allowed_up_to_the_limit():
    assert plain(nested(MAX_DEPTH))
    assert decode(b"[" + b",".join([b'{"a":[]}'] * 5000) + b"]", list[dict[str, Any]])[4999] == {"a": []}
    assert plain(b'["' + b"[" * 1000 + b'\\"{"]')[0].startswith("[[")
    with pytest.raises(Malformed):
        plain(nested(MAX_DEPTH + 1))
    with pytest.raises(Malformed):
        plain(b'{"a":[' * 17 + b"1" + b"]}" * 17)


def test_n016_an_unknown_field_is_named():
    error = refusal(b'{"name":"a","is_admin":true}')
    assert (error.code, error.pointer) == ("unknown_field", "/is_admin")
    assert refusal(b'{"name":"a","lines":[{"count":1,"a/b~":1}]}').pointer == "/lines/0/a~1b~0"


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        (b'{"name":1}', "/name"),
        (b'{"name":"a","lines":[{"count":1},{"count":"x"}]}', "/lines/1/count"),
        (b'{"name":"a","lines":[{"count":1.5}]}', "/lines/0/count"),
        (b'{"name":"a","lines":[{"count":true}]}', "/lines/0/count"),
        (b'{"name":"a","lines":[{"count":1,"note":"toolong"}]}', "/lines/0/note"),
        (b'{"lines":[]}', ""),
    ],
)
def test_a_wrong_value_is_pointed_at(raw, pointer):
    error = refusal(raw)
    assert (error.code, error.pointer) == ("invalid_value", pointer)
    assert "`" not in error.detail


def test_a_large_body_is_read_in_time():
    raw = encode({"name": "x", "lines": [{"count": n, "note": '"{['} for n in range(30_000)]})
    started = time.perf_counter()
    assert len(decode(raw, Order).lines) == 30_000
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("raw", [rb'{"a":"x\u0000"}', rb'{"a\u0000":1}', rb'["\\\u0000"]', rb'"\u0000"'])
def test_a_nul_in_a_text_is_refused(raw):
    with pytest.raises(Malformed) as refused:
        plain(raw)
    assert refused.value.code == "malformed_json"


@pytest.mark.parametrize("raw", [rb'"\\u0000"', rb'["\\\\u0000"]', b'"u0000"'])
def test_a_nul_that_is_only_written_about_is_text(raw):
    assert "u0000" in str(plain(raw))


def test_looking_for_a_nul_costs_no_more_than_the_text_is_long():
    """Backslashes are what the search walks over."""

    def seconds(size):
        raw = b'"' + b"\\\\" * size + b'u0000"'
        start = time.process_time()
        for _ in range(20):
            _NUL.search(raw)
        return time.process_time() - start

    assert seconds(200_000) < 30 * seconds(20_000) + 0.05
