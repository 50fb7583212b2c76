"""Reading what other programs export, and writing what a spreadsheet may open."""

import csv
import datetime
import io
import itertools
import sys
import tracemalloc
from decimal import Decimal
from zipfile import ZipFile

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from hmlib.tables import files, sheets
from hmlib.tables import rows as tables
from hmlib.tables.columns import Column

COLUMNS = (
    Column("account_number", key=True, required=True, max_length=6),
    Column("name", max_length=40),
    Column("active_on", kind="date"),
    Column("active", kind="bool"),
    Column("size", kind="int", minimum=0),
    Column("price", kind="decimal"),
    Column("level", kind="choice", choices=("standard", "month_to_month")),
    Column("domains", kind="list"),
    Column("email", kind="email"),
    Column("seen_at", kind="datetime"),
    Column("external_id"),
)


def read(text, **options):
    return files.read(text if isinstance(text, bytes) else text.encode(), "book.csv", COLUMNS, **options)


def values(text, column, **options):
    sheet = read(text, **options)
    assert sheet.errors == []
    return [row.values[column] for row in sheet.rows]


def workbook(rows):
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet()
    for line, row in enumerate(rows):
        for place, cell in enumerate(row):
            sheet.write(line, place, cell)
    book.close()
    return out.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_delimiter_encoding_and_line_end(delimiter, encoding, end):
    raw = end.join(delimiter.join(row) for row in [("Account Number", "NAME"), ("100001", "Müller & Söhne"), ("100002", "Café")]).encode(
        encoding
    )
    assert values(raw, "name") == ["Müller & Söhne", "Café"]


def test_a_workbook_is_read_like_a_csv_file():
    sheet = read(
        workbook(
            [
                ["Account number", "Name", "Active on", "Size"],
                [100001, "=1+1" and "x", datetime.date(2026, 1, 31), 5e11],
                [],
                [100002, "y", "1/2/26", 7],
            ]
        )
    )
    assert [(row.line, row.values["account_number"], str(row.values["active_on"]), row.values["size"]) for row in sheet.rows] == [
        (2, "100001", "2026-01-31", 500_000_000_000),
        (4, "100002", "2026-01-02", 7),
    ]


def test_headings_are_compared_without_case_spaces_and_underscores():
    assert values("ACCOUNT-number; E Mail ;External ID\n100001;a@b.example;x", "external_id") == ["x"]


def test_unknown_and_double_columns_are_noted():
    assert read("account_number,colour,name,Name\n100001,red,A,B").notes == [
        "The column colour is not known and was left out.",
        "The column Name stands there twice; the first one counts.",
    ]


def test_a_mapping_leads_from_headings_to_columns():
    assert values("Kunde,Firma\n100001,Acme", "name", mapping={"kunde": "account_number", "Firma": "name"}) == ["Acme"]


def test_title_rows_and_blank_rows_are_passed_over():
    sheet = read("\nReport of today,,\n\naccount_number,name\n\n100001,Acme\n , \n;\n,,\n\n")
    assert [row.line for row in sheet.rows if row.values["name"]] == [6]


def test_stray_quotes_spoil_only_their_own_line():
    text = 'account_number,name\n100001,"Acme "Best" Inc"\n100002,"Open\n100003,24" Screens\n"100004","Two ""good"" ones"\n'
    text += '100005,"Over\ntwo lines"\n100006,Last'
    assert values(text, "name") == ['Acme "Best" Inc', "Open", '24" Screens', 'Two "good" ones', "Over two lines", "Last"]


def test_a_line_number_is_that_of_the_file_after_a_cell_of_many_lines():
    sheet = read('account_number,name,size\n100001,"a\nb\nc",1\n100002,x,many')
    assert [(error.line, error.column, error.value, error.message) for error in sheet.errors] == [
        (5, "size", "many", "The value is not a whole number.")
    ]


