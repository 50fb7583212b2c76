"""Where one arrives: the articles, newest first."""

from hmlib.auth.permissions import signed_in
from hmlib.web.page_handler import PageHandler


class HomePage(PageHandler):
    """Leads on to the list of articles."""

    @signed_in
    async def get(self) -> None:
        self.see_other(self.reverse_url("articles"))
