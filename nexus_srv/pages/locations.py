"""Locations: the list, one location, and its form."""

from collections.abc import Mapping

from hmlib.auth.permissions import allowed
from nexus_srv.directory import countries, forms
from nexus_srv.directory.kinds import LOCATIONS
from nexus_srv.pages.directory import EntryHandler
from nexus_srv.queries.locations import Location

EXPORTED = [
    "company_account_number", "name", "address", "city", "region", "postal_code", "country", "phone", "external_id",
]  # fmt: skip


class LocationHandler(EntryHandler):
    """What the pages about locations share."""

    noun = LOCATIONS
    rows = forms.LOCATION

    def new(self) -> Location:
        return Location(id="", company_id=self.query.get("company_id", self.form.get("company_id", "")), name="")

    async def show(self, location: Location) -> None:
        country, removal = countries.name_of(location.country), await self.removal(location)
        self.page("locations/page.html", location=location, country=country, removal=removal, **self.labels())


class LocationListPage(LocationHandler):
    """The list, and where a new location is posted to."""

    @allowed("directory:read")
    async def get(self) -> None:
        self.page("locations/list.html", page=await self.found(), page_url=self.reverse_url("locations"), **self.labels())

    @allowed("directory:write")
    async def post(self) -> None:
        await self.create(self.new())


class LocationRows(LocationHandler):
    """The rows of the list."""

    @allowed("directory:read")
    async def get(self) -> None:
        await self.answer_rows("locations/_rows.html")


class LocationExport(LocationHandler):
    """The list as a file."""

    @allowed("directory:read", export=True)
    async def get(self) -> None:
        await self.export(EXPORTED, _exported)


class LocationNewPage(LocationHandler):
    """An empty form."""

    @allowed("directory:write")
    async def get(self) -> None:
        await self.show_form(self.new())


class LocationPage(LocationHandler):
    """One location; where changes are posted to."""

    @allowed("directory:read")
    async def get(self, id: str) -> None:
        await self.show(await self.entry(id))

    @allowed("directory:write")
    async def post(self, id: str) -> None:
        await self.change(id)

    @allowed("directory:write")
    async def delete(self, id: str) -> None:
        await self.remove(id)


class LocationEditPage(LocationHandler):
    """The form with what is stored."""

    @allowed("directory:write")
    async def get(self, id: str) -> None:
        await self.show_form(await self.entry(id))


class LocationActivity(LocationHandler):
    """In use or not: PUT brings it back, DELETE is its normal end."""

    @allowed("directory:write")
    async def put(self, id: str) -> None:
        await self.set_activity(id, True)

    @allowed("directory:write")
    async def delete(self, id: str) -> None:
        await self.set_activity(id, False)


def _exported(location: Location, numbers: Mapping[str, str]) -> list[object]:
    return [numbers.get(location.company_id, ""), *(getattr(location, name) for name in EXPORTED[1:])]
