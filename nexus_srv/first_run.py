"""What a new suite needs of Nexus: its modules' credentials, the first administrator, and the people of the demo."""

import secrets

import msgspec

from hmlib.auth.permissions import ALL_PERMISSIONS, Caller, CompanyScope
from hmlib.config import BadSetting, Settings
from hmlib.db.database import Db, Transaction
from hmlib.keys import Keys, load_master
from hmlib.kinds.resource import Writer
from hmlib.private_files import write_privately
from hmlib.records import audit
from hmlib.records.audit import Actor
from hmlib.resources import changes
from nexus_srv.directory.companies import COMPANIES
from nexus_srv.identity import access, passwords, people
from nexus_srv.identity.passwords import Hasher
from nexus_srv.oauth import signing_keys
from nexus_srv.queries import clients, users
from nexus_srv.queries.clients import Client
from nexus_srv.queries.users import User

OPERATOR = Caller("", "hm", "admin", ALL_PERMISSIONS, CompanyScope())
ACTOR = Actor(id="", name="hm")
ADMIN = "admin"
ADMIN_LINK_MINUTES = 15
DEMO_ACCOUNT_NUMBER = "100001"
DEMO_PEOPLE = (
    ("alice", "Alice Archer", "admin"),
    ("bob", "Bob Baker", "technician"),
    ("carol", "Carol Chen", "billing"),
    ("dave", "Dave Doyle", "client"),
)
EASY_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def keys_of(settings: Settings) -> Keys:
    """Nexus's keys. Raises BadSetting."""
    return Keys(load_master(settings.master_key_file), settings.service)


async def register_modules(settings: Settings, db: Db, now: str) -> list[str]:
    """Give every module of HM_MODULES its credentials, in a file of its own; one sentence for each that is new."""
    keys, done = keys_of(settings), []
    async with db.write() as tx:
        await signing_keys.first(tx, keys, now)
    for module in settings.modules:
        file = settings.home / "keys" / f"{module.name}-client.json"
        async with db.write() as tx:
            registered = await clients.register_module(tx, keys, module.name, module.origin, now)
            if registered is None and file.exists():
                continue
            secret = registered[1] if registered else await clients.renew_secret(tx, keys, module.name, now)
            await audit.record(tx, ACTOR, "client.registered", f"client/{module.name}", now=now, after={"origin": module.origin})
        write_privately(file, msgspec.json.encode({"client_id": module.name, "client_secret": secret}))
        done.append(f"Registered {module.name} at {module.origin}")
    return done


async def misregistered(settings: Settings, db: Db) -> list[str]:
    """A sentence for each module whose registration does not fit HM_MODULES and its credentials, or that is not named there."""
    keys, named = keys_of(settings), {module.name: module.origin for module in settings.modules}
    registered = {client.id: client for client in await clients.everything(db) if client.module}
    wrong = [_misregistered(settings, keys, name, origin, registered.get(name)) for name, origin in named.items()]
    unnamed = [client for name, client in registered.items() if name not in named and not client.disabled]
    return [sentence for sentence in wrong if sentence] + [
        f"{client.id} is registered at {client.origin}, and HM_MODULES does not name it: disable it on the page OAuth apps, or name it"
        for client in unnamed
    ]


def _misregistered(settings: Settings, keys: Keys, name: str, origin: str, client: Client | None) -> str:
    """What is wrong, or nothing. Credentials are looked at where they are on this machine."""
    if client is None:
        return f"{name} is not registered at Nexus: hm init registers it"
    if client.disabled:
        return f"{name} is disabled at Nexus, so nobody signs in there: enable it on the page OAuth apps"
    if clients.at(client, origin) != client:
        return f"{name} is registered at {client.origin}, and HM_MODULES says {origin}: hm init moves it, or put the address back"
    file = settings.home / "keys" / f"{name}-client.json"
    try:
        secret = str(msgspec.json.decode(file.read_bytes(), type=dict[str, str]).get("client_secret"))
    except FileNotFoundError:
        return ""
    except msgspec.DecodeError:
        secret = ""
    return "" if client.knows(keys, secret) else f"Nexus does not know the secret in {file}: remove it, then hm init and hm restart {name}"


async def ensure_admin(settings: Settings, db: Db, password: str | None, now: str) -> list[str]:
    """Make the user admin, with `password` or a link that is told once (`hm user reset admin` makes another). Raises BadSetting."""
    found = await users.credentials(db, ADMIN)
    if found and (found.password_hash or not found.user.active or not password):
        return []
    hashed = await _hashed(password, (ADMIN, "Administrator"), "HM_ADMIN_PASSWORD") if password else ""
    async with db.write() as tx:
        user = found.user if found else await _added(tx, ADMIN, "Administrator", "admin", (), now)
        if hashed:
            await _set_password(tx, user, hashed, now)
            return ["Made the user admin with the password of HM_ADMIN_PASSWORD."]
        code, _ = await access.invite(tx, keys_of(settings), user, ACTOR, now, ADMIN_LINK_MINUTES)
    link = access.setup_link(settings.origin, code)
    return [f"Made the user admin. Set their password within {ADMIN_LINK_MINUTES} minutes, once: {link}"]


async def ensure_demo_people(settings: Settings, db: Db, password: str | None, now: str) -> list[str]:
    """Make alice, bob, carol and dave with one password, `password` or a new one, and tell it. Raises BadSetting."""
    missing = [person for person in DEMO_PEOPLE if await users.credentials(db, person[0]) is None]
    if not missing:
        return []
    chosen = password or "-".join("".join(secrets.choice(EASY_LETTERS) for _ in range(4)) for _ in range(5))
    hashes = {username: await _hashed(chosen, (username, name), "HM_DEMO_PASSWORD") for username, name, _ in missing}
    async with db.write() as tx:
        company_id = await _demo_company(tx, now)
        for username, name, level in missing:
            user = await _added(tx, username, name, level, (company_id,) if level == "client" else (), now)
            await _set_password(tx, user, hashes[username], now)
    names = ", ".join(f"{username} ({level})" for username, _, level in missing)
    return [f"Made the demo's people: {names}. Password of each: {chosen}"]


async def _added(tx: Transaction, username: str, name: str, level: str, company_ids: tuple[str, ...], now: str) -> User:
    rule = "only" if company_ids else "all"
    wanted = User(id="", username=username, display_name=name, level=level, scope_rule=rule, company_ids=company_ids)
    return await people.add(tx, OPERATOR, wanted, ACTOR, now)


async def _hashed(password: str, names: tuple[str, str], variable: str) -> str:
    """The hash of a person's password, who has a username and a name; made before the transaction, as it takes long. Raises BadSetting."""
    problem = passwords.problem(password, names=list(names))
    if problem:
        raise BadSetting(f"{variable} cannot be the password of {names[0]}: {problem}")
    return await Hasher().hashed(password)


async def _set_password(tx: Transaction, user: User, hashed: str, now: str) -> None:
    await users.set_password(tx, user.id, hashed, now)
    await audit.record(tx, ACTOR, "user.password_set", f"user/{user.id}", now=now)


async def _demo_company(tx: Transaction, now: str) -> str:
    """The company dave belongs to; the demo's import gives it its name when it was not there before."""
    found = await users.company_id(tx, DEMO_ACCOUNT_NUMBER)
    if found:
        return found
    said = {"account_number": DEMO_ACCOUNT_NUMBER, "name": f"Company {DEMO_ACCOUNT_NUMBER}"}
    return (await changes.add(tx, COMPANIES, said, Writer(ACTOR, OPERATOR.scope, now, now[:10]))).id