@pytest.mark.parametrize("blank", ["", "N/A", "n/a", " - ", "NULL", "#N/A", "(none)", "\u00a0"])
def test_what_means_nothing_is_none(blank):
    assert values(f"account_number,name\n100001,{blank}", "name") == [None]


@pytest.mark.parametrize("name", ["Null", "NA", "None", "Na"])
def test_a_person_may_be_called_so(name):
    assert values(f"account_number,name\n100001,{name}", "name") == [name]


def test_what_cannot_be_seen_is_left_out_of_text():
    assert values("account_number,name\n100001,Ac\x00me\u200b \u202eInc\u00a0Ltd", "name") == ["Acme Inc Ltd"]


@pytest.mark.parametrize("name", ["Go\u200dld", "\u200d", "Acme\u3164", "a\u2060b", "a\u200eb", "\ue000", "a\U000e0041b", "a\ufffeb"])
def test_what_is_left_has_to_keep_the_rule_of_every_name(name):
    sheet = read(f"account_number,name\n100001,{name}\n100002,Fine")
    assert [(error.line, error.column, "cannot be seen (U+" in error.message) for error in sheet.errors] == [(2, "name", True)]
    assert [row.values["name"] for row in sheet.rows] == ["Fine"]


def test_a_name_has_one_form_of_its_letters():
    assert values("account_number,name\n100001,Cafe\u0301\n100002,\U0001f469\u200d\U0001f527 Co", "name") == [
        "Caf\u00e9",
        "\U0001f469\u200d\U0001f527 Co",
    ]


def test_spreadsheet_guards_are_not_part_of_the_value():
    assert values('account_number\tname\n="100001"\t\'=SUM(A1)', "account_number") == ["100001"]
    assert values("account_number,name\n100001,'=SUM(A1)", "name") == ["=SUM(A1)"]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-22", "2026-11-22"),
        ("2026/11/2", "2026-11-02"),
        ("22.11.2026", "2026-11-22"),
        ("22.11.26", "2026-11-22"),
        ("11/22/2026", "2026-11-22"),
        ("22/11/2026", "2026-11-22"),
        ("03/04/2026", "2026-03-04"),
        ("22-Nov-2026", "2026-11-22"),
        ("November 2, 2026", "2026-11-02"),
        ("2 nov 99", "1999-11-02"),
        ("2026-11-22T23:59:59Z", "2026-11-22"),
        ("11/22/2026 3:04 PM", "2026-11-22"),
    ],
)
def test_days(text, day):
    assert [str(found) for found in values(f'account_number,active_on\n100001,"{text}"', "active_on")] == [day]


def test_the_locale_decides_a_day_that_could_be_two():
    assert [str(day) for day in values("account_number,active_on\n100001,03/04/2026", "active_on", day_first=True)] == ["2026-04-03"]


def test_an_unmistakable_day_decides_for_its_file():
    text = "account_number,active_on\n100001,03/04/2026\n100002,31/12/2025\n100003,2026-01-05"
    assert [str(day) for day in values(text, "active_on")] == ["2026-04-03", "2025-12-31", "2026-01-05"]


def test_a_file_in_two_styles_is_read_where_that_is_unambiguous():
    sheet = read("account_number,active_on\n100001,03/04/2026\n100002,31/12/2025\n100003,12/31/2025\n100004,05/05/2026")
    assert [(error.line, error.value) for error in sheet.errors] == [(2, "03/04/2026")]
    assert [str(row.values["active_on"]) for row in sheet.rows] == ["2025-12-31", "2025-12-31", "2026-05-05"]


