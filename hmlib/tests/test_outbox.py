"""What the outbox promises to every kind of message, on both engines; how it fares with real peers is tested where they are called."""

import asyncio
from urllib.parse import urlsplit

import pytest

from hmlib.clock import shifted, utc_now
from hmlib.jobs import deliveries
from hmlib.jobs.outbox import GIVE_UP_SECONDS, Answer, Outbox, OutboxKind
from hmlib.tests.engines import connect

pytestmark = pytest.mark.gen_test(timeout=60)


class Post:
    """A way to send: it keeps what it was given, waits for its gate, and answers as it is told to."""

    def __init__(self):
        self.sent, self.error, self.away, self.gate = [], "", False, asyncio.Event()
        self.gate.set()

    async def __call__(self, message):
        self.sent.append(message.content["number"])
        await self.gate.wait()
        return Answer(self.error, self.away)


@pytest.fixture
def db(ground):
    return ground


@pytest.fixture
def post():
    return Post()


def outbox(db, post, name="mail", **options):
    return Outbox(db, [OutboxKind(name, post, "mail.not_sent", "customer", **options)], "Toy")


async def tell(db, *numbers, kind="mail", target="acme", inside=False):
    for number in numbers:
        async with db.write() as tx:
            await deliveries.add(tx, kind, target, {"number": number}, utc_now(), inside=inside)


async def push(box):
    count = await box.deliver_due()
    await box.settled()
    return count


async def test_a_message_goes_with_its_transaction_alone(db, post):
    with pytest.raises(KeyError):
        async with db.write() as tx:
            await deliveries.add(tx, "mail", "acme", {"number": 1}, utc_now())
            raise KeyError
    assert await push(outbox(db, post)) == 0
    await tell(db, 1)
    assert (await push(outbox(db, post)), post.sent, await deliveries.waiting(db)) == (1, [1], {})


async def test_one_at_a_time_keeps_the_order_also_after_a_failure(db, post):
    box = outbox(db, post, at_once=1)
    await tell(db, 1, 2, 3)
    post.error = "It answered 500."
    assert await push(box) == 1
    post.error = ""
    await db.run("UPDATE outbox_message SET due_at = created_at")
    while await push(box):
        pass
    assert post.sent == [1, 1, 2, 3]


async def test_a_kind_that_nobody_sends_waits_and_one_target_holds_up_no_other(db, post):
    await tell(db, 1, kind="webhook")
    await tell(db, 2, 3, 4, 5, 6, target="slow")
    await tell(db, 7, target="quick")
    box = outbox(db, post)
    post.gate.clear()
    assert await box.deliver_due() == 4 + 1
    await asyncio.sleep(0)
    assert sorted(post.sent) == [2, 3, 4, 5, 7]
    post.gate.set()
    await box.settled()
    assert await deliveries.waiting(db) == {"mail": 1, "webhook": 1}


async def test_while_a_restored_suite_is_held_only_what_goes_inside_is_sent(db, post):
    await db.run(
        """
        INSERT INTO suite (id, suite_id, service, services, epoch, key_check, made_at, held_at)
        VALUES (1, 's', 'wiki', 'wiki', 'e', 'k', :now, :now)
        """,
        now=utc_now(),
    )
    await tell(db, 1)
    await tell(db, 2, inside=True)
    box = outbox(db, post)
    assert (await push(box), post.sent) == (1, [2])
    await db.run("UPDATE outbox_message SET created_at = :then", then=shifted(utc_now(), -2 * GIVE_UP_SECONDS))
    await box.give_up_old()
    await db.run("UPDATE suite SET held_at = ''")
    assert (await push(box), post.sent) == (1, [2, 1]), "released after days it is sent, not forgotten"


async def test_what_is_given_up_is_named(db, post):
    post.error, post.away = "Nothing listens at this address.", True
    box = outbox(db, post, give_up_seconds=3600)
    await tell(db, 1, 2)
    await push(box)
    await db.run("UPDATE outbox_message SET created_at = :then", then=shifted(utc_now(), -3700))
    await box.give_up_old()
    (noted,) = await db.all("SELECT actor_name, action, subject, after_json FROM audit")
    assert (noted["actor_name"], noted["action"], noted["subject"]) == ("Toy", "mail.not_sent", "customer/acme")
    assert "Nothing listens" in noted["after_json"] and '"messages":2' in noted["after_json"]
    state = await deliveries.delivery(db, "mail", "acme")
    assert (state.given_up, state.waiting, state.failures) == (2, 0, 2)


async def test_a_writer_that_holds_the_database_for_11_seconds_makes_nothing_go_twice(db, db_url, post):
    """It was taken, and that can be noted only when the writer has gone: by then, before the claim runs out, it is."""
    name = urlsplit(db_url)._replace(path=f"/{await db.value('SELECT current_database()')}").geturl() if db.dialect != "sqlite" else db_url
    other = await connect(name)
    await tell(db, 1)
    post.gate.clear()
    running = asyncio.create_task(outbox(db, post).run())
    while not post.sent:
        await asyncio.sleep(0.01)
    async with other.write() as tx:
        await tx.run("UPDATE outbox_target SET failures = 0")
        post.gate.set()
        await asyncio.sleep(11)
    while await deliveries.waiting(db):
        await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.wait([running])
    await other.close()
    assert post.sent == [1]
