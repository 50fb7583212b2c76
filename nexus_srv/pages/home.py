"""Where Nexus begins."""

from hmlib.auth.permissions import signed_in
from hmlib.web.page_handler import PageHandler


class HomePage(PageHandler):
    """On to the first thing the caller may do here."""

    @signed_in
    async def get(self) -> None:
        self.see_other(self.reverse_url("companies" if self.known.may("directory:read") else "account"))
