"""Files of other tools: which heading means what, which rows are data, and what a cell says of its column."""

import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmlib.imports import reading
from hmlib.imports.companies import Clue
from hmlib.imports.presets import From, Part, Preset, at, mapping_key, named, recognised
from hmlib.imports.reading import COMPANY_CALLED, COMPANY_ID_COLUMN, Said, clue_of, headings_of, instructions
from hmlib.tables import files
from hmlib.tables.columns import Column
from hmlib.tables.rows import Slice, Tail, slices
from hmlib.tables.sheets import Unreadable

COLUMNS = (
    Column("company_account_number", required=True, kind="reference", also=COMPANY_CALLED),
    COMPANY_ID_COLUMN,
    Column("name", key=True, required=True, label="Device", also=("Hostname", "Computer")),
    Column(
        "type",
        kind="choice",
        choices=("workstation", "server"),
        also=("Device Type",),
        words={"Laptop": "workstation", "Windows Server": "server"},
    ),
    Column("size", kind="size", measured=True, also=("Backup Size",)),
    Column("seen_at", kind="datetime", measured=True, also=("Last Seen", "Last Contact", "Date"), time_also=("Time",)),
    Column("hours", kind="duration", places=6, also=("Duration",), between=("seen_at", "ended_at")),
    Column("ended_at", kind="datetime", aside=True, also=("End",), time_also=("End time",)),
    Column("active", kind="bool", also=("Enabled", "Inactive"), words={"Enabled": "yes"}, yes_is={"Inactive": ("no", "yes")}),
    Column("first_name"),
    Column("last_name"),
    Column("person", aside=True, splits=("first_name", "last_name"), also=("Full Name",)),
    Column("email", kind="email"),
    Column("address", lines=True, joined="\n", also=("Address 1", "Address 2")),
    Column("price", kind="decimal"),
)


def read(text, said=reading.NOTHING, columns=COLUMNS, **how):
    """All rows, all errors and the tail."""
    raw = text if isinstance(text, bytes) else text.encode()
    parts = list(files.slices(raw, replace(instructions("x.csv", columns, said, zone="UTC"), **how)))
    rows = [row for part in parts if isinstance(part, Slice) for row in part.rows]
    return rows, [error for part in parts for error in part.errors], parts[-1]


def value(heading, cell, column, **how):
    rows, errors, _ = read(f"Client;Hostname;{heading}\nAcme;PC;{cell}\n", **how)
    assert errors == []
    return rows[0].values.get(column, "left")


def test_what_other_tools_call_a_column():
    rows, errors, tail = read("Site,COMPUTER,device_type,Colour\nAcme,PC,Laptop,red\nAcme,DC,windows server,blue\n")
    assert [(row.values["company_account_number"], row.values["name"], row.values["type"]) for row in rows] == [
        ("Acme", "PC", "workstation"),
        ("Acme", "DC", "server"),
    ]
    assert (errors, tail.notes, tail.present) == (
        [],
        ["The column Colour is not known and was left out."],
        {"company_account_number", "name", "type"},
    )


def test_of_several_headings_the_first_filled_cell_counts():
    rows, _, tail = read("Client,Computer,Hostname\nAcme,,A\nAcme,B,C\n")
    assert [row.values["name"] for row in rows] == ["A", "C"]
    assert tail.notes == ["name is taken from Hostname, where that is empty from Computer."]


def test_a_heading_goes_to_the_column_that_knows_it_best():
    columns = (Column("company", also=("Client", "Site")), Column("name", required=True, also=("Site",)))
    assert [row.values for row in read("Client,Site\nAcme,Main\n", columns=columns)[0]] == [{"company": "Acme", "name": "Main"}]
    assert [row.values for row in read("Site\nMain\n", columns=columns)[0]] == [{"name": "Main"}]


def test_a_columns_own_name_is_no_synonym_of_another():
    columns = (Column("account", required=True), Column("name", also=("Account",)))
    assert [row.values for row in read("account\n1\n", columns=columns)[0]] == [{"account": "1"}]


def test_a_person_goes_before_all_else():
    said = Said(mapping={"Box": "name", "hostname": ""}, words={"type": {"Blech": "server"}}, company="400001")
    rows, errors, tail = read("Hostname,Box,Type\nA,B,Blech\nA,C,laptop\n", said)
    assert [row.values for row in rows] == [
        {"name": "B", "type": "server", "company_account_number": "400001"},
        {"name": "C", "type": "workstation", "company_account_number": "400001"},
    ]
    assert (errors, tail.notes) == ([], [])


