"""The settings and the audit log of a service: pages every service has, and their API."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import msgspec
from tornado.routing import URLSpec
from tornado.web import url

from hmlib.api import conventions
from hmlib.api.lists import answer_list
from hmlib.auth.permissions import allowed
from hmlib.db.database import Db, Transaction
from hmlib.db.list_query import ListQuery
from hmlib.errors import Invalid
from hmlib.records import audit
from hmlib.records.preferences import REMOVED, Preferences
from hmlib.server.jobs import pages as job_pages
from hmlib.tables import export
from hmlib.web.api_handler import ApiHandler, documented
from hmlib.web.page_handler import CONFIRMED, PageHandler
from hmlib.web.problems import Problem


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    """A service's settings by key, each as text."""

    settings: dict[str, str]


class SettingsAnswer(msgspec.Struct):
    """A service's settings by key, each as text; of each secret only whether it is ``set``, else empty."""

    settings: dict[str, str]
    secrets: dict[str, str]


class AuditEntry(msgspec.Struct):
    """One entry of the audit log; ``before`` and ``after`` are what changed, ``hash`` chains it to the entry before."""

    seq: int
    at: str
    actor_id: str
    actor_name: str
    address: str
    on_behalf_of: str
    request_id: str
    action: str
    subject: str
    before: Any
    after: Any
    hash: str


class SettingsPage(PageHandler):
    """What an operator changes in daily life."""

    def never_kept(self) -> list[str]:
        return [declared.key for declared in self.preferences.declared if declared.kind == "secret"]

    @allowed("settings:admin")
    async def get(self) -> None:
        await self._show({}, {})

    @allowed("settings:admin")
    async def post(self) -> None:
        given = _posted(self.preferences, self.form)
        try:
            async with self.transaction() as tx:
                await _save(self, tx, given)
                self.toast("Settings saved.")
                self.see_other(self.reverse_url("settings"))
        except Invalid as invalid:
            self.set_status(422)
            await self._show(given, invalid.errors)

    async def _show(self, given: dict[str, str], errors: dict[str, str]) -> None:
        """What is stored, with what was typed over it; a secret that was typed is not shown again."""
        secrets = await self.preferences.secrets_set(self.db)
        values = await self.preferences.all(self.db) | {key: value for key, value in given.items() if key not in secrets}
        self.page(
            "admin/settings.html",
            sections=[(self.hm.title, self.preferences.declared)],
            values=values,
            secrets=secrets,
            errors=errors,
            action=self.reverse_url("settings"),
            export_url=self.reverse_url("settings-file"),
            import_url=self.reverse_url("settings-file"),
        )


class SettingsFile(PageHandler):
    """The settings as a JSON file, out and in."""

    @allowed("settings:admin")
    async def get(self) -> None:
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.set_header("Content-Disposition", f'attachment; filename="{self.hm.service}-settings.json"')
        self.finish(await self.preferences.exported(self.db))

    @allowed("settings:admin")
    async def post(self) -> None:
        file = self.files.get("file")
        if file is None:
            raise Problem(422, "no_file", "Choose a file to import.")
        if self.form.get(CONFIRMED) != "yes":  # a file cannot be kept over a second page, so the yes is a box beside it
            raise Problem(422, "not_confirmed", "Tick the box that says that the settings are replaced. Nothing was changed.")
        try:
            values = self.preferences.imported(file.body)
            if wrong := self.preferences.not_from_a_file(values):
                raise Invalid(wrong)
            async with self.transaction() as tx:
                await _save(self, tx, values)
                self.toast("Settings imported.")
                self.see_other(self.reverse_url("settings"))
        except Invalid as invalid:
            said = " ".join(f"{key}: {said}" if key else said for key, said in invalid.errors.items())
            raise Problem(422, "invalid", f"Nothing was changed. {said}") from invalid


class SettingsApi(ApiHandler):
    """The settings, for programs."""

    @allowed("settings:admin")
    @documented(answers=SettingsAnswer)
    async def get(self) -> None:
        """Every setting of this service; of a secret only whether it is set."""
        await self._answer(self.db)

    @allowed("settings:admin")
    @documented(takes=Settings, answers=SettingsAnswer)
    async def patch(self) -> None:
        """Change the settings named; all or none. A secret is replaced by its new value, kept by "", and removed by "-"."""
        given = self.body(Settings).settings
        async with self.transaction() as tx:
            await _save(self, tx, given)
            await self._answer(tx)

    async def _answer(self, db: Db) -> None:
        values, secrets = await self.preferences.all(db), await self.preferences.secrets_set(db)
        self.answer(SettingsAnswer({key: value for key, value in values.items() if key not in secrets}, secrets))


