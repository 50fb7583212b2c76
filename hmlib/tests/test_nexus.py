"""What a module remembers of Nexus's answers, and what it shows while Nexus is away."""

import asyncio
import io
import time

import msgspec
import pytest
from tornado.httpclient import HTTPRequest, HTTPResponse
from tornado.httputil import HTTPHeaders

from hmlib.nexus.client import Nexus
from hmlib.nexus.transport import NexusDown, NexusRefused
from hmlib.testing.hub import ACME, GLOBEX

pytestmark = pytest.mark.gen_test
BOOK = {"as_of": "2026-11-01T00:00:00.000000Z", "companies": [
    {"id": id, "account_number": number, "name": number, "status": "active"} for id, number in ((ACME, "100001"), (GLOBEX, "100002"))
]}  # fmt: skip


class Transport:
    """Answers from a table, counts the questions, and can be cut."""

    def __init__(self):
        self.asked, self.cut, self.status = [], False, 200

    async def send(self, method, path, *, headers, **_):
        self.asked.append((path, headers.get("If-None-Match")))
        if self.cut:
            raise NexusDown("cut")
        known = headers.get("If-None-Match") == '"1"'
        body = BOOK if "billing_summary" in path else [{"id": ACME, "account_number": "100001", "name": "Acme", "status": "active"}]
        headers = HTTPHeaders({"Etag": '"1"', "X-As-Of": "2026-11-02T00:00:00.000000Z"})
        raw = io.BytesIO(b"" if known else msgspec.json.encode(body))
        return HTTPResponse(HTTPRequest("https://nexus"), 304 if known else self.status, headers, raw)


@pytest.fixture
def transport():
    return Transport()


@pytest.fixture
def directory(settings, transport):
    nexus = Nexus(settings, "treasury", "secret")
    nexus.close()
    nexus._transport = transport

    async def token_for(audience):
        return f"token for {audience}"

    return nexus.on_behalf("carol", token_for)


async def test_an_unchanged_book_is_not_sent_again(directory, transport):
    first, again = await directory.billing_summary(), await directory.billing_summary()
    assert [known for _, known in transport.asked] == [None, '"1"']
    assert again.companies is first.companies and again.as_of == "2026-11-02T00:00:00.000000Z"


async def test_a_list_is_fresh_for_a_moment(directory, transport):
    assert (await directory.companies.some([ACME]))[0].name == "Acme"
    await directory.companies.some([ACME])
    assert len(transport.asked) == 1


async def test_while_nexus_is_away_the_last_book_serves(directory, transport):
    await directory.billing_summary()
    transport.cut = True
    assert len((await directory.billing_summary()).companies) == 2
    assert [company.id for company in (await directory.billing_summary([GLOBEX])).companies] == [GLOBEX]


async def test_many_single_companies_do_not_push_out_the_whole_book(directory, transport):
    await directory.billing_summary()
    for number in range(20):
        await directory.billing_summary([f"id-{number}"])
    transport.cut = True
    assert len((await directory.billing_summary()).companies) == 2


async def test_what_was_never_asked_cannot_be_shown(directory, transport):
    transport.cut = True
    for question in (directory.billing_summary(), directory.companies.some([ACME])):
        with pytest.raises(NexusDown):
            await question


async def test_a_refusal_is_not_an_absence(directory, transport):
    await directory.billing_summary()
    transport.status = 403
    with pytest.raises(NexusRefused):
        await directory.companies.some([ACME])


# Whose answer it is, and how long it is good


@pytest.fixture
def nexus(settings, transport):
    nexus = Nexus(settings, "treasury", "secret")
    nexus.close()
    nexus._transport = transport
    return nexus


def seen_by(nexus, view, *, read_on_seconds=900, id="carol"):
    async def token_for(audience):
        return f"token of {view}"

    return nexus.on_behalf(id, token_for, view=view, read_on_seconds=read_on_seconds)


async def test_a_narrow_token_is_not_answered_from_what_a_wide_one_got(nexus, transport):
    wide, narrow = seen_by(nexus, "directory:read users:read"), seen_by(nexus, "directory:read")
    await wide.companies.some([ACME])
    await wide.billing_summary()
    transport.cut = True
    for question in (narrow.companies.some([ACME]), narrow.billing_summary(), narrow.billing_summary([ACME])):
        with pytest.raises(NexusDown):
            await question


