"""Who is also at companies that a caller does not see: what changes their bill there is for others to change."""

from hmlib.nexus.client import Nexus
from hmlib.web.handler import Handler
from treasury_srv.catalogue import homes


async def shared_people(handler: Handler) -> frozenset[str]:
    """The ids of people at companies beyond the caller's scope; Treasury asks for the whole directory as itself, and only where it must."""
    if handler.known.scope.rule == "all":
        return frozenset()
    hub: Nexus = handler.settings["nexus"]
    return homes.beyond(await hub.as_service().billing_summary(), await handler.nexus.billing_summary())
