"""What must not live on in an older state of Nexus's database, and what this machine has otherwise than the one it was saved on."""

from hmlib.clock import shifted
from hmlib.config import Settings
from hmlib.db.database import Transaction
from hmlib.keys import Keys, load_master
from hmlib.records.audit import Actor
from nexus_srv.oauth import signing_keys
from nexus_srv.queries import clients, keys, restores

ACTOR = Actor(id="", name="hm")


async def came_back(tx: Transaction, settings: Settings, now: str) -> None:
    """End every grant, link and signing key, as each may have been used or ended since; give the modules this machine's addresses."""
    own = Keys(load_master(settings.master_key_file), settings.service)
    await restores.end_grants(tx, now, shifted(now, -1))
    for key in await keys.living(tx):
        await keys.drop(tx, key.kid, now)
    await signing_keys.first(tx, own, now)
    for module in settings.modules:
        if await clients.by_id(tx, module.name):
            await clients.register_module(tx, own, module.name, module.origin, now)
