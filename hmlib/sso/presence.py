"""Whether somebody is still signed in: how much time the session has left, and where a sign-in in a second tab ends."""

from tornado.routing import URLSpec
from tornado.web import url

from hmlib.auth.permissions import signed_in
from hmlib.web.page_handler import PageHandler


class SessionTime(PageHandler):
    """Asked by the page when somebody wants to stay: the request itself keeps the session alive, its headers say for how long."""

    @signed_in
    async def get(self) -> None:
        left = self.time_left()
        assert left is not None
        self.set_header("X-Session-Idle", str(left.idle))
        self.set_header("X-Session-Most", str(left.most))
        self.set_status(204)
        self.finish()


class SignedInPage(PageHandler):
    """The end of a sign-in that was begun beside a page with something unsaved."""

    @signed_in
    async def get(self) -> None:
        self.page("signed_in.html")


def routes() -> list[URLSpec]:
    """What every service answers about the session."""
    return [url(r"/session", SessionTime, name="session-time"), url(r"/signed-in", SignedInPage, name="signed-in")]
