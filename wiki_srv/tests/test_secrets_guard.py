"""What looks like a secret is found and hidden; ordinary sentences about passwords are left alone."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiki_srv.articles import secrets_guard

SECRETS = [
    ("Password: hunter2x", "hunter2x"),
    ("**Password:** `Winter 2024!`", "Winter 2024!"),
    ("| Password | Abc123xyz |", "Abc123xyz"),
    ("| User | Password |\n|---|---|\n| admin | Summer2025! |", "Summer2025!"),
    ("pre-shared key = correct-horse", "correct-horse"),
    ("Passphrase: correct horse battery staple", "battery staple"),
    ("PIN: 4711", "4711"),
    ("Password:\nhunter2x", "hunter2x"),
    ('{"api_key": "abcdef123"}', "abcdef123"),
    ("root password is Qwerty1!", "Qwerty1!"),
    ("TOTP: JBSWY3DPEHPK3PXP", "JBSWY3DPEHPK3PXP"),
    ("otpauth://totp/x?secret=JBSWY3DPEHPK3PXP", "JBSWY3DPEHPK3PXP"),
    ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    ("ftp://backup:Pa55word@10.0.0.5/share", "Pa55word"),
    ("Authorization: Bearer abcdefghijklmnop123", "abcdefghijklmnop123"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\n-----END RSA PRIVATE KEY-----", "MIIEabc"),
    ("-----BEGIN PRIVATE KEY-----\ncut off here", "cut off here"),
    ("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln", "eyJzdWIiOiJ4In0"),
    ("Passwort: geheim99", "geheim99"),
]
ORDINARY = [
    "The password is stored in the vault.",
    "Passwords are rotated every 90 days",
    "| Password policy | 14 characters |",
    "Reset the password: open ADUC",
    "Password: see Bitwarden",
    "MFA: required for all",
    "Password: ********",
    "Password: <ask the owner>",
    "password = $env:BACKUP_PASSWORD",
    "https://example.com:8443/path@x",
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_a_secret_is_hidden(text, secret):
    assert secret not in secrets_guard.mask(text)
    assert secrets_guard.find(text)


@pytest.mark.parametrize("text", ORDINARY)
def test_an_ordinary_sentence_is_left_alone(text):
    assert secrets_guard.mask(text) == text


def test_a_finding_names_its_line_and_never_the_value():
    (finding,) = secrets_guard.find("one\ntwo\nPassword: hunter2x\n")
    assert (finding.line, finding.kind) == (3, "password or key")
    assert "hunter2x" not in repr(finding)


@given(st.text(alphabet=st.sampled_from("pas word:=|`*\n-12xY{}[]\"'/@"), max_size=120))
def test_findings_never_overlap_and_are_never_empty(text):
    found = secrets_guard.find(text)
    assert all(before.end <= after.start for before, after in itertools.pairwise(found))
    assert all(finding.start < finding.end for finding in found)
