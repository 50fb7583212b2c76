"""Other tools' lists of hours worked are read unedited: each preset beside an invented file of its layout."""

from pathlib import Path

import pytest

from hmlib.imports.reading import clue_of
from hmlib.tests.preset_samples import assert_sound, sample
from treasury_srv.imports.labour_columns import READ
from treasury_srv.imports.presets import PRESETS

LAYOUTS = Path(__file__).parent / "layouts"
KINDS = {"labour": READ}
FIRST_DAY = {
    "autotask-time": "2026-11-05 16:15",
    "clockify-detailed": "2026-11-05 16:15",
    "connectwise-time": "2026-11-05 07:00",
    "halopsa-time": "2026-11-05 16:15",
    "syncro-timers": "2026-11-05 16:15",
    "toggl-detailed": "2026-11-05 16:15",
}


def test_every_preset_is_sound_and_has_its_sample():
    assert_sound(PRESETS, KINDS)
    assert {preset.name for preset in PRESETS} == {path.stem for path in LAYOUTS.glob("*.csv")} == set(FIRST_DAY)


@pytest.mark.parametrize("name", FIRST_DAY)
def test_hours_of_each_tool(name):
    preset, found = sample(LAYOUTS, name, PRESETS, KINDS)
    values, errors, _ = found["labour"]
    assert (preset.name, errors, len(values)) == (name, [], 2)
    first, second = values
    assert str(first["worked_at"]).startswith(FIRST_DAY[name]) and clue_of(first).text == "Delta Ridge Dental"
    assert (float(first["hours"]), first["billable"], second["billable"]) == (2.0 if name == "connectwise-time" else 1.5, True, False)
    assert first["person"] and first["description"] == "New printer" and "ended_at" not in first


def test_connectwise_counts_what_it_invoices_and_names_what_it_does_not():
    _, found = sample(LAYOUTS, "connectwise-time", PRESETS, KINDS)
    values, _, notes = found["labour"]
    assert [(row["external_id"], row["ticket"], str(row["hours"])) for row in values] == [
        ("70011", "90101", "2.00"),
        ("70012", "90102", "0.75"),
    ]
    assert "Line 4 has nothing under Inv Hrs and was left out." in notes


def test_times_of_a_clock_are_hours_with_six_decimals():
    _, found = sample(LAYOUTS, "clockify-detailed", PRESETS, KINDS)
    assert [str(row["hours"]) for row in found["labour"][0]] == ["1.5", "0.333333"]
    assert str(found["labour"][0][1]["worked_at"]) == "2026-11-15 21:00:00+00:00"
