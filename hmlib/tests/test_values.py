"""Numbers, sizes, durations and days in the spellings of other tools: what is written in any of them reads back as it was."""

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmlib import text as texts
from hmlib.tables import files
from hmlib.tables.cells import BadCell, reader
from hmlib.tables.columns import Column, Kind
from hmlib.tables.dates import BadDate, OrderHabit, day_of, moment, order_of
from hmlib.tables.numbers import UNITS, NotANumber, Unclear, duration, number, numbers_of, scientific, size
from hmlib.tables.reading.names import parted
from hmlib.tables.reading.survey import Instructions
from hmlib.tables.rows import Tail
from hmlib.tables.sheets import Unreadable

BEFORE = ("", "$", "\u20ac ", "USD ", "CA$", "kr ", "R$ ", "CHF\u00a0", "\u20b9")
AFTER = ("", " EUR", "\u20ac", " kr.", " z\u0142", "\u00a0%")
amounts = st.decimals(min_value=0, max_value=10**9, places=2)


def grouped(amount: Decimal, group: str, mark: str) -> str:
    whole, _, cents = f"{amount:,.2f}".partition(".")
    return whole.replace(",", group) + mark + cents


@given(
    amounts,
    st.sampled_from([",.", ".,", " .", " ,", "\u202f,", "\u2009.", "'.", "\u2019,"]),
    st.sampled_from(BEFORE),
    st.sampled_from(AFTER),
    st.sampled_from(["", "-", "\u2212", "()", "after"]),
)
def test_a_number_written_in_any_way_reads_back(amount, marks, before, after, sign):
    text = grouped(amount, *marks)
    if before and after:
        after = ""
    text = {"": f"{before}{text}{after}", "()": f"({before}{text}{after})", "after": f"{text}{after}-"}.get(
        sign, f"{sign}{before}{text}{after}"
    )
    assert number(text, "either") == (-amount if sign else amount)


@given(st.lists(amounts, min_size=1, max_size=30), st.sampled_from([",.", ".,"]), st.randoms())
def test_the_order_of_a_columns_cells_does_not_matter(column, marks, random):
    cells = [grouped(amount, *marks) for amount in column] + [f"1{marks[1]}5"]
    random.shuffle(cells)
    assert numbers_of(cells, ";") == ("point" if marks[1] == "." else "comma")
    assert sorted(number(cell, numbers_of(cells, ";")) for cell in cells) == sorted([*column, Decimal("1.5")])


@pytest.mark.parametrize("text", ["1.234", "1,250", "-1,250", "$1,250", "1.234 EUR"])
def test_a_number_of_two_readings_is_refused_until_something_decides(text):
    with pytest.raises(Unclear, match=r"can be read as .* or as "):
        number(text, "either")
    assert abs(number(text, "point") / number(text, "comma")) in (1000, Decimal("0.001"))


@pytest.mark.parametrize(
    "text",
    ["", "-", "1 2", "--5", "(5", "5)", "(-5)", "-5-", "5 ABC", "x5", "\u0663", "$5$", "1,2,3", "1.2.3", "NaN", "1e9", "5%%", "9" * 61],
)
def test_what_is_no_number(text):
    with pytest.raises(NotANumber):
        number(text, "point")


def test_a_lone_point_decides_nothing_beside_semicolons_and_nonsense_never_does():
    assert numbers_of(["1.234"], ";") == "either"
    assert numbers_of(["1.234"], ",") == "point"
    assert numbers_of(["1,2,3", "x.5", "12.34.56"], ";") == "either"
    assert numbers_of(["12.5", "12,5"], ";") == "either"


