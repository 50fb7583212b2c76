"""Sub-keys, marks and sealed columns; where the master key may lie (N173, N174)."""

import base64
import os
import stat

import pytest

from hmlib.config import BadSetting
from hmlib.keys import Keys, Unsealable, load_master, new_master

MASTER = bytes(range(32))


@pytest.fixture
def keys():
    return Keys(MASTER, "wiki")


def test_a_mark_depends_on_purpose_parts_service_and_master(keys):
    marks = {
        keys.mac("session", "ab", "c"),
        keys.mac("session", "a", "bc"),
        keys.mac("session", "abc"),
        keys.mac("cursor", "ab", "c"),
        Keys(MASTER, "treasury").mac("session", "ab", "c"),
        Keys(bytes(32), "wiki").mac("session", "ab", "c"),
    }
    assert len(marks) == 6
    assert all(len(mark) == 43 for mark in marks)
    assert keys.mac("session", "ab", "c") == Keys(MASTER, "wiki").mac("session", "ab", "c")


def test_what_was_sealed_opens_in_its_place(keys):
    sealed = keys.seal(b"geheim", table="session", column="tokens", row_id="s1")
    assert keys.unseal(sealed, table="session", column="tokens", row_id="s1") == b"geheim"
    assert sealed != keys.seal(b"geheim", table="session", column="tokens", row_id="s1")


@pytest.mark.parametrize("place", [("session", "tokens", "s2"), ("session", "scope", "s1"), ("user", "tokens", "s1")])
def test_n174_moved_to_another_place_it_stays_shut(keys, place):
    sealed = keys.seal(b"x", table="session", column="tokens", row_id="s1")
    table, column, row_id = place
    with pytest.raises(Unsealable):
        keys.unseal(sealed, table=table, column=column, row_id=row_id)


@pytest.mark.parametrize(
    "change", [lambda s: s[:-2], lambda s: s[:12], lambda s: "", lambda s: "é" + s, lambda s: "00000000" + s[8:], lambda s: s + "!"]
)
def test_n174_changed_it_stays_shut(keys, change):
    sealed = keys.seal(b"x" * 40, table="t", column="c", row_id="1")
    with pytest.raises(Unsealable):
        keys.unseal(change(sealed), table="t", column="c", row_id="1")


@pytest.mark.parametrize("other", [Keys(MASTER, "nexus"), Keys(bytes(32), "wiki")])
def test_n174_another_service_or_master_key_does_not_open_it(keys, other):
    sealed = keys.seal(b"x", table="t", column="c", row_id="1")
    with pytest.raises(Unsealable):
        other.unseal(sealed, table="t", column="c", row_id="1")


def test_a_new_master_key_is_private_and_never_replaced(tmp_path):
    path = tmp_path / "keys" / "master.key"
    master = new_master(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_master(path) == master
    with pytest.raises(FileExistsError):
        new_master(path)
    assert load_master(path) == master
    assert os.listdir(path.parent) == ["master.key"]


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        (base64.b64encode(os.urandom(32)), 0o640),
        (base64.b64encode(os.urandom(32)), 0o604),
        (base64.b64encode(os.urandom(16)), 0o600),
        (base64.b64encode(b"A" * 32), 0o600),
        (b"", 0o600),
        (b"change me please, change me please!!", 0o600),
    ],
)
def test_n173_a_weak_or_open_master_key_is_refused_by_name(tmp_path, content, mode):
    path = tmp_path / "master.key"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(BadSetting, match="HM_MASTER_KEY_FILE"):
        load_master(path)


def test_n173_a_missing_master_key_is_refused_by_name(tmp_path):
    with pytest.raises(BadSetting, match="HM_MASTER_KEY_FILE"):
        load_master(tmp_path / "none")