def test_without_a_company_there_is_one_question():
    rows, errors, _ = read("Hostname\n" + "A\n" * 50)
    assert (rows, [(error.line, error.column) for error in errors]) == ([], [(1, "company_account_number")])
    assert "one company for the whole file" in errors[0].message


def test_titles_totals_and_remarks_are_left_out_with_a_note():
    text = (
        'Device list\nExample MSP\n\nClient,Hostname,Price\nAcme,A,1.50\nAcme,B,2.50\n\nTOTAL,,4.00\n"Thursday, Nov 26, 2026 09:12 AM",,\n'
    )
    rows, errors, tail = read(text)
    assert ([row.line for row in rows], errors) == ([5, 6], [])
    assert tail.notes == [
        "Lines 1, 2 were left out: they stand above the headings.",
        "Lines 8, 9 were left out: they are totals or stand below the table.",
    ]


@pytest.mark.parametrize("last", ["Total Care,PC,", "Acme,Total,1", "Acme,PC,", "Total,,1\nAcme,PC,"])
def test_what_only_looks_like_a_total_is_data(last):
    rows, errors, tail = read(f"Client,Hostname,Price\nAcme,A,1\n{last}\n")
    assert tail.notes == [] and len(rows) + len(errors) == 1 + len(last.splitlines())


def test_a_choice_that_nobody_knows_is_one_error_however_many_rows_have_it():
    rows, errors, _ = read("Client,Hostname,Type\n" + "".join(f"Acme,PC{n},{'Toaster' if n % 2 else 'Laptop'}\n" for n in range(100)))
    assert (len(rows), [(error.line, error.value) for error in errors]) == (50, [(3, "Toaster")])
    assert errors[0].message.endswith("49 more rows say the same.")


def test_a_column_of_two_readings_is_refused_as_a_whole_and_a_person_may_decide():
    text = "Client;Hostname;Price\n" + "".join(f"Acme;PC{n};1.{n:03}\n" for n in range(100, 200))
    rows, errors, _ = read(text)
    assert (rows, [error.line for error in errors]) == ([], [2])
    assert errors[0].message.startswith("The value can be read as 1.1 or as 1100;") and "99 more rows" in errors[0].message
    assert read(text, Said(decimal="comma"))[0][0].values["price"] == 1100
    assert read(text, Said(decimal="point"))[0][0].values["price"] == Decimal("1.1")
    assert read(text + "Acme;X;12,5\n")[0][0].values["price"] == 1100


def test_sizes_and_durations_are_decided_by_their_column_too():
    rows, errors, _ = read("Client;Hostname;Backup Size;Duration\nAcme;A;1.234 GB;1,250\nAcme;B;250,4 GB;1:30\nAcme;C;1 TB;0,5 h\n")
    assert errors == []
    assert [(row.values["size"], row.values["hours"]) for row in rows] == [
        (1234 * 2**30, Decimal("1.25")),
        (268864952730, Decimal("1.5")),
        (2**40, Decimal("0.5")),
    ]


@pytest.mark.parametrize(
    ("heading", "cell", "column", "found"),
    [
        ("Backup Size (GB)", "1,5", "size", 1610612736),
        ("backup_size_mb", "2", "size", 2097152),
        ("Backup Size", "", "size", "left"),
        ("Backup Size", "N/A", "size", "left"),
        ("Backup Size", "-", "size", "left"),
        ("Backup Size", "0", "size", 0),
        ("Duration (min)", "90", "hours", Decimal("1.5")),
        ("Duration (decimal)", "1,25", "hours", Decimal("1.25")),
        ("Last Contact (Unix)", "1732612353", "seen_at", datetime(2024, 11, 26, 9, 12, 33, tzinfo=UTC)),
        ("last_seen_unix_ms", "1732612353000", "seen_at", datetime(2024, 11, 26, 9, 12, 33, tzinfo=UTC)),
        ("Last Seen", "2026-11-26 09:12", "seen_at", datetime(2026, 11, 26, 9, 12, tzinfo=UTC)),
        ("Inactive", "FALSE", "active", True),
        ("Inactive", "yes", "active", False),
        ("Enabled", "Enabled", "active", True),
        ("Active", "no", "active", False),
    ],
)
def test_what_a_cell_says(heading, cell, column, found):
    assert value(heading, cell, column) == found