@pytest.mark.parametrize("text", ["31/31/2026", "2026-02-30", "tomorrow", "1/2", "22/11/202", "0026-01-01", "1" * 5000])
def test_no_days(text):
    assert [error.column for error in read(f"account_number,active_on\n100001,{text}").errors] == ["active_on"]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-22T15:04:05Z", "2026-11-22T15:04:05+00:00"),
        ("2026-11-22 15:04", "2026-11-22T15:04:00"),
        ("11/22/2026 3:04 PM", "2026-11-22T15:04:00"),
        ("22.11.2026 12:30 AM +02:00", "2026-11-22T00:30:00+02:00"),
        ("2026-11-22", "2026-11-22T00:00:00"),
    ],
)
def test_times(text, at):
    assert [found.isoformat() for found in values(f"account_number,seen_at\n100001,{text}", "seen_at")] == [at]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,234.50", "1234.50"),
        ("$1 234.5", "1234.5"),
        ("(12.00)", "-12.00"),
        ("1.234,56", "1234.56"),
        ("12,5", "12.5"),
        ("-0.5", "-0.5"),
        ("1,500,000", "1500000"),
        ("1.500", "1.5"),
        (".5", "0.5"),
    ],
)
def test_decimals(text, number):
    assert values(f'account_number,price\n100001,"{text}"', "price") == [Decimal(number)]


@pytest.mark.parametrize(("delimiter", "text"), [(";", "1,500"), (";", "1.500"), ("\t", "1.500"), (",", '"1,500"')])
def test_a_number_that_could_be_two_is_refused_with_both(delimiter, text):
    assert [error.message for error in read(f"account_number{delimiter}price\n100001{delimiter}{text}").errors] == [
        "The value can be read as 1.5 or as 1500; write it without a mark between thousands."
    ]


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1.500", "12,5"], ["1500", "12.5"]),
        (["1.500", "12.50"], ["1.5", "12.5"]),
        (["1,250", "1,5"], ["1.25", "1.5"]),
        (["1,250", "1,250.00"], ["1250", "1250"]),
        (["1.250", "1.234,56"], ["1250", "1234.56"]),
        (["1.250", "1.234.567"], ["1250", "1234567"]),
        (["-1,250", "0,125"], ["-1.25", "0.125"]),
    ],
)
@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_the_other_cells_of_a_column_decide(cells, numbers, delimiter):
    text = f"account_number{delimiter}price\n" + "".join(f"{at}{delimiter}{cell}\n" for at, cell in enumerate(cells))
    assert values(text, "price") == [Decimal(number) for number in numbers]


def test_a_column_in_both_styles_is_read_where_that_is_unambiguous():
    sheet = read("account_number;price\n1;12,5\n2;12.5\n3;1.500\n")
    assert ([row.values["price"] for row in sheet.rows], [error.line for error in sheet.errors]) == ([Decimal("12.5")] * 2, [4])


def test_a_quantity_is_rounded_half_up_with_a_note():
    hours = Column("hours", kind="decimal", places=6)
    sheet = files.read(b"hours\n0.333333333333333\n1.0000005\n-2.50000000\n", "h.csv", [hours])
    assert [row.values["hours"] for row in sheet.rows] == [Decimal("0.333333"), Decimal("1.000001"), Decimal("-2.5")]
    assert sheet.notes == ["Line 2: hours 0.333333333333333 was rounded to 0.333333.", "Line 3: hours 1.0000005 was rounded to 1.000001."]


def test_a_text_that_may_be_a_number_follows_its_column_too():
    value = Column("value", numeric=True)
    assert [row.values["value"] for row in files.read(b"value;x\n1.500;\n12,5;\nGold, 2.0;\n", "v.csv", [value]).rows] == [
        "1500",
        "12.5",
        "Gold, 2.0",
    ]
    assert [error.line for error in files.read(b"value;x\n1.500;\n", "v.csv", [value]).errors] == [2]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e9", "12x", "1,2,3", "٣", "9" * 40])
def test_no_decimals(text):
    assert len(read(f'account_number,price\n100001,"{text}"').errors) == 1


@pytest.mark.parametrize(("text", "number"), [("12", 12), ("1,234,567", 1234567), ("12.0", 12), ("5.5E+11", 550_000_000_000), ("+7", 7)])
def test_whole_numbers(text, number):
    assert values(f'account_number,size\n100001,"{text}"', "size") == [number]


