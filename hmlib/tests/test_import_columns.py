"""A declared kind's fields as the columns of its files."""

from typing import Annotated

import pytest

from hmlib.imports.columns import columns_of
from hmlib.imports.reading import COMPANY, instructions
from hmlib.kinds.resource import Field, Record, Resource
from hmlib.kinds.several import Pairs, Words
from hmlib.kinds.types import Choice, Day, Duration, Integer, Moment, Money, Reference, Size, Text, YesNo
from hmlib.tables import files


class Device(Record, frozen=True, kw_only=True):
    company_id: Annotated[str, Field("Company", Reference(needed=True))]
    name: Annotated[str, Field("Name", Text(needed=True), also=("Hostname",))]
    kind: Annotated[str, Field("Sort of device", Choice({"pc": "Workstation", "srv": "Server"}, also={"Laptop": "pc"}), name="type")] = "pc"
    bought_on: Annotated[str | None, Field("Bought", Day())] = None
    seen_at: Annotated[str | None, Field("Last seen", Moment(), measured=True)] = None
    held: Annotated[int, Field("Backup", Size(), measured=True, also=("Backup Size",))] = 0
    hours_e6: Annotated[int | None, Field("Hours", Duration(), name="hours")] = None
    price_e4: Annotated[int | None, Field("Price", Money(), name="price")] = None
    cores: Annotated[int | None, Field("Cores", Integer(least=1, most=512))] = None
    active: Annotated[bool, Field("In use", YesNo(), also=("Retired",))] = True
    groups: Annotated[tuple[str, ...], Field("Groups", Words())] = ()
    pairs: Annotated[dict[str, str], Field("Pairs", Pairs())] = {}
    digest: Annotated[str, Field("Digest", Text(), ours=True)] = ""


DEVICES = Resource(name="device", plural="devices", record=Device, read="x:read", write="x:write")


def test_every_field_that_files_may_say_is_a_column():
    columns = {column.name: column for column in columns_of(DEVICES)}
    assert list(columns)[:4] == [COMPANY, "company_external_id", "name", "type"]
    assert {"pairs", "digest", "kind", "company_id", "id", "version"} & set(columns) == set()
    assert (columns[COMPANY].required, columns["name"].required, columns["type"].required) == (True, True, False)
    assert (columns["cores"].minimum, columns["cores"].maximum) == (1, 512)


def test_a_file_of_another_tool_is_read_by_them():
    columns = columns_of(DEVICES, {"active": {"yes_is": {"Retired": ("no", "yes")}}, "name": {"key": True}})
    text = (
        "Site;Hostname;Type;Backup Size;Hours;Price;Retired;Groups;Bought;Last Seen\n"
        "Acme;PC;laptop;1,5 GB;1:30;\u20ac 1.234,50;no;a,b;26.11.2026;-\n"
    )
    part, tail = files.slices(text.encode(), instructions("x.csv", columns))
    assert (part.errors, tail.errors) == ([], [])
    assert {name: str(value) for name, value in part.rows[0].values.items()} == {
        COMPANY: "Acme",
        "name": "PC",
        "type": "pc",
        "bought_on": "2026-11-26",
        "held": str(1536 * 2**20),
        "hours": "1.5",
        "price": "1234.50",
        "active": "True",
        "groups": "('a', 'b')",
    }


def test_what_no_column_has_is_refused():
    with pytest.raises(TypeError):
        columns_of(DEVICES, {"name": {"colour": "red"}})
