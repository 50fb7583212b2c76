"""Who is also at companies that a caller does not see: what changes their bill there is for others to change."""

from hmlib.web.handler import Handler
from treasury_srv.catalogue import homes


async def shared_people(handler: Handler) -> frozenset[str]:
    """The ids of people at companies beyond the caller's scope; Treasury asks for the whole directory as itself, and only where it must."""
    if handler.known.scope.rule == "all":
        return frozenset()
    return homes.beyond(await handler.spine.hub.as_service().billing_summary(), await handler.nexus.billing_summary())
