"""A request that is sent twice is done once: programs' keys and forms' keys, what is kept of an answer, and rows of the release before."""

import asyncio
import hashlib
import re

import pytest
from tornado.web import url

from hmlib.auth.permissions import allowed
from hmlib.clock import new_id, shifted, utc_now
from hmlib.errors import Invalid
from hmlib.records import audit
from hmlib.server.application import application
from hmlib.testing.fixtures import ServiceUnderTest
from hmlib.testing.hub import CAST
from hmlib.tests import toy
from hmlib.web import idempotency
from hmlib.web.api_handler import ApiHandler, documented
from hmlib.web.page_handler import SENT_BEFORE, PageHandler

pytestmark = pytest.mark.gen_test


class Notes(ApiHandler):
    @allowed("wiki:write")
    @documented(query={"x": "Tells one request from another."})
    async def post(self) -> None:
        note = self.body(toy.Note)
        async with self.transaction() as tx:
            if not note.text:
                raise Invalid({"text": "Enter a text."})
            await write(self, tx, note.text)
            self.answer_created({"id": new_id(), "text": note.text}, '"1"', f"/api/notes/{note.number}")


class Secrets(ApiHandler):
    @allowed("wiki:write")
    async def post(self) -> None:
        async with self.transaction(secret=True) as tx:
            await write(self, tx, "secret")
            self.answer({"secret": new_id()}, 201)


class Silent(ApiHandler):
    @allowed("wiki:write")
    async def post(self) -> None:
        async with self.transaction() as tx:
            await write(self, tx, "silent")
        self.answer({"too": "late"}, 201)


class NotesForm(PageHandler):
    @allowed("wiki:write")
    async def get(self) -> None:
        self.page("toy_form.html", errors={}, values={})

    @allowed("wiki:write")
    async def post(self) -> None:
        try:
            async with self.transaction() as tx:
                if not self.form["text"]:
                    raise Invalid({"text": "Enter a text."})
                await write(self, tx, self.form["text"])
                self.toast("Noted.")
                self.see_other(f"/notes/{new_id()}")
                if self.form["text"] == "break":
                    raise ValueError("after the answer")
        except Invalid as invalid:
            self.invalid("toy_form.html", errors=invalid.errors, values=self.form)


async def write(handler, tx, text):
    await audit.record(tx, handler.actor, "note.written", "note", now=handler.now, after={"text": text})


ROUTES = [
    *toy.ROUTES[:-1],
    url(r"/api/written", Notes),
    url(r"/api/secrets", Secrets),
    url(r"/api/silent", Silent),
    url(r"/form", NotesForm),
]


def make_app(settings, db, nexus):
    return application(settings, db, nexus, routes=ROUTES, templates=toy.HERE / "toy_templates", preferences=toy.PREFERENCES, navigation=[])


@pytest.fixture
def service() -> ServiceUnderTest:
    return ServiceUnderTest("wiki", make_app, toy.MIGRATIONS)


async def written(db):
    return await db.value("SELECT COUNT(*) FROM audit WHERE action = 'note.written'")


def told(answer):
    return answer.code, answer.body, answer.headers.get("Location"), answer.headers.get("Etag"), answer.headers["Content-Type"]


async def post(person, text="one", key="k1", path="/api/written", **body):
    return await person.api(path, "POST", {"text": text, **body}, Idempotency_Key=key)


async def test_the_second_gets_the_answer_of_the_first(bob, db):
    first, second = await post(bob), await post(bob)
    assert first.code == 201 and told(first) == told(second) and await written(db) == 1


async def test_without_a_key_both_are_done(bob, db):
    assert (await bob.api("/api/written", "POST", {"text": "one"})).body != (await bob.api("/api/written", "POST", {"text": "one"})).body
    assert await written(db) == 2


async def test_eight_at_once_get_one_answer(bob, db):
    answers = await asyncio.gather(*(post(bob) for _ in range(8)))
    assert len({told(answer) for answer in answers}) == 1 and answers[0].code == 201 and await written(db) == 1


async def test_n020_a_key_stands_for_method_path_query_and_body(bob, db):
    assert (await post(bob)).code == 201
    for answer in (await post(bob, "two"), await post(bob, path="/api/written?x=1"), await post(bob, path="/api/secrets")):
        assert (answer.code, answer.json["code"]) == (422, "idempotency_key_reused")
    assert await written(db) == 1


async def test_anothers_key_is_another_key(bob, alice, db):
    assert (await post(bob)).body != (await post(alice)).body
    assert await written(db) == 2


async def test_a_refusal_is_not_kept(bob, db):
    assert (await post(bob, "")).code == 422
    assert (await post(bob, "one")).code == 201 and await written(db) == 1


async def test_a_key_is_forgotten_after_a_day(bob, db):
    first = await post(bob)
    await db.run("UPDATE replay SET created_at = :then", then=shifted(utc_now(), -86_401))
    assert (await post(bob)).body != first.body
    assert await db.value("SELECT COUNT(*) FROM replay") == 1


@pytest.mark.parametrize("key", ["x" * 256, "a\tb"])
async def test_a_key_that_is_none_is_400(bob, db, key):
    assert (await post(bob, key=key)).code == 400 and await written(db) == 0


async def test_a_secret_is_kept_sealed(bob, db, app):
    first, second = await post(bob, path="/api/secrets"), await post(bob, path="/api/secrets")
    assert first.code == 201 and first.body == second.body and await written(db) == 1
    row = await db.one("SELECT * FROM replay")
    assert first.json["secret"] not in str(row) and row["body_form"] == "sealed"


