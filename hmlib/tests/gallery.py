"""Every shared template with sample data, under the real policy: `python -m hmlib.tests.gallery` serves them on 127.0.0.1:8765."""

import asyncio
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler, url

from hmlib.web import rendering, static_files
from hmlib.web.headers import every_answer, page_policy

TEMPLATES = Path(__file__).parent / "gallery_templates"
PEOPLE = [
    "Acme Roofing",
    "Birch & Daughters",
    "Cobalt Dental",
    "Dunmore Legal",
    "Eastgate Clinic",
    "Fjord Shipping",
    "Granite <b>Works</b>",
]
PORT = 8765


@dataclass
class ListQuery:
    q: str = ""
    sort: str = "name"
    limit: int = 25
    filters: dict[str, str] = field(default_factory=dict)
    sort_chosen: bool = True


@dataclass
class Page:
    rows: list[Any]
    total: int | None
    first: int
    next_cursor: str | None
    previous_cursor: str | None
    query: ListQuery


def companies(list_query: ListQuery, start: int = 0) -> Page:
    """A thousand companies, of which `list_query` wants some."""
    names = [f"{PEOPLE[i % len(PEOPLE)]} {i + 1}" for i in range(1000)]
    found = sorted((name for name in names if list_query.q.lower() in name.lower()), reverse=list_query.sort.startswith("-"))
    shown = [
        {"id": name.rsplit(" ", 1)[1], "name": name, "seats": len(name), "status": "active" if len(name) % 3 else "left", "city": "Aarhus"}
        for name in found[start : start + list_query.limit]
    ]
    after = str(start + list_query.limit) if start + list_query.limit < len(found) else None
    before = str(max(0, start - list_query.limit)) if start else None
    return Page(shown, len(found), start + 1, after, before, list_query)


PREFERENCES = [
    SimpleNamespace(
        key="time_zone", label="Time zone", kind="time_zone", default="UTC", help="Days begin here.", choices=(), minimum=None, maximum=None
    ),
    SimpleNamespace(key="idle", label="Idle minutes", kind="int", default="60", help="", choices=(), minimum=5, maximum=720),
    SimpleNamespace(
        key="policy",
        label="Second factor",
        kind="choice",
        default="admins",
        help="Who needs one.",
        choices=("nobody", "admins", "all"),
        minimum=None,
        maximum=None,
    ),
    SimpleNamespace(key="mail", label="Send mail", kind="bool", default="true", help="", choices=(), minimum=None, maximum=None),
    SimpleNamespace(key="words", label="Words", kind="lines", default="", help="One a line.", choices=(), minimum=None, maximum=None),
    SimpleNamespace(key="mail_password", label="Mail password", kind="secret", default="", help="", choices=(), minimum=None, maximum=None),
]
AUDIT = [
    {
        "seq": 9 - n,
        "at": f"2026-11-22T12:34:5{n}.123456Z",
        "actor_id": "u1",
        "actor_name": "Alice Ng",
        "address": "192.0.2.7",
        "on_behalf_of": "",
        "request_id": "0193b5f2",
        "action": "company.renamed",
        "subject": "company/0193b5f2-aaaa",
        "before_json": '{"name":"Acme"}',
        "after_json": '{"name":"Acme Roofing"}',
    }
    for n in range(3)
]


