"""How forms let people choose a contact: by name, and by e-mail address where several have one name."""

from collections.abc import Mapping, Sequence

from hmlib.auth.permissions import allowed
from hmlib.resources.pickers import Option, Source, offered
from hmlib.web.handler import Handler
from hmlib.web.page_handler import PageHandler
from nexus_srv.queries import contacts
from nexus_srv.queries.contacts import Contact


def _option(contact: Contact) -> Option:
    return Option(contact.id, contact.name, contact.email)


async def like(handler: Handler, q: str, most: int) -> Sequence[Option]:
    """The first contacts that are found with these words."""
    asked = contacts.LISTING.read({"q": q}, handler.keys, limit_default=most)
    page = await contacts.page_of(handler.db, handler.known.scope, asked)
    return [_option(contact) for contact in page.rows]


async def by_ids(handler: Handler, ids: Sequence[str]) -> Mapping[str, Option]:
    """Those of the ids that the caller sees."""
    return {contact.id: _option(contact) for contact in await contacts.some(handler.db, handler.known.scope, ids)}


CONTACTS = Source(like, by_ids)


class ContactPicker(PageHandler):
    """What the picker offers for the letters typed so far."""

    @allowed("directory:read")
    async def get(self) -> None:
        typed = self.query.get(self.query.get("field", "q"), "")
        self.partial("resources/_options.html", options=await offered(self, "contacts", typed))