@pytest.mark.parametrize("text", ["-1", "1.5", "9223372036854775808", "²", "1E99", "9" * 5000])
def test_no_whole_numbers(text):
    assert len(read(f"account_number,size\n100001,{text}").errors) == 1


def test_yes_and_no():
    text = "account_number,active\n" + "".join(f"{n},{word}\n" for n, word in enumerate(["true", "1", "YES", "y", "false", "0", "No", "n"]))
    assert values(text, "active") == [True] * 4 + [False] * 4
    assert len(read("account_number,active\n1,maybe").errors) == 1


def test_choices_lists_and_addresses():
    sheet = read("account_number,level,domains,email\n1,Month to month,a.example; b.example;a.example,Jo <mailto:jo@a.example>")
    assert (sheet.rows[0].values["level"], sheet.rows[0].values["domains"], sheet.rows[0].values["email"]) == (
        "month_to_month",
        ("a.example", "b.example"),
        "jo@a.example",
    )
    sheet = read('account_number,level,email\n1,gold,"a@b\r\nBcc: c@d"')
    assert [(error.line, error.column, error.value) for error in sheet.errors] == [(2, "level", "gold"), (2, "email", "a@b\nBcc: c@d")]


def test_exact_repeats_are_noted_and_left_out():
    sheet = read("account_number,name\n100001,Acme\n100002,B\n100001,Acme\n")
    assert (len(sheet.rows), sheet.repeated, sheet.notes) == (2, (4,), ["Line 4 repeats line 2 and was left out."])


def test_one_key_with_two_meanings_is_an_error():
    sheet = read("account_number,name,external_id\n100001,Acme,\n100001,Other,\n100003,C,x\n100004,D,X\n100005,E,x")
    assert [(error.line, error.column, error.value, error.message) for error in sheet.errors] == [
        (3, "account_number", "100001", "The same account_number is on line 2 with other values."),
        (6, "external_id", "x", "The same external_id is on line 4 with other values."),
    ]


def test_a_missing_column_and_a_missing_value():
    assert [(error.line, error.column) for error in read("name,size\nAcme,1").errors] == [(1, "account_number")]
    assert [(error.line, error.column) for error in read("account_number,name\n,Acme").errors] == [(2, "account_number")]


def test_a_shifted_row_is_named():
    assert [(error.line, error.value) for error in read("account_number,name\n100001,Acme, Inc\n100002,B,,").errors] == [(2, "Inc")]


@pytest.mark.parametrize("raw", [b"", b"\n\n", b"\xd0\xcf\x11\xe0old", b"PK\x03\x04broken", b"<html><table>", b"\x00\x01\x02" * 50])
def test_what_is_no_table_is_refused(raw):
    with pytest.raises(files.Unreadable):
        read(raw)


def test_limits():
    with pytest.raises(files.Unreadable, match="100,000"):
        read("account_number\n" + "1\n" * 100_001)
    with pytest.raises(files.Unreadable, match="50 MB"):
        read(b"a" * (50 * 2**20 + 1))


def patched(raw, name, change):
    out = io.BytesIO()
    with ZipFile(io.BytesIO(raw)) as source, ZipFile(out, "w", 8, compresslevel=1) as target:
        for part in source.namelist():
            target.writestr(part, change(source.read(part)) if part == name else source.read(part))
    return out.getvalue()


def test_a_workbook_that_spans_the_world_is_refused():
    good = workbook([["account_number"], [100001]])
    raw = patched(
        good, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b'<row r="2"', b'<row r="1048576"').replace(b'r="A2"', b'r="XFD1048576"')
    )
    with pytest.raises(files.Unreadable):
        read(raw)
    assert len(read(good).rows) == 1


