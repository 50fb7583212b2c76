"""A kind of record as somebody adds one: this file, its table, two lines in the routes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from tornado.web import url

from hmlib.db.database import Db
from hmlib.db.list_query import folded
from hmlib.kinds.custom import definitions
from hmlib.kinds.resource import Field, Lifecycle, Part, Record, Resource, Unique, Writer
from hmlib.kinds.several import Many, Tags
from hmlib.kinds.types import Choice, Day, Duration, Integer, Moment, Money, Phone, Reference, Size, Text, YesNo
from hmlib.resources import pickers
from hmlib.resources.api import api_of
from hmlib.resources.pages import CompanyPicker, pages_of
from hmlib.server.application import application
from hmlib.tests import toy

KINDS = {"laser": "Laser", "ink": "Ink jet"}


class Tray(msgspec.Struct, frozen=True):
    """What a printer takes paper from."""

    size: str
    sheets: int


class LineBuilder(Record, frozen=True, kw_only=True):
    """A printer of a company."""

    company_id: Annotated[str, Field("Company", Reference(needed=True), searched=True, filtered=True, listed=True)]
    name: Annotated[str, Field("Name", Text(needed=True), sort="name_form", searched=True, listed=True)]
    kind: Annotated[str, Field("Kind", Choice(KINDS, empty="laser"), filtered=True, listed=True)] = "laser"
    phone: Annotated[str, Field("Service line", Phone(), searched=True)] = ""
    pages: Annotated[int | None, Field("Pages a month", Integer(most=1_000_000), sort="=", listed=True)] = None
    price_e4: Annotated[int, Field("Price a page", Money(empty=0, least=0), name="price")] = 0
    memory: Annotated[int, Field("Memory", Size())] = 0
    hours_e6: Annotated[int | None, Field("Hours a month", Duration(), name="hours")] = None
    bought_on: Annotated[str | None, Field("Bought on", Day(), sort="=", filtered=True)] = None
    seen_at: Annotated[str | None, Field("Last seen", Moment())] = None
    colour: Annotated[bool, Field("Colour", YesNo(), filtered=True)] = False
    tags: Annotated[tuple[str, ...], Field("Tags", Tags(), searched=True)] = ()
    notes: Annotated[str, Field("Notes", Text(1000, lines=True))] = ""
    active: Annotated[bool, Field("In use", YesNo(empty=True))] = True
    trays: Annotated[tuple[Tray, ...], Field("Trays", Many(of=Tray))] = ()
    source: Annotated[str, Field("Source", Text(50), on_form=False)] = ""
    external_id: Annotated[str | None, Field("External id", Text(200, empty=None))] = None


async def affordable(tx: Db, writer: Writer, before: LineBuilder | None, after: LineBuilder) -> Mapping[str, str]:
    return {"price": "Nobody pays that."} if after.price_e4 > 10_000 else {}


PRINTERS = Resource(
    name="printer",
    plural="printers",
    record=LineBuilder,
    read="wiki:read",
    write="wiki:write",
    rules=affordable,
    derived={"name_form": lambda printer: folded(printer.name)},
    unique=(Unique(("company_id", "name_form"), "printer_name", "name", "The company has a printer of this name."),),
    custom=True,
    parts=(Part("trays", Tray, "tray", "printer_id", order="size"),),
    lifecycle=Lifecycle(lambda printer, today: {"active": False}, {"active": True}, lambda printer: not printer.active),
)
FIELDS = definitions(PRINTERS)
MIGRATIONS = [*toy.MIGRATIONS, ("printers", Path(__file__).parent / "printer_migrations")]


def make_app(settings, db, nexus):
    return application(
        settings,
        db,
        nexus,
        routes=[
            url("/", toy.Home, name="home"),
            url("/companies/picker", CompanyPicker, name="companies-picker"),
            url(r"/companies/([\w-]+)", toy.Names, name="company"),
            *pages_of(PRINTERS),
            *api_of(PRINTERS),
            *pages_of(FIELDS),
            *api_of(FIELDS),
        ],
        templates=Path(__file__).parent / "toy_templates",
        preferences=toy.PREFERENCES,
        pickers={"companies": pickers.DIRECTORY_COMPANIES},
    )
