"""The page that leads on from a form of ours to another place.

A browser holds the whole chain of redirects after a form post against the page's form-action. Where a program's callback sends people on
is not ours to know, so such a post is answered with a page, and the policy stays at 'self'.
"""

from hmlib.web.page_handler import PageHandler


def lead_on(page: PageHandler, address: str, name: str = "") -> None:
    """Answer a page that goes to ``address``, which must have been checked, by itself; ``name`` is who is there."""
    page.set_header("Referrer-Policy", "no-referrer")
    page.page("onward.html", address=address, name=name)
