"""Who gets in where: every method of every route, asked by everyone over HTTP, beside the table that was agreed on (N112, N113).

A service's test brings `person_of`, a coroutine function that signs a member of ROLES in anew, and its `role_matrix.csv`.
"""

import csv
import itertools
import time
from pathlib import Path

from tornado.web import RequestHandler

from hmlib.auth.permissions import ALL_PERMISSIONS, CompanyScope
from hmlib.auth.sessions import NewSession, Tokens
from hmlib.clock import shifted, utc_now
from hmlib.testing.browser import Browser
from hmlib.testing.hub import ACME, CAST, Person
from hmlib.web.api_handler import ApiHandler

ROLES = ("stranger", "alice", "bob", "limited", "carol", "dave", "service")
VERBS = ("get", "post", "put", "patch", "delete")
NOT_THERE = "018f0000-0000-7000-8000-00000000ffff"
SHUT = (400, 403, 404)  # 400 where the empty body is looked at before the row
SAMPLES = (NOT_THERE, "1", "nothing-here", "0123456789abcdef")
LIMITED = Person("018f0000-0000-7000-8000-000000000005", "limited", "technician", CompanyScope("only", frozenset({ACME})))
EVERY_SCOPE = " ".join(sorted(ALL_PERMISSIONS))


def methods(app):
    """Route, handler and verb of everything the application answers, its own table and what all services share."""
    for rule in app.wildcard_router.rules:
        for verb in VERBS:
            if getattr(rule.target, verb) is not getattr(RequestHandler, verb):
                yield rule, rule.target, verb


def path_of(rule, samples=SAMPLES):
    """An address that the route takes, made of the samples; None when it takes none of them."""
    for chosen in itertools.product(samples, repeat=rule.regex.groups):
        path = rule.reverse(*chosen)
        if path and rule.regex.match(path):
            return path
    return None


async def ask(person, kind, verb, path, **headers):
    """One request as the handler's own callers make it; a body for everything that takes one."""
    body = {} if verb in ("post", "put", "patch") else None
    call = person.api if issubclass(kind, ApiHandler) else person.fetch
    return await call(path, verb.upper(), body, **headers)


def word(kind, answer):
    """What became of a request: in, or why not. Whatever happens behind the door is another test's business."""
    assert answer.code < 500 or answer.code == 503, answer.text
    asked_to = answer.code == 401 if issubclass(kind, ApiHandler) else answer.code == 303 and answer.location.startswith("/login?next=")
    if asked_to:
        return "sign in"
    return "no" if answer.code == 403 else "in"


async def seen(app, person_of):
    """The table as the service answers it now."""
    found = []
    readers = {role: await person_of(role) for role in ROLES}
    for rule, kind, verb in sorted(methods(app), key=lambda each: VERBS.index(each[2])):  # what ends sessions comes last
        path = path_of(rule)
        assert path is not None, f"no sample fits {rule.regex.pattern}: add one to SAMPLES"
        asking = readers if verb == "get" else {role: await person_of(role) for role in ROLES}
        words = [word(kind, await ask(person, kind, verb, path)) for person in asking.values()]
        found.append((verb.upper(), rule.regex.pattern.removesuffix("$"), *words))
    return sorted(found, key=lambda row: (row[1], row[0]))


async def compare(app, person_of, table: Path):
    """Every cell as agreed. A new route is a decision: look at who gets in, then add its line."""
    now = [",".join(row) for row in await seen(app, person_of)]
    with table.open(newline="") as file:
        agreed = [",".join(row) for row in csv.reader(file)][1:]
    lacking, gone = [line for line in now if line not in agreed], [line for line in agreed if line not in now]
    assert not lacking and not gone, "\n".join([f"{table} lacks:", *lacking, "and has what is not so (any more):", *gone])


async def found_outside(app, alice, others, ids):
    """How many addresses with one of `ids` in them show alice something, and which let those in who may not see it, by any verb."""
    found, opened = 0, []
    for rule, kind, verb in methods(app):
        places = [place for id in ids if rule.regex.groups == 1 and rule.regex.match(place := rule.reverse(id))]
        for place in places:
            shown = await ask(alice, kind, verb, place) if verb == "get" else None
            found += shown is not None and shown.code == 200
            held = {"If_None_Match": shown.headers.get("Etag", '"1"') if shown else '"1"', "If_Match": '"1"'}
            answers = [await ask(other, kind, verb, place, **held) for other in others]
            opened += [f"{verb} {place}: {answer.code}" for answer in answers if answer.code not in SHUT]
    return found, opened


def module_people(app, hub, http_client, base_url):
    """`person_of` for a module, with the FakeHub for a Nexus."""
    hub.people |= {LIMITED.id: LIMITED}
    everybody = {**CAST, "limited": LIMITED}
    count = itertools.count()

    async def person_of(role):
        service = app.spine.settings.service
        if role == "stranger":
            return Browser(http_client, base_url, app)
        if role == "service":
            return Browser(http_client, base_url, app, hub.service_bearer(service, EVERY_SCOPE))
        person, now = everybody[role], utc_now()
        sid = f"sid-{role}-{next(count)}"
        access = hub.token(person, service, sid=sid)
        new_session = NewSession(
            person.id, person.name, person.level, sid, int(time.time()), ("pwd",), "127.0.0.1", "pytest", shifted(now, 3600),
            Tokens(access, int(time.time()) + 300, "refresh-alice"),
        )  # fmt: skip
        cookie, session = await app.spine.sessions.open(new_session, now)
        return Browser(http_client, base_url, app, access, {app.spine.settings.cookie: cookie}, session.id_hash)

    return person_of
