"""The session behind a token."""

from hmlib.auth.permissions import signed_in
from hmlib.records import audit
from hmlib.web.api_handler import ApiHandler
from hmlib.web.problems import Problem
from nexus_srv.identity import session_ends


class OwnSession(ApiHandler):
    """The sign-in that the bearer token came of."""

    @signed_in
    async def delete(self) -> None:
        """Sign out everywhere: of Nexus, and of every service as soon as it can be told."""
        sid = self.known.sid
        if sid is None:
            raise Problem(409, "no_session", "This token did not come of a session.")
        async with self.db.write() as tx:
            await session_ends.end_sid(tx, self.sessions, sid, self.now)
            await audit.record(tx, self.actor, "session.ended", f"user/{self.known.id}", now=self.now, before={"sid": sid[:8]})
        self.set_status(204)