class AuditPage(PageHandler):
    """What was done, by whom and when."""

    template = "admin/audit.html"

    @allowed("audit:read")
    async def get(self) -> None:
        self.page(self.template, page=await audit.page_of(self.db, audit.LISTING.read(self.query, self.keys)))


class AuditRows(AuditPage):
    """The rows alone."""

    template = "admin/_audit_rows.html"


class AuditExport(PageHandler):
    """The list as it is on screen, all its pages to the last entry, as CSV, XLSX or JSON."""

    @allowed("audit:read", export=True)
    async def get(self) -> None:
        list_query = audit.LISTING.read({name: value for name, value in self.query.items() if name not in ("limit", "cursor")}, self.keys)
        header = ["seq", "at", "actor", "on_behalf_of", "address", "request_id", "action", "subject", "before", "after", "hash"]
        format = self.query.get("format", "csv")
        await export.stream(self, f"{self.hm.service}-audit", header, self._rows(list_query), format, counted=self._record)

    async def _rows(self, list_query: ListQuery) -> AsyncIterator[Sequence[object]]:
        async with self.db.read(long=True) as snapshot, aclosing(audit.everything(snapshot, list_query)) as rows:
            async for row in rows:
                yield [
                    row.seq, row.at, row.actor_name or row.actor_id, row.on_behalf_of, row.address, row.request_id, row.action, row.subject,
                    row.before_json, row.after_json, row.hash,
                ]  # fmt: skip

    async def _record(self, entries: int) -> None:
        async with self.db.write() as tx:
            await audit.record(tx, self.actor, "audit.exported", "audit", now=self.now, after={"entries": entries})


class AuditApi(ApiHandler):
    """The audit log, for programs."""

    @allowed("audit:read")
    @documented(
        answers=list[AuditEntry],
        query={
            "actor": "id or name of who acted",
            "action": "how the action begins, such as company.",
            "subject": "such as company/ID",
            "from": "a day or UTC time",
            "to": "a day or UTC time, included",
            **{name: conventions.QUERY[name] for name in ("limit", "cursor")},
        },
    )
    async def get(self) -> None:
        """The audit log, newest first."""
        await answer_list(self, audit.LISTING, lambda asked: audit.page_of(self.db, asked), lambda rows: [_entry(row) for row in rows])


def _entry(row: audit.AuditRow) -> AuditEntry:
    names = [name for name in AuditEntry.__struct_fields__ if name not in ("before", "after")]
    return AuditEntry(before=row.before, after=row.after, **{name: getattr(row, name) for name in names})


def _posted(preferences: Preferences, form: dict[str, str]) -> dict[str, str]:
    """The declared settings that stand in the form; a box that is not ticked is not sent, and means off. A secret's own box removes it."""
    known = {preference.key: preference for preference in preferences.declared}
    given = {key: value for key, value in form.items() if key in known}
    given |= {key: REMOVED for key, one in known.items() if one.kind == "secret" and f"{key}_remove" in form and not form.get(key)}
    return given | {key: "off" for key, preference in known.items() if preference.kind == "bool" and key not in form}


async def _save(handler: PageHandler | ApiHandler, tx: Transaction, values: dict[str, str]) -> None:
    """Save all of ``values`` with an audit entry, or none. Raises Invalid with the errors by key."""
    errors = await handler.preferences.save(tx, values, actor=handler.actor, now=handler.now, keys=handler.keys)
    if errors:
        raise Invalid(errors)


def routes() -> list[URLSpec]:
    """Put these at the end of a service's route table."""
    return [
        url(r"/settings", SettingsPage, name="settings"),
        url(r"/settings/file", SettingsFile, name="settings-file"),
        url(r"/audit", AuditPage, name="audit"),
        url(r"/audit/rows", AuditRows, name="audit-rows"),
        url(r"/audit/export", AuditExport, name="audit-export"),
        url(r"/api/settings", SettingsApi),
        url(r"/api/audit", AuditApi),
        *job_pages.routes(),
    ]
