"""A module as small as one can be, to test what hmlib gives to all of them."""

from pathlib import Path

import msgspec
from tornado.web import HTTPError, url

from hmlib.api.conventions import check_version
from hmlib.auth.permissions import allowed, anyone, signed_in
from hmlib.db.migrate import Folder
from hmlib.nexus.bulk import fetch_by_ids
from hmlib.records.preference_kinds import Preference
from hmlib.records.preferences import Preferences
from hmlib.server import admin
from hmlib.server.application import application
from hmlib.web.api_handler import ApiHandler
from hmlib.web.layout import NavigationItem
from hmlib.web.page_handler import PageHandler
from hmlib.web.toasts import Undo

HERE = Path(__file__).parent
MIGRATIONS: list[Folder] = [("hmlib", HERE.parent / "migrations")]
PREFERENCES = Preferences(
    [
        Preference("time_zone", "Time zone", "time_zone", "UTC"),
        Preference("session_idle_minutes", "Minutes until an idle session ends", "int", "60", minimum=1, maximum=1440),
        Preference("session_absolute_hours", "Hours until any session ends", "int", "12", minimum=1, maximum=168),
        Preference("smtp_password", "Mail password", "secret", ""),
    ]
)


class Note(msgspec.Struct, forbid_unknown_fields=True):
    """What the toy API takes and answers."""

    text: str
    number: int = 0


class Home(PageHandler):
    @signed_in
    async def get(self) -> None:
        self.page("toy.html", text=self.query.get("text", ""))

    @allowed("wiki:write")
    async def post(self) -> None:
        self.toast("Noted.")
        self.see_other("/")


class Names(PageHandler):
    @allowed("directory:read")
    async def get(self) -> None:
        companies = await fetch_by_ids(self.nexus.companies, self.query.get("ids", "").split(","))
        self.partial("_names.html", names=sorted(company.name for company in companies.values()))


class Unmarked(PageHandler):
    async def get(self) -> None:
        self.page("toy.html", text="never")


class Broken(PageHandler):
    @anyone
    async def get(self) -> None:
        raise ValueError("a secret: hunter2")


class Upload(PageHandler):
    @signed_in
    async def post(self) -> None:
        self.partial("_names.html", names=[self.files["file"].filename, str(len(self.files["file"].body)), self.form["note"]])


class Noted(PageHandler):
    def never_kept(self):
        return ["pin"]

    @allowed("wiki:write")
    async def post(self) -> None:
        files = {name: file.filename for name, file in self.files.items()}
        fields = {name: value for name, value in self.form.items() if name != "_xsrf"}
        self.finish({"by": self.known.name, "fields": fields, "lists": self._form.lists, "files": files})


class State(PageHandler):
    @signed_in
    async def put(self) -> None:
        self.toast("It is so.", undo=Undo("/state", {"_method": "DELETE"}))
        self.finish("PUT")

    @allowed("wiki:write")
    async def delete(self) -> None:
        self.finish("DELETE")


class Question(PageHandler):
    @signed_in
    async def delete(self) -> None:
        if self.confirmed("Delete it?", "Delete", "/"):
            self.finish("gone")


class Secret(PageHandler):
    def never_kept(self):
        return None

    @signed_in
    async def post(self) -> None:
        self.finish({"by": self.known.name})


class NoteApi(ApiHandler):
    @allowed("wiki:read")
    async def get(self) -> None:
        """A note."""
        self.answer(Note("hello"))

    @allowed("wiki:write")
    async def post(self) -> None:
        """Answers what it was given."""
        self.answer(self.body(Note), 201)

    @allowed("wiki:write")
    async def put(self) -> None:
        """Writes version 7 of what is there."""
        check_version(self, 7)
        self.answer({"version": 8})


class Missing(ApiHandler):
    @anyone
    async def get(self) -> None:
        """Never there."""
        raise HTTPError(404)


ROUTES = [
    url(r"/", Home, name="home"),
    url(r"/names", Names),
    url(r"/unmarked", Unmarked),
    url(r"/broken", Broken),
    url(r"/upload", Upload),
    url(r"/noted", Noted),
    url(r"/state", State),
    url(r"/question", Question),
    url(r"/secret", Secret),
    url(r"/api/notes", NoteApi),
    url(r"/api/missing", Missing),
    *admin.routes(),
]


def make_app(settings, db, nexus):
    return application(
        settings,
        db,
        nexus,
        routes=ROUTES,
        templates=HERE / "toy_templates",
        preferences=PREFERENCES,
        navigation=[NavigationItem("Home", "home", "home"), NavigationItem("Settings", "settings", "settings", "settings:admin")],
    )