def test_a_time_without_an_offset_is_the_msps_and_a_heading_may_say_otherwise():
    assert value("Last Seen", "2026-07-01 09:00", "seen_at", zone="America/Chicago").hour == 14
    assert value("Last Seen (UTC)", "2026-07-01 09:00", "seen_at", zone="America/Chicago").hour == 9
    assert value("Last Seen", "2026-07-01 09:00 -0700", "seen_at", zone="America/Chicago").hour == 16


def test_each_column_says_its_own_order_of_days():
    rows, errors, _ = read("Client,Hostname,Last Seen,End\nAcme,A,03/04/2026,04/03/2026\nAcme,B,25/04/2026,04/25/2026\n")
    assert errors == [] and [row.values["seen_at"].month for row in rows] == [4, 4]
    assert [row.values["hours"] for row in rows] == [0, 0]


def test_a_day_and_a_time_in_two_columns_and_hours_between():
    rows, errors, _ = read("Client,Hostname,Date,Time,End time\nAcme,A,05.10.2026,09:00,10:15\nAcme,B,05.10.2026,23:30,00:30\n")
    assert errors == []
    assert [(row.values["seen_at"].isoformat(), row.values["hours"]) for row in rows] == [
        ("2026-10-05T09:00:00+00:00", Decimal("1.25")),
        ("2026-10-05T23:30:00+00:00", Decimal(1)),
    ]
    assert "ended_at" not in rows[0].values
    rows, errors, _ = read("Client,Hostname,Date,End\nAcme,A,2026-10-05 09:00,2026-10-03 10:15\n")
    assert (rows, [(error.line, error.column, error.message) for error in errors]) == (
        [],
        [(2, "ended_at", "The end is before the start.")],
    )


def test_work_past_midnight_ends_on_the_next_day_in_any_zone():
    rows, errors, _ = read("Client,Hostname,Date,Time,End time\nAcme,A,05.10.2026,23:30,00:30\n", zone="America/Chicago")
    assert (errors, rows[0].values["hours"]) == ([], Decimal(1))


def test_a_whole_name_fills_what_is_not_there():
    rows, _, _ = read("Client,Hostname,Full Name,First name\nAcme,A,Gav Reed,\nAcme,B,Gav Reed,Gavin\n")
    assert [(row.values["first_name"], row.values["last_name"]) for row in rows] == [("Gav", "Reed"), ("Gavin", "Reed")]
    assert "person" not in rows[0].values


def test_an_address_of_several_cells_is_one_of_several_lines():
    assert read("Client,Hostname,Address 1,Address 2\nAcme,A,1 High St,Floor 2\n")[0][0].values["address"] == "1 High St\nFloor 2"


@given(st.permutations(["Client", "Hostname", "Device Type", "Backup Size", "Inactive", "Price"]), st.randoms(use_true_random=False))
def test_the_order_of_columns_and_rows_does_not_matter(order, chance):
    lines = [
        {
            "Client": "Acme",
            "Hostname": f"PC{n}",
            "Device Type": "Laptop",
            "Backup Size": f"{n},5 GB",
            "Inactive": "no",
            "Price": f"1.{n:03}",
        }
        for n in range(5)
    ]
    lines.append({"Client": "Acme", "Hostname": "X", "Price": "0,5"})
    plain = {str(row.values) for row in read(written(list(lines[0]), lines))[0]}
    chance.shuffle(lines)
    rows, errors, _ = read(written(order, lines))
    assert errors == [] and {str(row.values) for row in rows} == plain


def written(order, lines):
    return "\n".join([";".join(order), *(";".join(line.get(heading, "") for heading in order) for line in lines)])


def test_a_long_file_comes_in_slices_and_says_the_same(monkeypatch):
    lines = [f"Acme;PC{n};{n}.5 GB;{n % 24:02}:30;26-Nov-26;Enabled;Gav Reed;{n},25\n" for n in range(1_800)]
    text = "Client;Hostname;Backup Size;Duration;Last Seen;Enabled;Full Name;Price;Odd\n" + "".join(lines) + "Acme;Y;;;;maybe;;;\n"
    here = read(text)
    monkeypatch.setattr(files, "SHORT", 0)
    parts = list(files.slices(text.encode(), instructions("x.csv", COLUMNS)))
    assert [(len(part.rows), part.total) for part in parts[:-1]] == [(500, 1_801)] * 3 + [(300, 1_801)] and isinstance(parts[-1], Tail)
    assert read(text) == here and len(here[0]) == 1_800 and len(here[1]) == 1