def test_a_workbook_that_inflates_without_end_is_refused():
    raw = patched(
        workbook([["account_number"], ["x"]]), "xl/sharedStrings.xml", lambda xml: xml.replace(b">x<", b">" + b"x" * 300_000_000 + b"<")
    )
    assert len(raw) < 2**22
    with pytest.raises(files.Unreadable):
        read(raw)


def test_a_long_text_named_by_very_many_cells_is_refused():
    raw = patched(
        workbook([["account_number"], *([["x"]] * 50_000)]),
        "xl/sharedStrings.xml",
        lambda xml: xml.replace(b">x<", b">" + b"x" * 200_000 + b"<"),
    )
    with pytest.raises(files.Unreadable):
        read(raw)


def test_headings_for_choosing_a_mapping():
    assert files.headings(b"Kunde;Name\n1;2", COLUMNS) == (["Kunde", "Name"], {"Name": "name"})


def test_cells_that_would_run_are_neutralised_and_numbers_stay():
    raw = files.write_csv(["a", "b", "c"], [["=HYPERLINK(1)", "+1", -1], ["@x", "\tx", Decimal("-2.50")], [None, "Müller", True]])
    assert list(csv.reader(io.StringIO(raw.decode(), newline=""))) == [
        ["a", "b", "c"],
        ["'=HYPERLINK(1)", "'+1", "-1"],
        ["'@x", "'\tx", "-2.50"],
        ["", "Müller", "yes"],
    ]
    assert raw.count(b"\r\n") == 4


def test_a_workbook_that_was_written_holds_no_formula():
    raw = files.write_xlsx(["account_number", "name", "size"], [["100001", "=HYPERLINK(1)", 5], ["100002", "http://x.example", None]])
    with ZipFile(io.BytesIO(raw)) as packed:
        assert not any(b"<f>" in packed.read(part) for part in packed.namelist())
    assert [(row.values["name"], row.values["size"]) for row in read(raw).rows] == [("=HYPERLINK(1)", 5), ("http://x.example", None)]


def test_a_workbook_has_numbers_to_calculate_with_and_days():
    rows = [[Decimal("-400.00"), Decimal("1.5"), 7, datetime.date(2026, 1, 31), "-400", None]]
    raw = files.write_xlsx(["total", "hours", "count", "day", "text", "nothing"], rows)
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(raw)).get_sheet_by_index(0).to_python()
    assert sheet[1] == [-400.0, 1.5, 7.0, datetime.date(2026, 1, 31), "-400", ""]
    with ZipFile(io.BytesIO(raw)) as packed:
        styles = packed.read("xl/styles.xml")
    assert b'formatCode="0.0"' in styles
    assert files.write_csv(["total"], [[Decimal("-400.00")], ["-400.00"]]) == b"total\r\n-400.00\r\n'-400.00\r\n"


def test_json_keeps_values_as_they_are():
    assert files.write_json(["a", "b"], [["=1", 2]]) == b'[{"a":"=1","b":2}]'


def test_what_was_written_is_read_back():
    rows = [["100001", "=cmd", "a.example;b.example"], ["100002", 'He said "no"', None]]
    sheet = read(files.write_csv(["account_number", "name", "domains"], rows))
    assert [(row.values["name"], row.values["domains"]) for row in sheet.rows] == [
        ("=cmd", ("a.example", "b.example")),
        ('He said "no"', None),
    ]


def test_an_outcome_prints_the_agreed_object():
    outcome = files.Outcome(created=1, errors=[files.RowError(2, "name", "x", "The value is wrong.")], notes=["n"])
    assert outcome.as_json() == {
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "errors": [{"line": 2, "column": "name", "value": "x", "message": "The value is wrong."}],
    }


def book(rows, quote):
    text = ",".join(column.name for column in COLUMNS) + "\n"
    return text + "".join(
        f"{n},{quote}Host {n}{quote},2026-01-0{n % 9 + 1},yes,{n},12.50,standard,"
        f"a.example;b.example,p{n}@a.example,2026-11-22T10:00:00Z,x-{n}\n"
        for n in range(rows)
    )


