"""Who follows the billing summary by number has, after any sequence of changes, what somebody has who asks for all of it."""

import asyncio
import io
import random
from pathlib import Path

import msgspec
import pytest
from tornado.httpclient import HTTPRequest, HTTPResponse
from tornado.httputil import HTTPHeaders

from hmlib.clock import utc_now
from hmlib.db import change_numbers
from hmlib.nexus import books
from hmlib.nexus.directory import CompanyFacts as Known
from hmlib.nexus.directory_cache import Answers, Asker
from hmlib.testing.hub import ACME, CAST, GLOBEX
from nexus_srv.queries import billing_summary
from nexus_srv.queries.billing_summary import AssetFacts, CompanyFacts, ContactFacts

pytestmark = pytest.mark.gen_test

DAVE = CAST["dave"].id
COMPANY = """INSERT INTO company (id, account_number, name, name_form, search, created_at, updated_at)
    VALUES (:id, :number, :id, :id, '', :now, :now)"""
CONTACT = "INSERT INTO contact (id, name, name_form, search, created_at, updated_at) VALUES (:id, :id, :id, '', :now, :now)"
ASSET = """INSERT INTO asset (id, company_id, name, name_form, search, created_at, updated_at)
    VALUES (:id, :company, :id, :id, '', :now, :now)"""
LINK = "INSERT INTO contact_company (contact_id, company_id, billed) VALUES (:contact, :company, :billed) ON CONFLICT DO NOTHING"


class Follower:
    """Keeps the companies by id, as the answers say."""

    def __init__(self, person):
        self.person, self.companies, self.answer = person, {}, None

    async def follow(self, *, with_scope=True):
        path = "/api/billing_summary"
        if self.answer is not None:
            path += f"?since={self.answer['number']}" + (f"&scope={self.answer['scope']}" if with_scope else "")
        response = await self.person.api(path)
        assert response.code == 200, response.text
        self.answer = response.json
        if self.answer["whole"]:
            self.companies = {}
        self.companies |= {company["id"]: company for company in self.answer["companies"]}
        for id in self.answer["gone"]:
            self.companies.pop(id, None)
        return self.answer

    async def whole(self):
        return {company["id"]: company for company in (await self.person.api("/api/billing_summary")).json["companies"]}


def some_change(chance, number):
    """A statement and its parameters: whatever can happen in a directory, in whatever order."""
    companies, people = [ACME, GLOBEX, *(f"co{n}" for n in range(4))], [f"p{n}" for n in range(5)]
    company, person, asset = chance.choice(companies), chance.choice(people), f"a{chance.randrange(8)}"
    now, known = utc_now(), "EXISTS (SELECT 1 FROM company WHERE id = :company)"
    empty = "NOT EXISTS (SELECT 1 FROM asset WHERE company_id = :id) AND NOT EXISTS (SELECT 1 FROM contact_company WHERE company_id = :id)"
    return chance.choice(
        [
            (f"{COMPANY} ON CONFLICT DO NOTHING", {"id": chance.choice(companies[2:]), "number": str(200_000 + number), "now": now}),
            (f"DELETE FROM company WHERE id = :id AND {empty}", {"id": chance.choice(companies[2:])}),
            ("UPDATE company SET name = :name, name_form = :name WHERE id = :id", {"id": company, "name": f"Name {number}"}),
            (f"{CONTACT} ON CONFLICT DO NOTHING", {"id": person, "now": now}),
            ("DELETE FROM contact WHERE id = :id", {"id": person}),
            ("UPDATE contact SET active = NOT active WHERE id = :id", {"id": person}),
            ("UPDATE contact SET email = :email WHERE id = :id", {"id": person, "email": f"{number}@x.example"}),
            (
                f"INSERT INTO contact_company (contact_id, company_id) SELECT id, :company FROM contact WHERE id = :id AND {known} "
                "ON CONFLICT DO NOTHING",
                {"id": person, "company": company},
            ),
            (
                "UPDATE contact_company SET billed = NOT billed WHERE contact_id = :id AND company_id = :company",
                {"id": person, "company": company},
            ),
            (
                f"UPDATE contact_company SET company_id = :company WHERE contact_id = :id AND {known} "
                "AND NOT EXISTS (SELECT 1 FROM contact_company other WHERE other.contact_id = :id)",
                {"id": person, "company": company},
            ),
            ("DELETE FROM contact_company WHERE contact_id = :id", {"id": person}),
            (
                f"{ASSET.partition('VALUES')[0]} SELECT :id, :company, :id, :id, '', :now, :now FROM company WHERE id = :company "
                "ON CONFLICT DO NOTHING",
                {"id": asset, "company": company, "now": now},
            ),
            (f"UPDATE asset SET company_id = :company WHERE id = :id AND {known}", {"id": asset, "company": company}),
            ("UPDATE asset SET backup_bytes = :size, measured_at = :now WHERE id = :id", {"id": asset, "size": number, "now": now}),
            ("DELETE FROM asset WHERE id = :id", {"id": asset}),
        ]
    )