class Show(RequestHandler):
    """Renders a template the way PageHandler does."""

    banner = ""
    signed_in = True

    def set_default_headers(self) -> None:
        for name, value in every_answer("localhost").items():
            self.set_header(name, value)
        self.set_header("Cache-Control", "no-store")

    def show(self, template: str, **context: Any) -> None:
        nonce = secrets.token_urlsafe(18)
        self.set_header("Content-Security-Policy", page_policy(nonce, report_to="/csp-report"))
        person = SimpleNamespace(id="u1", name="Alice Ng", level="admin", may=lambda _: True) if self.signed_in else None
        shared = {
            **rendering.page_functions(nonce, "token-of-this-session"),
            "url": self.reverse_url,
            "caller": person,
            "me": person,
            "service": "nexus",
            "service_title": "Nexus",
            "modules": [
                {"name": name.lower(), "title": name, "origin": "", "active": name == "Nexus"} for name in ("Nexus", "Wiki", "Treasury")
            ],
            "navigation": self.navigation(),
            "now": "2026-11-22T12:34:56.123456Z",
            "banner": self.banner,
            "request_path": self.request.path,
            "fmt": rendering.Formats("en_US", "Europe/Copenhagen"),
            "toasts": [],
            "release": "0.1.0",
            "account_url": "/account",
            "search_url": "/search",
        }
        self.write(self.settings["environment"].get_template(template).render({**shared, **context}))

    def navigation(self) -> list[dict[str, Any]]:
        entries = [
            ("Companies", "building"),
            ("Contacts", "address-book"),
            ("Assets", "device-desktop"),
            ("Users", "users"),
            ("Audit log", "clipboard-list"),
        ]
        return [
            {"label": name, "url": f"/{name.lower()}", "icon": icon, "active": self.request.path == f"/{name.lower()}"}
            for name, icon in entries
        ]


def asked(handler: RequestHandler) -> tuple[ListQuery, int]:
    given = {name: handler.get_argument(name, "") for name in ("q", "sort", "limit", "cursor", "status")}
    filters = {"status": given["status"]} if given["status"] else {}
    return ListQuery(given["q"], given["sort"] or "name", int(given["limit"] or 25), filters), int(given["cursor"] or 0)


class CompanyList(Show):
    def get(self) -> None:
        self.show("companies/list.html", page=companies(*asked(self)))


class CompanyRows(Show):
    def get(self) -> None:
        self.show("companies/_rows.html", page=companies(*asked(self)))


class EmptyList(Show):
    def get(self) -> None:
        self.show(
            "companies/list.html", page=Page([], 0, 0, None, None, ListQuery()), toasts=["Saved.", {"kind": "danger", "text": "It failed."}]
        )


class CompanyForm(Show):
    banner = "Nexus is away: you can read, but not change anything."

    def get(self) -> None:
        self.show("companies/form.html")

    async def post(self) -> None:
        self.settings["posts"].append(self.request.body)
        await asyncio.sleep(0.3)
        self.set_status(422)
        errors = {"name": "That name is taken.", "email": "This is no address."}
        values = {name: self.get_argument(name) for name in self.request.body_arguments}
        self.show("companies/form.html", errors=errors, values=values)


class CompanyPage(Show):
    def get(self, _: str = "") -> None:
        self.show("companies/page.html")

    def put(self, _: str = "") -> None:
        self.set_header("HX-Trigger", '{"hm:toast":{"text":"Renamed.","kind":"success"}}')
        self.show("companies/_name.html", name="Renamed", token=self.request.headers.get("X-XSRF-Token", "none"))


class Injected(Show):
    """A page into which markup was smuggled: none of it may run or show."""

    def get(self) -> None:
        self.show("injected.html")


class Failing(Show):
    def get(self, status: str) -> None:
        self.set_status(int(status))
        if self.request.headers.get("HX-Request") == "true" and status != "502":
            self.set_header("HX-Retarget", "#toasts")
            self.set_header("HX-Reswap", "beforeend")
            self.show("_error_toast.html", status=int(status), detail="Not now.", request_id="0193b5f2")
        else:
            self.show("error.html", status=int(status), title="", detail="", request_id="0193b5f2-7b2e-7000-8000-000000000000")


class Conflicting(Show):
    def get(self) -> None:
        fields = [
            {"name": "name", "label": "Name", "base": "Acme", "theirs": "Acme Ltd", "yours": "Acme Roofing"},
            {"name": "city", "label": "City", "base": "Aarhus", "theirs": "Aarhus", "yours": "Aarhus"},
            {"name": "phone", "label": "Phone", "base": "1", "theirs": "", "yours": "1"},
        ]
        self.show("companies/conflict.html", fields=fields)


