"""What a module remembers of Nexus's answers, and what it shows while Nexus is away."""

import io

import msgspec
import pytest
from tornado.httpclient import HTTPRequest, HTTPResponse
from tornado.httputil import HTTPHeaders

from hmlib.nexus import Nexus, NexusDown, NexusRefused
from hmlib.testing import ACME, GLOBEX

pytestmark = pytest.mark.gen_test
BOOK = {"as_of": "2026-11-01T00:00:00.000000Z", "companies": [
    {"id": id, "account_number": number, "name": number, "status": "active"} for id, number in ((ACME, "100001"), (GLOBEX, "100002"))
]}  # fmt: skip


class Wire:
    """Answers from a table, counts the questions, and can be cut."""

    def __init__(self):
        self.asked, self.cut, self.status = [], False, 200

    async def send(self, method, path, *, headers, **_):
        self.asked.append((path, headers.get("If-None-Match")))
        if self.cut:
            raise NexusDown("cut")
        known = headers.get("If-None-Match") == '"1"'
        body = (
            BOOK if "billing_summary" in path else {"items": [{"id": ACME, "account_number": "100001", "name": "Acme", "status": "active"}]}
        )
        headers = HTTPHeaders({"Etag": '"1"', "X-As-Of": "2026-11-02T00:00:00.000000Z"})
        raw = io.BytesIO(b"" if known else msgspec.json.encode(body))
        return HTTPResponse(HTTPRequest("https://nexus"), 304 if known else self.status, headers, raw)


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def directory(settings, wire):
    nexus = Nexus(settings, "treasury", "secret")
    nexus.close()
    nexus._wire = wire

    async def token_for(audience):
        return f"token for {audience}"

    return nexus.on_behalf("carol", token_for)


async def test_an_unchanged_book_is_not_sent_again(directory, wire):
    first, again = await directory.billing_summary(), await directory.billing_summary()
    assert [known for _, known in wire.asked] == [None, '"1"']
    assert again.companies is first.companies and again.as_of == "2026-11-02T00:00:00.000000Z"


async def test_a_list_is_fresh_for_a_moment(directory, wire):
    assert (await directory.companies.some([ACME]))[0].name == "Acme"
    await directory.companies.some([ACME])
    assert len(wire.asked) == 1


async def test_while_nexus_is_away_the_last_book_serves(directory, wire):
    await directory.billing_summary()
    wire.cut = True
    assert len((await directory.billing_summary()).companies) == 2
    assert [company.id for company in (await directory.billing_summary([GLOBEX])).companies] == [GLOBEX]


async def test_many_single_companies_do_not_push_out_the_whole_book(directory, wire):
    await directory.billing_summary()
    for number in range(20):
        await directory.billing_summary([f"id-{number}"])
    wire.cut = True
    assert len((await directory.billing_summary()).companies) == 2


async def test_what_was_never_asked_cannot_be_shown(directory, wire):
    wire.cut = True
    for question in (directory.billing_summary(), directory.companies.some([ACME])):
        with pytest.raises(NexusDown):
            await question


async def test_a_refusal_is_not_an_absence(directory, wire):
    await directory.billing_summary()
    wire.status = 403
    with pytest.raises(NexusRefused):
        await directory.companies.some([ACME])
