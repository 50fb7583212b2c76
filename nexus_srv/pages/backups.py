"""Backups as administrators see them: when they are made, how the last ones went, and what waits after a restore."""

from hmlib.auth.permissions import allowed
from hmlib.backups import schedule
from hmlib.records import audit
from nexus_srv.pages.login import StepUpPage

SHOWN_RUNS = 30


class BackupListPage(StepUpPage):
    """The plan and the last backups, those that failed too."""

    @allowed("settings:admin")
    async def get(self) -> None:
        planned = await schedule.read(self.db)
        zone = await self.preferences.text(self.db, "time_zone")
        late = planned is not None and await schedule.is_late(self.db, planned, self.now, zone)
        self.page(
            "backups.html", plan=planned, late=late, runs=await schedule.runs(self.db, SHOWN_RUNS), held_at=await schedule.hold(self.db)
        )


class OutboxRelease(StepUpPage):
    """After a restore: what waits for apps outside the suite is sent again."""

    @allowed("settings:admin")
    async def post(self) -> None:
        if self.must_confirm(self.reverse_url("backups")):
            return
        async with self.transaction() as tx:
            if await schedule.let_go(tx):
                await audit.record(tx, self.actor, "outbox.released", "service/nexus", now=self.now)
            self.toast("Apps outside the suite are told again what happens here.")
            self.see_other(self.reverse_url("backups"))