class Settings(Show):
    def get(self) -> None:
        values = {item.key: item.default for item in PREFERENCES}
        sections = [("General", PREFERENCES[:2]), ("Security", PREFERENCES[2:])]
        secrets = {item.key: "set" for item in PREFERENCES if item.kind == "secret"}
        self.show(
            "admin/settings.html", sections=sections, values=values, secrets=secrets, errors={"idle": "Between 5 and 720."}, **self.where()
        )

    def where(self) -> dict[str, str]:
        return {"action": "/settings", "export_url": "/settings/export", "import_url": "/settings/import"}


class Audit(Show):
    def get(self) -> None:
        self.show("admin/audit.html", page=Page([SimpleNamespace(**row) for row in AUDIT], 3, 1, None, None, ListQuery(sort="-seq")))


class Login(Show):
    signed_in = False

    def get(self) -> None:
        error = "The username or the password is wrong." if self.get_argument("error", "") else ""
        self.show("login.html", action="/login", next="/", error=error, username="", notice="", nexus_login_url="/login")


class Bare(Show):
    signed_in = False

    def get(self, name: str) -> None:
        self.show(f"{name}.html", action="/bare/unavailable", ticket="t", next="/", request_id="0193b5f2")

    post = get


class Reports(RequestHandler):
    """Policy violations, kept for the test to read."""

    def post(self) -> None:
        self.settings["reports"].append(self.request.body.decode())
        self.set_status(204)

    def check_xsrf_cookie(self) -> None:
        """A browser sends these on its own."""


ROUTES = [
    url(r"/companies", CompanyList, name="companies"),
    url(r"/companies/rows", CompanyRows, name="company-rows"),
    url(r"/companies/new", CompanyForm, name="company-new"),
    url(r"/companies/conflict", Conflicting),
    url(r"/companies/export", CompanyList, name="companies-export"),
    url(r"/companies/([0-9]+)", CompanyPage, name="company"),
    url(r"/companies/([0-9]+)/name", CompanyPage, name="company-name"),
    url(r"/empty", EmptyList),
    url(r"/settings", Settings, name="settings"),
    url(r"/settings/export", Settings, name="settings-export"),
    url(r"/settings/import", Settings, name="settings-import"),
    url(r"/audit", Audit, name="audit"),
    url(r"/audit/export", Audit, name="audit-export"),
    url(r"/audit/rows", Audit, name="audit-rows"),
    url(r"/login", Login),
    url(r"/injected", Injected),
    url(r"/error/([0-9]{3})", Failing),
    url(r"/bare/(handover|logout|unavailable)", Bare),
    url(r"/csp-report", Reports),
    *static_files.routes(),
]
PLACES = [
    "/companies",
    "/empty",
    "/companies/new",
    "/companies/7",
    "/companies/conflict",
    "/settings",
    "/audit",
    "/login",
    "/login?error=1",
]
PLACES += ["/error/404", "/bare/handover", "/bare/logout", "/bare/unavailable"]


def application() -> Application:
    return Application(ROUTES, environment=rendering.environment(TEMPLATES), reports=[], posts=[])


async def serve(port: int = PORT, started: Callable[[int, Application], None] | None = None, end: asyncio.Event | None = None) -> None:
    """Serve until `end` is set; port 0 takes a free one, and `started` is told which."""
    app = application()
    sockets = bind_sockets(port, "127.0.0.1")
    server = HTTPServer(app)
    server.add_sockets(sockets)
    if started:
        started(sockets[0].getsockname()[1], app)
    await (end or asyncio.Event()).wait()
    server.stop()
    await server.close_all_connections()


class Running:
    """The gallery in a thread of its own, for tests that drive a browser."""

    def __enter__(self) -> "Running":
        ready = threading.Event()

        def started(port: int, app: Application) -> None:
            self.origin, self.reports = f"http://127.0.0.1:{port}", app.settings["reports"]
            self.posts = app.settings["posts"]
            ready.set()

        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(started,))
        self._thread.start()
        ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)

    def _run(self, started: Callable[[int, Application], None]) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(serve(0, started, self._end))


if __name__ == "__main__":
    asyncio.run(serve())