@pytest.mark.parametrize("seed", range(4))
async def test_after_any_sequence_of_changes_the_follower_has_the_whole(alice, dave, db, seed):
    chance = random.Random(seed)
    everybody, one = Follower(alice), Follower(dave)
    for number in range(60):
        async with db.write() as tx:
            for statement, params in [some_change(chance, number * 10 + step) for step in range(chance.randint(1, 3))]:
                await tx.run(statement, **params)
            await tx.run("UPDATE directory_state SET version = version + 1 WHERE id = 1")
        for follower in (everybody, one):
            answer = await follower.follow(with_scope=chance.random() < 0.5)
            assert answer["whole"] == (number == 0)
            assert follower.companies == await follower.whole(), (number, follower.person)


async def test_without_its_trigger_a_change_would_be_missed(alice, db):
    """The negative control of the test above."""
    async with db.write() as tx:
        await tx.run(ASSET, id="a", company=ACME, now=utc_now())
    follower = Follower(alice)
    await follower.follow()
    await db.run(f"DROP TRIGGER {'asset_update_changes_facts' if db.dialect == 'sqlite' else 'asset_changes_facts ON asset'}")
    await db.run("UPDATE asset SET company_id = :company WHERE id = 'a'", company=GLOBEX)
    await db.run("UPDATE directory_state SET version = version + 1 WHERE id = 1")
    await follower.follow()
    assert follower.companies != await follower.whole()


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_every_fact_is_minded_by_its_trigger(engine):
    """A field that is added to the facts has to be added to the trigger that tells of its changes."""
    text = (Path(billing_summary.__file__).parents[1] / f"migrations/0030_change_numbers.{engine}.sql").read_text()
    fields = {"asset": AssetFacts, "contact": ContactFacts, "company": CompanyFacts}
    counted = {"id", "number", "assets", "contacts"}
    for table, kind in fields.items():
        start = text.index(f"TRIGGER {table}_update_changes_facts" if engine == "sqlite" else f"FUNCTION {table}_changes_facts")
        trigger = text[start : text.index("END;", start)]
        assert [name for name in kind.__struct_fields__ if name not in counted and f"OLD.{name}" not in trigger] == []


async def test_what_no_fact_says_is_no_change_of_facts(alice, db):
    follower = Follower(alice)
    await follower.follow()
    async with db.write() as tx:
        await tx.run("UPDATE company SET notes = 'x', version = version + 1 WHERE id = :id", id=ACME)
    assert (await follower.follow())["companies"] == []
    assert await change_numbers.changed(db, "company", 0) == [ACME, GLOBEX]


async def test_only_what_changed_is_answered(alice, db):
    follower = Follower(alice)
    assert (await follower.follow())["whole"]
    await alice.api(f"/api/companies/{ACME}", "PATCH", {"name": "Acme"}, If_Match='"1"')
    answer = await follower.follow()
    assert [company["name"] for company in answer["companies"]] == ["Acme"]
    assert not answer["whole"] and answer["gone"] == []


@pytest.mark.parametrize("with_scope", [True, False])
async def test_a_changed_scope_starts_anew(alice, dave, db, with_scope):
    follower = Follower(dave)
    await follower.follow()
    assert list(follower.companies) == [ACME]
    async with db.write() as tx:
        await tx.run("UPDATE account_company SET company_id = :company WHERE account_id = :id", id=DAVE, company=GLOBEX)
    answer = await follower.follow(with_scope=with_scope)
    assert answer["whole"] and list(follower.companies) == [GLOBEX]


async def test_what_is_gone_is_told_to_those_who_saw_it(alice, dave, db):
    everybody, one = Follower(alice), Follower(dave)
    async with db.write() as tx:
        await tx.run(COMPANY, id="co", number="200000", now=utc_now())
    for follower in (everybody, one):
        await follower.follow()
    async with db.write() as tx:
        await tx.run("DELETE FROM company WHERE id = 'co'")
        await tx.run("UPDATE directory_state SET version = version + 1 WHERE id = 1")
    assert (await everybody.follow())["gone"] == ["co"]
    assert (await one.follow())["gone"] == []


