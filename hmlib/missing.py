"""What answers where nothing is: a page to people, a problem to programs."""

from tornado.web import HTTPError

from hmlib.web import ApiHandler, PageHandler, Problem


class NotFound(PageHandler):
    """Whatever no route knows."""

    async def prepare(self) -> None:
        self.check_host()
        raise HTTPError(404)


class ApiNotFound(ApiHandler):
    """Whatever no route knows below /api: said in the way of the API."""

    async def prepare(self) -> None:
        self.check_host()
        raise Problem(404, "not_found", "There is nothing at this address.")
