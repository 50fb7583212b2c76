"""Assets: the list, one asset, and its form."""

from collections.abc import Mapping

from hmlib.auth.permissions import allowed
from hmlib.tables import export
from nexus_srv.directory import forms
from nexus_srv.directory.kinds import ASSETS
from nexus_srv.pages.directory import EntryHandler
from nexus_srv.queries import contacts
from nexus_srv.queries.assets import Asset

EXPORTED = [
    "company_account_number", "name", "type", "serial", "operating_system", "active_on", "retired_on", "backup_bytes", "last_seen_at",
    "external_id",
]  # fmt: skip


class AssetHandler(EntryHandler):
    """What the pages about assets share."""

    noun = ASSETS
    rows = forms.ASSET

    def new(self) -> Asset:
        return Asset(id="", company_id=self.query.get("company_id", self.form.get("company_id", "")), name="")

    async def show(self, asset: Asset) -> None:
        user = await contacts.visible(self.db, self.known.scope, asset.contact_id) if asset.contact_id else None
        self.page("assets/page.html", asset=asset, user=user, removal=await self.removal(asset), **self.labels())


class AssetListPage(AssetHandler):
    """The list, and where a new asset is posted to."""

    @allowed("directory:read")
    async def get(self) -> None:
        self.page("assets/list.html", page=await self.found(), page_url=self.reverse_url("assets"), **self.labels())

    @allowed("directory:write")
    async def post(self) -> None:
        await self.create(self.new())


class AssetRows(AssetHandler):
    """The rows of the list."""

    @allowed("directory:read")
    async def get(self) -> None:
        await self.answer_rows("assets/_rows.html")


class AssetExport(AssetHandler):
    """The list as a file."""

    @allowed("directory:read", export=True)
    async def get(self) -> None:
        await self.export(EXPORTED, _exported)


class AssetNewPage(AssetHandler):
    """An empty form."""

    @allowed("directory:write")
    async def get(self) -> None:
        await self.show_form(self.new())


class AssetPage(AssetHandler):
    """One asset; where changes are posted to."""

    @allowed("directory:read")
    async def get(self, id: str) -> None:
        await self.show(await self.entry(id))

    @allowed("directory:write")
    async def post(self, id: str) -> None:
        await self.change(id)

    @allowed("directory:write")
    async def delete(self, id: str) -> None:
        await self.remove(id)


class AssetEditPage(AssetHandler):
    """The form with what is stored."""

    @allowed("directory:write")
    async def get(self, id: str) -> None:
        await self.show_form(await self.entry(id))


class AssetActivity(AssetHandler):
    """In use or not: PUT brings it back, DELETE is its normal end."""

    @allowed("directory:write")
    async def put(self, id: str) -> None:
        await self.set_activity(id, True)

    @allowed("directory:write")
    async def delete(self, id: str) -> None:
        await self.set_activity(id, False)


def _exported(asset: Asset, numbers: Mapping[str, str]) -> list[object]:
    days = {"active_on": export.day(asset.active_on), "retired_on": export.day(asset.retired_on)}
    return [numbers.get(asset.company_id, ""), *(days[name] if name in days else getattr(asset, name) for name in EXPORTED[1:])]
