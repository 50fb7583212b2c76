"""Other tools' lists of companies, people and devices are read unedited: each preset beside an invented file of its layout."""

from pathlib import Path

import pytest

from hmlib.imports.companies import Clue, Companies, KnownCompany
from hmlib.imports.reading import NOTHING, Said, clue_of
from hmlib.tests.preset_samples import assert_sound, sample
from nexus_srv.directory.import_columns import READ
from nexus_srv.directory.presets import PRESETS

LAYOUTS = Path(__file__).parent / "layouts"
DELTA = KnownCompany("d", "400001", "Delta Ridge Dental")


def read(name, said=NOTHING):
    preset, found = sample(LAYOUTS, name, PRESETS, READ, said)
    assert preset.name == name
    return found


def rows(found, kind, *columns):
    values, errors, _ = found[kind]
    assert errors == []
    return [tuple(str(row[column]) if row.get(column) is not None else None for column in columns) for row in values]


def test_every_preset_is_sound_and_has_its_sample():
    assert_sound(PRESETS, READ)
    assert {preset.name for preset in PRESETS} == {path.stem for path in LAYOUTS.glob("*.csv")}


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_every_row_finds_the_company_it_means(preset):
    found = read(preset.name, Said(company="400001" if preset.source == "microsoft-365" else ""))
    companies = Companies([DELTA], preset.source)
    for kind, (values, errors, _) in found.items():
        assert errors == [] and values
        clues = [Clue(text=row["name"]) if kind == "companies" else clue_of(row) for row in values]
        assert companies.find(clues[0]) == DELTA, (kind, clues[0])


def test_connectwise_companies():
    assert rows(read("connectwise-companies"), "companies", "name", "status", "external_id", "address", "city", "postal_code") == [
        ("Delta Ridge Dental", "active", "910", "12 Mill Lane\nSuite 4", "Riverton", "82501"),
        ("Birch & Co", "prospect", "911", None, None, None),
        ("Old Mill Bakery", "inactive", "912", None, "Riverton", "82501"),
    ]


def test_autotask_makes_companies_and_people():
    found = read("autotask")
    assert rows(found, "companies", "name", "status", "region") == [
        ("Delta Ridge Dental", "active", "WY"),
        ("Birch & Co", "prospect", None),
    ]
    assert rows(found, "contacts", "first_name", "last_name", "email", "title") == [
        ("Mara", "Ode", "mara@delta.example", "Owner"),
        ("Finn", "Low", "finn@delta.example", None),
    ]
    assert rows(read("autotask-organizations"), "companies", "name", "status", "external_id") == [
        ("Delta Ridge Dental", "active", "29683500"),
        ("Old Mill Bakery", "inactive", "29683501"),
    ]
    assert rows(read("autotask-contacts"), "contacts", "external_id", "phone", "active", "company_external_id") == [
        ("30701", "(555) 019-0011", "True", "29683500"),
        ("30702", "(555) 019-0001", "False", "29683500"),
    ]


@pytest.mark.parametrize("name", ["datto-rmm-devices", "n-central-devices", "ninjaone-devices", "tactical-rmm-agents"])
def test_devices_of_four_tools(name):
    found = rows(read(name), "assets", "name", "type", "serial")
    assert found[:2] == [("DRD-LT07", "workstation", "5CD1"), ("DRD-SRV1", "server", "CZ2")]
    assert [kind for _, kind, _ in found[2:]] == {
        "datto-rmm-devices": ["firewall"],
        "n-central-devices": ["switch"],
        "ninjaone-devices": ["vm"],
    }.get(name, [])


def test_when_devices_were_seen():
    seen = {name: rows(read(name), "assets", "last_seen_at") for name in ("datto-rmm-devices", "n-central-devices", "ninjaone-devices")}
    assert seen["datto-rmm-devices"] == [("2026-11-20 15:04:05+00:00",), ("2026-11-21 01:00:00+00:00",), (None,)]
    assert seen["n-central-devices"] == [("2026-11-20 22:04:05+00:00",), ("2026-11-21 08:00:00+00:00",), (None,)]
    assert seen["ninjaone-devices"] == [("2026-11-20 15:04:05+00:00",), ("2026-11-21 01:00:00+00:00",), (None,)]
    assert all("last_seen_at" not in read(name)["assets"][0][2] for name in seen)