async def test_a_plain_answer_is_kept_as_it_is(bob, db):
    """The control of the test above: what is not called a secret stands there."""
    assert (await post(bob)).json["id"] in (await db.value("SELECT body FROM replay"))


async def test_an_answer_too_long_to_be_kept_says_that_it_was_done(bob, db):
    text = "x" * idempotency.LARGEST_ANSWER
    assert (await post(bob, text)).code == 201
    again = await post(bob, text)
    assert (again.code, again.json["code"]) == (409, "answer_not_kept") and await written(db) == 1


async def test_an_answer_belongs_into_the_transaction(bob, db):
    assert (await post(bob, path="/api/silent")).code == 500 and await written(db) == 0


async def earlier(db, app, status, created_at, body='{"text":"one"}'):
    """A row as the release before wrote it."""
    raw = b'/api/written\n{"text": "one"}'
    await db.run(
        """
        INSERT INTO replay (caller_id, key_mac, request_hash, status, etag, location, body, created_at)
        VALUES (:caller_id, :key_mac, :request_hash, :status, '"1"', '/api/notes/0', :body, :created_at)
        """,
        caller_id=CAST["bob"].id, key_mac=app.spine.keys.mac("idempotency", "k1"), request_hash=hashlib.sha256(raw).hexdigest(),
        status=status, body=body, created_at=created_at,
    )  # fmt: skip


async def test_an_answer_kept_by_the_release_before_is_given(bob, db, app):
    await earlier(db, app, 201, utc_now())
    assert told(await post(bob)) == (201, b'{"text":"one"}', "/api/notes/0", '"1"', "application/json; charset=UTF-8")
    assert (await post(bob, "two")).code == 422 and await written(db) == 0


async def test_a_claim_of_the_release_before_is_waited_for_and_lapses(bob, db, app):
    await earlier(db, app, None, utc_now(), "")
    busy = await post(bob)
    assert (busy.code, busy.headers["Retry-After"]) == (503, "1") and await written(db) == 0
    await db.run("UPDATE replay SET created_at = :then", then=shifted(utc_now(), -61))
    assert (await post(bob)).code == 201 and told(await post(bob)) == told(await post(bob)) and await written(db) == 1


async def test_the_release_before_understands_what_is_kept_now(bob, db):
    first = await post(bob)
    row = await db.one("SELECT request_hash, status, etag, location, body FROM replay")
    raw = b'/api/written\n{"text": "one"}'
    assert row == {
        "request_hash": hashlib.sha256(raw).hexdigest(), "status": 201, "etag": '"1"', "location": "/api/notes/0", "body": first.text,
    }  # fmt: skip


def key_in(page):
    return re.search(r'name="idempotency_key" value="([\w-]{22})"', page.text)[1]


async def send(person, key, text, **more):
    return await person.fetch("/form", "POST", {"idempotency_key": key, "text": text, **more})


async def test_a_form_sent_eight_times_is_done_once(bob, db):
    key = key_in(await bob.fetch("/form"))
    answers = await asyncio.gather(*(send(bob, key, "one", _xsrf=str(n)) for n in range(8)))
    assert {(answer.code, answer.location) for answer in answers} == {(303, answers[0].location)} and await written(db) == 1


async def test_a_repeated_form_says_what_the_first_said(bob, db):
    key = key_in(await bob.fetch("/form"))
    for _ in range(2):
        await send(bob, key, "one")
        assert "Noted." in (await bob.fetch("/form")).text


async def test_a_form_sent_again_after_signing_in_is_still_the_same(bob, db, app):
    """What a session's end kept is sent by another form, with the token of a new session, and perhaps with other line ends."""
    key = key_in(await bob.fetch("/form"))
    first = await send(bob, key, "one\r\ntwo", _xsrf="of the session that ended")
    again = await send(bob, key, "one\ntwo", _xsrf="of the new one")
    assert (first.code, first.location) == (again.code, again.location) and first.code == 303 and await written(db) == 1


async def test_each_form_is_another_one(bob, db):
    keys = [key_in(await bob.fetch("/form")) for _ in range(2)]
    assert [(await send(bob, key, "one")).code for key in keys] == [303, 303] and await written(db) == 2


async def test_a_form_that_was_refused_may_be_sent_again(bob, db):
    key = key_in(await bob.fetch("/form"))
    assert (await send(bob, key, "")).code == 422
    assert (await send(bob, key, "one")).code == 303 and await written(db) == 1


async def test_a_form_sent_again_with_other_values_is_asked_about(bob, db):
    key = key_in(await bob.fetch("/form"))
    await send(bob, key, "one")
    asked = await send(bob, key, "two")
    assert asked.code == 422 and SENT_BEFORE in asked.text and 'value="two"' in asked.text and await written(db) == 1
    assert (await send(bob, key_in(asked), "two")).code == 303 and await written(db) == 2


async def test_what_was_not_done_is_not_announced(bob, db):
    answer = await send(bob, key_in(await bob.fetch("/form")), "break")
    assert answer.code == 500 and "toast" not in str(answer.headers.get_list("Set-Cookie")) and await written(db) == 0


async def test_a_form_for_somebody_signed_out_has_no_key(stranger):
    assert "idempotency_key" not in (await stranger.fetch("/login")).text