def test_a_reader_that_stops_ends_its_child_and_a_bad_file_is_refused_in_words(monkeypatch):
    monkeypatch.setattr(files, "SHORT", 0)
    slices = files.slices(("Client,Hostname\n" + "Acme,PC\n" * 5_000).encode(), instructions("x.csv", COLUMNS))
    assert len(next(slices).rows) == 1
    slices.close()
    with pytest.raises(Unreadable, match="neither CSV nor XLSX"):
        list(files.slices(b"<html>" * 50, instructions("x.csv", COLUMNS)))


TOOL = Preset(
    name="tool",
    label="Tool",
    source="tool",
    marks=("cust", "who"),
    day_first=True,
    decimal="comma",
    noted=("Terms",),
    totals=True,
    parts=(
        Part("companies", {"name": at("cust"), "phone": From(("Phones",), after=("Phone:",))}, first_of=("name",)),
        Part(
            "contacts", {"name": at("who"), "active": From(("off",), yes_is={"off": ("no", "yes")}), "price": at("Rate")}, needs=(("who",),)
        ),
    ),
)
KINDS = {
    "companies": (Column("name", key=True, required=True), Column("phone", also=("who",))),
    "contacts": (Column("name", key=True, required=True), Column("active", kind="bool"), Column("price", kind="decimal"), Column("cust")),
}
FILE = (
    b'cust,who,off,Phones,Rate,Terms,Odd\nAcme,Gav,no,Phone:(555) 010 Mobile:7,"1.250",30,x\nAcme,Jo,yes,,,,\nBirch,,,Fax:1 Phone:2,,14,\n'
    b"Total for Acme,,,,,,\nTotal Forklifts,,no,3,,,\n"
)


def of(kind, said=reading.NOTHING):
    parts = list(files.slices(FILE, instructions("x", KINDS[kind], said, TOOL, TOOL.part(kind))))
    return parts[0].rows, [error for part in parts for error in part.errors], parts[-1]


def test_one_file_makes_two_kinds():
    companies, errors, tail = of("companies")
    assert ([(row.line, row.values) for row in companies], errors) == (
        [(2, {"name": "Acme", "phone": "(555) 010"}), (4, {"name": "Birch", "phone": "2"}), (6, {"name": "Total Forklifts", "phone": "3"})],
        [],
    )
    assert companies[0].beside == {"Terms": "30"} and tail.repeated == (3,)
    assert tail.notes == [
        "The column Odd is not known and was left out.",
        "Terms 30 (line 2) has no column here; it is kept with the import.",
        "Terms 14 (line 4) has no column here; it is kept with the import.",
    ]
    contacts, errors, tail = of("contacts")
    assert ([(row.values["name"], row.values["active"], row.values["price"]) for row in contacts], errors) == (
        [("Gav", True, Decimal(1250)), ("Jo", False, None)],
        [],
    )
    assert tail.notes[1:] == ["Line 4 has nothing under who and was left out.", "Line 6 has nothing under who and was left out."]


def test_a_preset_is_asked_for_by_its_name():
    assert (named("tool", [TOOL]), named("Tool", [TOOL])) == (TOOL, None)


def test_a_preset_is_recognised_by_its_headings_alone():
    other = Preset(name="other", label="", source="", marks=("cust", "who", "Terms"), parts=())
    assert recognised(["WHO", "Cust", "x"], [TOOL, other]) == TOOL
    assert recognised(["who", "cust", "terms"], [TOOL, other]) == other
    assert recognised(["who"], [TOOL, other]) is None
    assert headings_of(b"A title\n\ncust,who\nAcme,Gav\n", (), [TOOL]) == (["cust", "who"], TOOL)


def test_the_order_of_days_is_the_cells_else_a_persons_else_the_presets_else_the_msps():
    open_file, clear = b"cust,seen\nAcme,03/04/2026\n", b"cust,seen\nAcme,03/04/2026\nAcme,04/25/2026\n"
    columns = (Column("cust", required=True), Column("seen", kind="date"))

    def month(raw, said=reading.NOTHING, preset=None, day_first=False):
        part = Part("x", {}) if preset else None
        first = next(files.slices(raw, instructions("x", columns, said, preset, part, day_first=day_first)))
        return first.rows[0].values["seen"].month

    days = replace(TOOL, day_first=True, parts=(Part("x", {}),))
    assert (month(open_file), month(open_file, day_first=True), month(open_file, preset=days)) == (3, 4, 4)
    assert month(open_file, Said(day_first=False), days, day_first=True) == 3
    assert month(clear, Said(day_first=True), days, day_first=True) == 3