async def test_a_change_of_what_one_may_see_drops_it_all_and_only_theirs(nexus, transport):
    carol, bob = seen_by(nexus, "all"), seen_by(nexus, "all", id="bob")
    for one in (carol, bob):
        await one.companies.some([ACME])
        await one.billing_summary()
    transport.cut = True
    nexus.forget("carol")
    for question in (carol.companies.some([ACME]), carol.billing_summary(), carol.billing_summary([ACME])):
        with pytest.raises(NexusDown):
            await question
    assert len((await bob.billing_summary()).companies) == 2


async def test_what_was_under_way_when_it_changed_is_not_remembered(nexus, transport):
    carol, gate = seen_by(nexus, "all"), asyncio.Event()
    answered = transport.send

    async def late(*args, **options):
        await gate.wait()
        return await answered(*args, **options)

    transport.send = late
    asked = asyncio.ensure_future(carol.companies.some([ACME]))
    await asyncio.sleep(0)
    nexus.forget("carol")
    gate.set()
    assert (await asked)[0].name == "Acme"
    transport.cut = True
    with pytest.raises(NexusDown):
        await carol.companies.some([ACME])


async def test_an_old_answer_is_no_answer(nexus, transport):
    carol = seen_by(nexus, "all")
    await carol.companies.some([ACME])
    await carol.billing_summary()
    transport.cut = True
    now = time.monotonic()
    nexus.answers._clock = lambda: now + 899
    assert (await carol.companies.some([ACME]))[0].name == "Acme" and len((await carol.billing_summary([GLOBEX])).companies) == 1
    nexus.answers._clock = lambda: now + 901
    for question in (carol.companies.some([ACME]), carol.billing_summary(), carol.billing_summary([GLOBEX])):
        with pytest.raises(NexusDown):
            await question


async def test_ten_thousand_questions_do_not_fill_the_memory(nexus):
    carol = seen_by(nexus, "all")
    for number in range(1000):
        await carol.companies.page(q=f"word {number}")
    assert len(nexus.answers._lists) == 256 and nexus.answers._asking == {}


async def test_the_same_question_at_the_same_time_is_one_call(nexus, transport):
    carol = seen_by(nexus, "all")
    await asyncio.gather(*(carol.companies.some([ACME]) for _ in range(20)))
    assert len(transport.asked) == 1


async def test_after_a_silence_nobody_waits_who_can_be_shown_something(nexus, transport):
    carol = seen_by(nexus, "all")
    await carol.billing_summary()
    transport.cut = True
    await carol.billing_summary()
    never = asyncio.Event()

    async def silent(*args, **options):
        await never.wait()

    transport.send = silent
    assert len((await asyncio.wait_for(carol.billing_summary(), 5)).companies) == 2
    for call in nexus.answers._asking.values():
        call.cancel()


async def test_two_who_are_answered_the_same_share_one_copy_of_it(nexus):
    carol, alice = seen_by(nexus, "all"), seen_by(nexus, "all", id="alice")
    assert (await carol.billing_summary()).companies is (await alice.billing_summary()).companies


async def test_a_list_is_an_array_whose_next_page_is_in_its_headers(settings):
    rows = [{"id": id, "account_number": id, "name": id, "status": "active"} for id in ("1", "2", "3")]
    asked = []

    async def send(method, path, **_):
        asked.append(path)
        on = "cursor=" in path
        link = {} if on else {"Link": '<https://nexus/api/companies?limit=1000&cursor=abc.def>; rel="next"'}
        raw = io.BytesIO(msgspec.json.encode(rows[2:] if on else rows[:2]))
        return HTTPResponse(HTTPRequest("https://nexus"), 200, HTTPHeaders({"Etag": f'"{on}"', "X-Total-Count": "3", **link}), raw)

    async def token_for(audience):
        return "token"

    nexus = Nexus(settings, "treasury", "secret")
    nexus.close()
    nexus._transport = type("Answering", (), {"send": staticmethod(send)})()
    directory = nexus.on_behalf("carol", token_for)
    assert [company.id for company in await directory.companies.everything()] == ["1", "2", "3"]
    assert [path.partition("?")[2] for path in asked] == ["limit=1000", "limit=1000&cursor=abc.def"]
    page = await directory.companies.page(limit="1000")
    assert (page.total, page.next_cursor, len(asked)) == (3, "abc.def", 2), "what is remembered keeps its headers"
