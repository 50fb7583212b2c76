"""Which company a row means, and ids for rows that bring none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmlib.imports.companies import Clue, Companies, KnownCompany, Question, Unfound, number_form
from hmlib.imports.row_ids import RowIds

DELTA = KnownCompany("d", "400001", "Delta Ridge Dental", {"xero": "DEL001", "halopsa": "12"}, ("The Ridge",), ("delta.example",))
ALDER = KnownCompany("a", "000777", "Alder & Sons GmbH", {"syncro": "12", "xero": "777"}, (), ("alder.example", "sons.alder.example"))
NORTH = KnownCompany("n", "400003", "North Ltd")
NORTH_2 = KnownCompany("m", "400004", "North LLC")
KNOWN = (DELTA, ALDER, NORTH, NORTH_2)


def found(source="", **clue):
    company = Companies(KNOWN, source).find(Clue(**clue))
    return company.id if company else None


@pytest.mark.parametrize("text", ["400001", " 400 001 ", "400001.0", "0400001", "400001.00", "4\u00a000001"])
def test_an_account_number_as_spreadsheets_write_it(text):
    assert found(text=text) == "d"


def test_an_account_number_goes_before_other_systems_ids():
    assert found(text="777") == "a" and found("xero", text="777", external_id="DEL001") == "a"


def test_each_system_numbers_in_its_own_way():
    assert (found("syncro", external_id="12"), found("halopsa", external_id="12.0")) == ("a", "d")
    assert found("datto-rmm", external_id="12") is None
    assert Companies(KNOWN, "datto-rmm").candidates(Clue(external_id="12")) == ("a", "d")
    assert found("datto-rmm", external_id="del001") == "d"


@pytest.mark.parametrize(
    "text", ["Delta Ridge Dental", "delta ridge dental, Inc.", "DELTA-RIDGE  DENTAL L.L.C.", "D\u00e9lta Ridge Dental Ltd", "the ridge"]
)
def test_a_name_or_an_alias_whatever_its_legal_form(text):
    assert found(text=text) == "d"


@pytest.mark.parametrize("text", ["Alder and Sons", "Alder & Sons GmbH & Co. KG", "ALDER & SONS"])
def test_and_is_and(text):
    assert found(text=text) == "a"


def test_names_that_differ_in_their_legal_form_alone_are_asked_about():
    assert (found(text="North Ltd."), found(text="North LLC"), found(text="North")) == ("n", "m", None)
    assert Companies(KNOWN).candidates(Clue(text="North Inc")) == ("m", "n")


def test_a_name_that_is_a_legal_form_stays_one():
    companies = Companies([KnownCompany("x", "1", "Company & Co"), KnownCompany("y", "2", "The Limited")])
    assert [companies.find(Clue(text=text)) is not None for text in ("Company and Co", "The Limited", "Limited", "")] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("email", "company"),
    [
        ("gav@delta.example", "d"),
        ("x@mail.delta.example", "d"),
        ("x@SONS.alder.example", "a"),
        ("x@example", None),
        ("delta.example", None),
    ],
)
def test_the_domain_of_an_address_is_the_last_thing_to_ask(email, company):
    assert found(email=email) == company
    assert found(text="north ltd", email=email) == "n"


def test_what_a_person_has_answered_goes_before_all():
    companies = Companies(KNOWN, chosen={"Nord GmbH": "n", "Delta Ridge Dental": "a", "gone": "z"})
    assert [(one := companies.find(Clue(text=text))) and one.id for text in ("NORD, GmbH", "Delta Ridge Dental", "gone", "400001")] == [
        "n",
        "a",
        None,
        "d",
    ]


def test_what_is_not_found_is_listed_one_time_with_its_rows_and_first_line():
    unfound = Unfound()
    for line in range(2, 60_002):
        unfound.add(Clue(text="Birch" if line % 2 else "  BIRCH,"), line)
    unfound.add(Clue(text="North"), 1, ("m", "n"))
    unfound.add(Clue(external_id="99"), 70_000)
    assert unfound.questions == [Question("North", 1, 1, ("m", "n")), Question("  BIRCH,", 60_000, 2), Question("99", 1, 70_000)]


def test_very_many_that_are_not_found_are_counted():
    unfound = Unfound()
    for line in range(1_500):
        unfound.add(Clue(text=f"Company {line}"), line)
    assert (len(unfound.questions), unfound.not_listed) == (1_000, 500)


def test_a_directory_of_many_is_asked_without_going_through_it():
    """Steps, not seconds: the same work among 10 and among 10,000 companies."""
    import sys

    def steps(count):
        companies, calls = Companies([KnownCompany(str(n), str(100_000 + n), f"Company {n} Ltd") for n in range(count)]), 0

        def count_calls(frame, event, arg):
            nonlocal calls
            calls += 1

        sys.setprofile(count_calls)
        try:
            companies.find(Clue(text="company 7", email="a@b.example"))
            companies.find(Clue(text="nobody"))
        finally:
            sys.setprofile(None)
        return calls

    assert steps(10_000) == steps(10)


@given(st.integers(1, 10**15), st.integers(0, 4), st.sampled_from(["", ".0", ".00"]))
def test_a_number_has_one_form(number, zeros, point):
    assert number_form("0" * zeros + str(number) + point) == str(number)


@given(st.lists(st.tuples(*[st.sampled_from(["a", "b", ""])] * 5), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_ids_are_made_alike_whatever_the_order_of_the_rows(rows, chance):
    def made(rows):
        ids = RowIds()
        return sorted((ids.make(*row), row) for row in rows)

    first = made(rows)
    assert len({id for id, _ in first}) == len(rows)
    chance.shuffle(rows)
    assert made(rows) == first


def test_ids_of_rows_that_differ_differ_and_the_outcome_says_so():
    ids = RowIds()
    assert ids.note == ""
    assert ids.make("c", "Jo  Lee", None, "2026-10-05T09:00Z", "1.25") == RowIds().make("c", "jo lee", "", "2026-10-05T09:00Z", "1.25")
    assert ids.note.startswith("One row has no id of its own")
    assert ids.make("c", "jo lee", "", "2026-10-05T09:00Z", "1.5") != ids.make("c", "jo", "lee", "2026-10-05T09:00Z", "1.5")
    assert ids.note.startswith("3 rows have no id of their own") and len(ids.make("x")) == 37