def test_days_in_both_orders_are_one_error():
    text = "Client,Hostname,Last Seen\nAcme,A,25/04/2026\nAcme,B,04/25/2026\n" + "".join(f"Acme,P{n},03/04/2026\n" for n in range(40))
    rows, errors, _ = read(text)
    assert (len(rows), [(error.line, error.column) for error in errors]) == (2, [(4, "seen_at")])
    assert "39 more rows" in errors[0].message


def test_a_mapping_is_remembered_by_kind_and_set_of_headings():
    key = mapping_key("companies", ["Client Name", "phone"])
    assert key == mapping_key("companies", ["PHONE", "client_name", ""]) and len(key) == 64
    assert key not in {
        mapping_key("contacts", ["Client Name", "phone"]),
        mapping_key("companies", ["Client Name"]),
        mapping_key("companies", ["clientnamephone"]),
    }


def test_what_a_row_says_of_its_company():
    assert clue_of({"company_account_number": "Acme", "email": None}) == Clue("Acme", "", "")
    assert clue_of({"company_external_id": "7", "email": "a@b.example"}) == Clue("", "7", "a@b.example")


def test_a_workbooks_numbers_days_and_times_need_no_deciding():
    import datetime as dt

    from hmlib.tests.test_files import workbook

    raw = workbook(
        [["Client", "Hostname", "Price", "Date", "Time", "Duration"], [400001, "PC", 1.234, dt.date(2026, 10, 5), "09:00", 1.25]]
    )
    rows, errors, _ = read(raw)
    assert errors == []
    assert rows[0].values == {
        "company_account_number": "400001",
        "name": "PC",
        "price": Decimal("1.234"),
        "seen_at": datetime(2026, 10, 5, 9, tzinfo=UTC),
        "hours": Decimal("1.25"),
    }


def test_a_workbooks_durations_are_hours():
    import io

    import xlsxwriter

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet, clock = book.add_worksheet(), book.add_format({"num_format": "[h]:mm:ss"})
    sheet.write_row(0, 0, ["Client", "Hostname", "Duration"])
    for line, days in enumerate([1.25 / 24, 30.5 / 24, 0.75 / 24], 1):
        sheet.write_row(line, 0, ["Acme", f"PC{line}"])
        sheet.write_number(line, 2, days, clock)
    book.close()
    rows, errors, _ = read(out.getvalue())
    assert (errors, [row.values["hours"] for row in rows]) == ([], [Decimal("1.25"), Decimal("30.5"), Decimal("0.75")])


def test_what_is_not_measured_stays_with_a_note():
    rows, errors, tail = read("Client,Hostname,Backup Size\nAcme,A,n/a\nAcme,B,-\nAcme,C,\nAcme,D,0\n")
    assert (errors, [row.values.get("size", "left") for row in rows]) == ([], ["left", "left", "left", 0])
    assert tail.notes == ["size says nothing on line 2 and 2 more; what is stored there stays."]


def test_what_is_kept_beside_is_listed_a_hundred_times_and_counted():
    lines = "".join(f"Acme,PC{n},{n}\n" for n in range(150)) + "Acme,Y,7\n"
    rows, _, tail = read("Client,Hostname,Terms\n" + lines, noted=("Terms",))
    assert len(rows) == 151 and rows[-1].beside == {"Terms": "7"}
    assert tail.notes[7] == "Terms 7 (lines 9, 152) has no column here; it is kept with the import."
    assert tail.notes[-1] == "50 more values have no column here; they are kept with the import."


def test_a_long_file_takes_no_more_memory_than_a_short_one():
    columns = tuple(replace(column, key=False) for column in COLUMNS)

    def peak(rows):
        raw = ("Client;Hostname;Backup Size;Duration;Last Seen\n" + "Acme;PC;1.5 GB;1:30;26-Nov-26\n" * rows).encode()
        tracemalloc.start()
        try:
            assert sum(len(part.rows) for part in slices(raw, instructions("x.csv", columns)) if isinstance(part, Slice)) == rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(600)  # whatever is made at the first call
    assert peak(10_000) < 1.2 * peak(1_000)
    assert peak(10_000) < 3 * 2**20
