"""Which usernames are one name, and which are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus_srv.identity import usernames


@pytest.mark.parametrize("name", ["admin", "Admin", "ADMIN", "ａｄｍｉｎ", " admin ", "Ａｄｍｉｎ"])
def test_n013_spellings_of_one_name_have_one_form(name):
    assert usernames.canonical(usernames.checked(name)) == "admin"


def test_n013_composed_and_decomposed_are_one_name():
    assert usernames.canonical(usernames.checked("jose\u0301")) == usernames.canonical(usernames.checked("josé"))


@pytest.mark.parametrize(
    "name",
    [
        "admin\u200d",
        "ad\u202emin",
        "ad\x00min",
        "ad min",
        "аdmin",  # Cyrillic а among Latin letters
        "сосо",  # all Cyrillic, and looks all Latin
        "ad<min>",
        "-admin",
        "",
        "   ",
        "a" * 101,
        "a\nb",
        "ﷺ",  # its NFKC form holds spaces
    ],
)
def test_n013_names_that_deceive_are_refused(name):
    with pytest.raises(usernames.Refused):
        usernames.checked(name)


@pytest.mark.parametrize("name", ["alice", "bob.smith", "carol_1", "dave@example.com", "Ольга", "山田たろう", "Straße", "007"])
def test_ordinary_names_are_kept_as_typed(name):
    assert usernames.checked(name) == name


@given(st.text(max_size=30))
def test_the_canonical_form_is_stable(text):
    assert usernames.canonical(usernames.canonical(text)) == usernames.canonical(text)


@pytest.mark.parametrize(
    "address", ["a@b\r\nBcc: c@d.ee", "a b@example.com", "a@b", "@example.com", "a@@example.com", "a@example.com,b@example.com"]
)
def test_n011_addresses_that_would_break_a_mail_are_refused(address):
    with pytest.raises(usernames.Refused):
        usernames.checked_email(address)


def test_an_ordinary_address_passes():
    assert usernames.checked_email(" Alice@Example.com ") == "Alice@Example.com"