def calls_to_read(rows, quote):
    """How many functions are called to read a file of so many rows."""
    text, calls = book(rows, quote), itertools.count()
    sys.setprofile(lambda frame, event, arg: next(calls) if event in ("call", "c_call") else None)
    try:
        found = tables.read(text.encode(), tables.Instructions(columns=COLUMNS)).rows
    finally:
        sys.setprofile(None)
    assert len(found) == rows and found[-1].values["external_id"] == f"x-{rows - 1}"
    return next(calls)


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_row_of_a_long_file_is_as_little_work_as_one_of_a_short_one(quote):
    short, long = calls_to_read(1_000, quote), calls_to_read(10_000, quote)
    assert long < 10.1 * short and long < 300 * 10_000


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: b"account_number,y\n" + b"x,y\n" * (12 * 2**20), "more than 100,000 rows"),
        (lambda: b"account_number\n" + b'"\n' * 2_500_000, "more than 1,000,000 lines"),
        (lambda: b'account_number,name\n1,"' + b"a b c\n" * 8_000_000, "more than 100,000 rows"),
        (lambda: b"account_number,name\n" + b'a","b\n' * 8_000_000, "opened and never closed"),
        (lambda: b"account_number," + b"a," * 2**24, "too long"),
        (lambda: b"account_number\n" * 2 + b"a," * 300 + b"a", "more than 200 columns"),
        (lambda: b"account_number" + b"\n" * 2**25, "more than 1,000,000 lines"),
    ],
)
def test_n190_a_table_without_end_is_refused_while_it_is_read(make, why):
    """By the child, while this process keeps little more than the file itself."""
    raw = make()
    tracemalloc.start()
    try:
        with pytest.raises(files.Unreadable, match=why):
            read(raw)
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    finally:
        tracemalloc.stop()


def test_n190_a_file_that_is_too_long_is_refused_before_anybody_maps_its_columns():
    with pytest.raises(files.Unreadable, match="more than 100,000 rows"):
        files.headings(b"x,y\n" * 200_000, COLUMNS)


def test_n190_reading_stops_at_the_row_that_is_too_many():
    came = 0
    with pytest.raises(files.Unreadable, match="100,000 rows"):
        for _ in sheets.grid(b"x,y\n" * 1_000_000).rows:
            came += 1
    assert came == sheets.MAX_ROWS + 1


def test_n190_a_million_wrong_cells_are_counted_and_the_first_are_named():
    sheet = read("account_number,size\n" + "1,many\n" * 99_999)
    assert (len(sheet.errors), sheet.errors[-1].line) == (tables.MAX_ERRORS, tables.MAX_ERRORS + 1)
    assert sheet.notes[-1] == "94,999 more errors are not listed."


def test_notes_are_counted_too():
    sheet = read("account_number,name\n" + "1,a\n" * 1_000)
    assert (len(sheet.repeated), len(sheet.notes)) == (999, tables.MAX_NOTES + 1)
    assert sheet.notes[-1] == "899 more lines repeat earlier ones and were left out."


def test_a_long_file_says_the_same_as_a_short_one(monkeypatch):
    """Every kind of value comes back from the child as it was read."""
    text = (
        "account_number;name;active on;active;size;price;level;domains;email;seen_at;external id;colour\n"
        "1;Müller;03.04.2026;yes;7;1,5;standard;a.example,b.example;a@b.example;2026-11-22T15:04:05+02:00;x;red\n"
        "2;;;;;1.500;;;;2026-11-22 15:04;y;red\n3;;;maybe;;;;;;;z;\n"
    )
    here = read(text)
    monkeypatch.setattr(files, "SHORT", 0)
    assert read(text) == here and len(here.rows) == 2 and here.errors and here.notes
    assert files.headings(text.encode(), COLUMNS)[1]["external id"] == "external_id"