@given(
    st.integers(0, 2**60),
    st.sampled_from(["B", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"]),
    st.sampled_from(".,"),
    st.sampled_from(["", " "]),
)
def test_a_size_reads_back_within_a_byte_of_its_last_decimal(stored, unit, mark, space):
    factor = 1024 ** "BKMGT".index(unit[0])
    written = (Decimal(stored) / factor).quantize(Decimal("0.1"), ROUND_HALF_UP)
    text = f"{written:f}".replace(".", mark) + space + unit
    assert size(text, "either") == int((written * factor).quantize(Decimal(1), ROUND_HALF_UP))


def test_sizes_as_backup_reports_write_them():
    found = [
        size(text, "either") for text in ("1.5 TB", "1.5 TiB", "250.4 GB", "250,4 GB", "1.64927E+12", "1 024 MB", "12 bytes", "1,5 To")
    ]
    assert found == [1649267441664, 1649267441664, 268864952730, 268864952730, 1649270000000, 2**30, 12, 1649267441664]
    assert size("1.5", "point", "gb") == 1610612736
    assert scientific("5,5E+11") == 550_000_000_000 and scientific("1E99") is None
    for wrong in ("5 XB", "GB", "-", "1.5 h", "1E99"):
        with pytest.raises(NotANumber):
            size(wrong, "point")


@given(st.integers(0, 99 * 60), st.integers(0, 59))
def test_a_duration_written_as_a_clock_or_in_words_reads_back(minutes, seconds):
    hours, rest = divmod(minutes, 60)
    exact = (Decimal(minutes * 60 + seconds) / 3600).quantize(Decimal("0.000001"), ROUND_HALF_UP)
    whole = (Decimal(minutes) / 60).quantize(Decimal("0.000001"), ROUND_HALF_UP)
    assert {
        duration(text, "either")[0]
        for text in (f"{hours:02}:{rest:02}:{seconds:02}", f"{hours}h {rest}m {seconds}s", f"PT{hours}H{rest}M{seconds}S")
    } == {exact}
    texts = (f"{hours}:{rest:02}", f"{hours}h{rest:02}", f"{hours} hrs {rest} mins", f"{minutes} min", f"{minutes}m", f"{minutes} minutes")
    assert {duration(text, "either")[0] for text in texts} == {whole}
    assert duration(str(minutes), "either", "min")[0] == whole


@pytest.mark.parametrize(
    ("text", "hours"),
    [("1.25", "1.25"), ("1,25", "1.25"), ("1.5h", "1.5"), ("1,5 Std", "1.5"), ("0", "0"), ("-0:30", "-0.5"), ("90 s", "0.025")],
)
def test_durations_as_a_number(text, hours):
    assert duration(text, "either")[0] == Decimal(hours)


@pytest.mark.parametrize("text", ["", "PT", "1:75", "1:2", "1h 2h", "x", "1d", "\u0661:30", "1:30:99", "1 GB"])
def test_what_is_no_duration(text):
    with pytest.raises(NotANumber):
        duration(text, "point")


DAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "26-Nov-26",
            "26/Nov/2026",
            "26 Nov 2026",
            "26th Nov 2026",
            "Nov 26, 2026",
            "November 26th, 2026",
            "Thu, Nov 26, 2026",
            "26. November 2026",
        ),
        *(
            "26 nov. 2026",
            "26 novembre 2026",
            "26 de noviembre de 2026",
            "26 november 2026",
            "26.11.2026",
            "11/26/2026",
            "26/11/2026",
            "2026/11/26",
        ),
    ],
)
def test_a_day_in_the_words_of_many(text):
    assert day_of(text, "both") == DAY
    assert moment(f"{text} 9:12:33 AM", "both") == datetime(2026, 11, 26, 9, 12, 33)


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("f\u00e9vr.", 2),
        ("M\u00e4rz", 3),
        ("ao\u00fbt", 8),
        ("juil.", 7),
        ("d\u00e9c.", 12),
        ("Mrt", 3),
        ("ago", 8),
        ("set", 9),
        ("Okt", 10),
        ("Dez", 12),
        ("sept.", 9),
    ],
)
def test_months_in_other_languages(text, month):
    assert day_of(f"26 {text} 2026", "both") == date(2026, month, 26)


@pytest.mark.parametrize(
    "text", ["5 jui 2026", "26 Foo 2026", "31 Feb 2026", "26 No 2026", "26-Nov-1826", "Nov 2026", "\u0662\u0666 Nov 2026"]
)
def test_what_is_no_day(text):
    with pytest.raises(BadDate):
        day_of(text, "day")


@given(
    st.dates(date(1970, 1, 1), date(2069, 12, 31)),
    st.sampled_from(["%d/%m/%Y", "%m/%d/%Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y", "%Y-%m-%d", "%d.%m.%Y"]),
)
def test_a_day_reads_back_when_its_column_says_the_order(day, style):
    habit = OrderHabit()
    habit.learn(date(2026, 11, 26).strftime(style))
    assert day_of(day.strftime(style), order_of([habit.order], day_first=style.startswith("%d"))) == day


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Gav Reed", ("Gav", "Reed")),
        ("Reed, Gav", ("Gav", "Reed")),
        ("Gav", ("Gav", None)),
        ("Anna Maria Smith", ("Anna Maria", "Smith")),
        ("Ludwig van Beethoven", ("Ludwig", "van Beethoven")),
        ("Reed,", (None, "Reed")),
    ],
)
def test_a_whole_name_falls_into_two(name, parts):
    assert parted(name) == parts


_MARKS = [*"0123456789.,:;-+/()'% \u00a0\u202f\u2212\u0663TZ", "1e", "E+12", "GB", "h", "min", "AM", "Nov", "f\u00e9vr", "UTC"]
PIECES = st.sampled_from([*_MARKS, "$", "EUR", "9" * 25, "N/A", "true", "\u200b", "\x08"])
ANYTHING = st.one_of(st.lists(PIECES, max_size=12).map("".join), st.text(max_size=40), st.floats(), st.booleans(), st.none())
UNIT = st.sampled_from(["", "gb", "min", "unix", "unix ms", "utc"])
EVERY_KIND = st.sampled_from([*get_args(Kind)])


@settings(max_examples=1_500)
@given(
    ANYTHING,
    EVERY_KIND,
    st.sampled_from(["day", "month", "both"]),
    st.sampled_from(["point", "comma", "either"]),
    UNIT,
    st.booleans(),
)
def test_whatever_stands_in_a_cell_is_a_value_or_a_sentence(raw, kind, order, numbers, unit, in_zone):
    """Units go only where headings can name them."""
    unit = unit if unit in UNITS.get(kind, {}) or (kind == "datetime" and unit in ("unix", "unix ms", "utc")) else ""
    column = Column("x", kind=kind, choices=("a",), places=6, minimum=0, maximum=10**6, numeric=kind == "text")
    try:
        reader(column, order, numbers, unit, "America/Chicago" if in_zone else "")(raw)
    except (BadCell, texts.Unseen) as wrong:
        assert str(wrong)


LINES = st.lists(PIECES | st.sampled_from(list('",;\n\t')), max_size=60)


@settings(max_examples=300)
@given(st.binary(max_size=300) | LINES.map(lambda parts: "".join(["name,size,seen\n", *parts]).encode()))
def test_whatever_a_file_holds_it_is_read_or_refused_in_words(raw):
    columns = (
        Column("name", key=True, required=True),
        Column("size", kind="size", measured=True),
        Column("seen", kind="datetime", time_also=("time",)),
    )
    try:
        *_, tail = files.slices(raw, Instructions(columns=columns, zone="UTC"))
    except Unreadable as why:
        assert str(why).endswith(".")
    else:
        assert isinstance(tail, Tail)