async def test_after_a_restore_everybody_starts_anew(alice, db):
    follower = Follower(alice)
    await follower.follow()
    async with db.write() as tx:
        await change_numbers.start_anew(tx, 1_800_000_000_000_000)
        await tx.run("UPDATE directory_state SET version = version + 1 WHERE id = 1")
    assert (await follower.follow())["whole"]
    assert not (await follower.follow())["whole"]


@pytest.mark.parametrize("since", ["-1", "x", "", "1.5", "9" * 19, "٣"])
async def test_what_is_no_number_is_refused(alice, since):
    assert (await alice.api(f"/api/billing_summary?since={since}")).code == 400
    assert (await alice.api(f"/api/billing_summary?since=1&ids={ACME}")).code == 400


# As a module follows


def module_of(**people):
    """A module's memory, asking on behalf of people; and what was sent for each of them."""
    sent = []

    async def send(path, headers, seconds):
        name = headers["Authorization"].removeprefix("Bearer ")
        answer = await people[name].api(path, If_None_Match=headers.get("If-None-Match", ""))
        sent.append((name, path, len(answer.body)))
        return HTTPResponse(HTTPRequest("https://nexus"), answer.code, HTTPHeaders(answer.headers), io.BytesIO(answer.body))

    answers = Answers(send)

    def asker(name):
        async def token_for(audience):
            return name

        return Asker(CAST[name].id, CAST[name].scope, token_for, 900)

    return answers, {name: asker(name) for name in people}, sent


@pytest.mark.parametrize("seed", range(3))
async def test_a_module_has_what_nexus_has_and_each_company_once(alice, bob, dave, db, seed):
    chance = random.Random(seed)
    people = {"alice": alice, "bob": bob, "dave": dave}
    answers, askers, sent = module_of(**people)
    for number in range(40):
        async with db.write() as tx:
            for statement, params in [some_change(chance, number * 10 + step) for step in range(2)]:
                await tx.run(statement, **params)
            await tx.run("UPDATE directory_state SET version = version + 1 WHERE id = 1")
        for name in chance.sample(sorted(people), chance.randint(1, 3)):
            found = await answers.summary(askers[name], None)
            whole = await people[name].api("/api/billing_summary")
            assert msgspec.to_builtins(found.companies) == _as_known(whole.json["companies"])
        copies = {}
        for _, book in answers._books._books.items():
            for company in book.companies:
                copies.setdefault(company.id, set()).add(id(company))
        assert all(len(objects) == 1 for objects in copies.values()), "one copy of a company in a process"
    assert sum("since" not in path for _, path, _ in sent) == 1, "only the first of all asks for everything"


def _as_known(companies):
    return msgspec.to_builtins(msgspec.convert(companies, list[Known]))


async def test_an_unchanged_directory_costs_a_small_answer(alice, bob, db):
    answers, askers, sent = module_of(alice=alice, bob=bob)
    first = await answers.summary(askers["alice"], None)
    await answers.summary(askers["alice"], None)
    again = await answers.summary(askers["alice"], None)
    assert again.companies is first.companies and again.etag == first.etag
    assert sent[-1][2] == 0 and sent[1][2] < 200
    assert (await answers.summary(askers["bob"], None)).companies is first.companies
    assert sent[-1][2] < 200, "somebody else who sees the same needs no book of their own"


async def test_somebody_with_another_scope_gets_nothing_of_the_book_that_is_there(alice, dave, db):
    answers, askers, sent = module_of(alice=alice, dave=dave)
    await answers.summary(askers["alice"], None)
    assert [company.id for company in (await answers.summary(askers["dave"], None)).companies] == [ACME]
    assert "since=" in sent[-1][1]
    async with db.write() as tx:
        await tx.run("UPDATE account_company SET company_id = :company WHERE account_id = :id", id=DAVE, company=GLOBEX)
    assert [company.id for company in (await answers.summary(askers["dave"], None)).companies] == [GLOBEX]


async def test_a_long_answer_is_read_a_line_at_a_time(alice, db):
    now = utc_now()
    async with db.write() as tx:
        await tx.many(COMPANY, [{"id": f"co{n}", "number": str(300_000 + n), "now": now} for n in range(400)])
        await tx.many(ASSET, [{"id": f"as{n}", "company": f"co{n % 400}", "now": now} for n in range(4000)])
        await tx.run("UPDATE directory_state SET version = version + 1 WHERE id = 1")
    raw = (await alice.api("/api/billing_summary")).body
    assert len(raw) > books._LARGE
    turns = 0

    async def others():
        nonlocal turns
        while not reading.done():
            turns += 1
            await asyncio.sleep(0)

    reading = asyncio.ensure_future(books.read(raw))
    await others()
    assert reading.result() == msgspec.json.decode(raw, type=books.Answer)
    assert turns >= 402 / billing_summary.SLICE