def test_halopsa_clients_and_users():
    assert rows(read("halopsa-clients"), "companies", "name", "status", "external_id", "domains") == [
        ("Delta Ridge Dental", "active", "41", "('delta.example',)"),
        ("Old Mill Bakery", "inactive", "42", None),
    ]
    assert rows(read("halopsa-users"), "contacts", "first_name", "last_name", "active", "phone") == [
        ("Mara", "Ode", "True", "01134960001"),
        ("Finn", "Low", "False", "07700900001"),
    ]


def test_microsoft_365_asks_for_its_company_a_single_time():
    _, errors, _ = read("microsoft-365-users")["contacts"]
    assert [(error.line, error.column) for error in errors] == [(1, "company_account_number")]
    found = read("microsoft-365-users", Said(company="400001"))
    assert rows(found, "contacts", "first_name", "last_name", "active", "billable", "exclusion_reason") == [
        ("Mara", "Ode", "True", None, None),
        ("Front Desk", "Mailbox", "True", "False", "Unlicensed"),
        ("Finn", "Low", "False", None, None),
    ]
    assert [set(row) & {"billable", "exclusion_reason"} for row in found["contacts"][0]] == [set(), {"billable", "exclusion_reason"}, set()]


def test_quickbooks_customers():
    found = read("quickbooks-customers")
    assert rows(found, "companies", "name", "main_phone", "address") == [
        ("Delta Ridge Dental", "(555) 019-0001", "12 Mill Lane, Riverton, WY 82501"),
        ("Birch & Co", None, "3 Elm Road, Riverton, WY 82502"),
    ]
    assert rows(found, "contacts", "first_name", "last_name", "email", "phone") == [("Mara", "Ode", "mara@delta.example", "(555) 019-0011")]
    assert found["companies"][2] == [
        "Lines 1, 2 were left out: they stand above the headings.",
        "Lines 8, 9 were left out: they are totals or stand below the table.",
    ]


def test_syncro_customers():
    found = read("syncro-customers")
    assert rows(found, "companies", "name", "external_id", "main_phone", "status") == [
        ("Delta Ridge Dental", "7701", "5550190001", "active"),
        ("Old Mill Bakery", "7702", "5550190003", "inactive"),
    ]
    assert rows(found, "contacts", "first_name", "phone", "external_id", "company_external_id") == [("Mara", "5550190011", None, "7701")]
    assert "Line 4 has nothing under business_name and was left out." in found["companies"][2]


def test_veeam_measures_devices_and_makes_none():
    found = read("veeam-backups")
    assert rows(found, "assets", "name", "backup_bytes", "measured_at") == [
        ("DRD-SRV1", "2473901162496", "2026-11-21 09:30:00+00:00"),
        ("DRD-LT07", "104475079475", "2026-11-21 06:05:00+00:00"),
        ("DRD-NEW", None, None),
    ]
    assert set(found["assets"][0][2]) == {"company_account_number", "name"}
    assert not next(preset for preset in PRESETS if preset.name == "veeam-backups").part("assets").creates


def test_xero_contacts():
    found = read("xero-contacts")
    assert rows(found, "companies", "name", "external_id", "city", "address") == [
        ("Delta Ridge Dental Limited", "DEL001", "Leeds", "12 Mill Lane\nSuite 4"),
        ("Birch & Co", None, "York", "3 Elm Road"),
    ]
    assert rows(found, "contacts", "first_name", "email", "phone") == [("Mara", "accounts@delta.example", "+44 7700 900001")]
    assert any(note.startswith("DueDateSalesDay 30 (line 2)") for note in found["companies"][2])
