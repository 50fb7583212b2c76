"""Processes on one socket share its connections, and running out of descriptors stops nobody who is connected already."""

import asyncio
import contextlib
import errno
import logging
import resource
import socket

from hmlib.server import accepting


async def burst(count, *turns):
    """So many clients connect at one moment; how many each of the ``turns`` has accepted once all are in."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening, contextlib.ExitStack() as stack:
        listening.setblocking(False)
        clients = [stack.enter_context(socket.create_connection(listening.getsockname())) for _ in range(count)]
        taken = [[] for _ in turns]
        running = [make(stack.enter_context(listening.dup()), taken[number]) for number, make in enumerate(turns)]
        while sum(map(len, taken)) < count:
            await asyncio.sleep(0.001)
        for one in running:
            one.stop()
        for connection in (connection for some in taken for connection in some):
            connection.close()
        assert len(clients) == count
    return [len(some) for some in taken]


def in_turns(listening, taken):
    listening.setblocking(False)
    return in_turns_of(listening, taken)


def in_turns_of(listening, taken):
    return accepting.Turns(listening, lambda connection, address: taken.append(connection), taken.__len__, 1000)


class Greedy:
    """As Tornado accepts: all that wait, at once."""

    def __init__(self, listening, taken):
        from tornado.netutil import add_accept_handler

        listening.setblocking(False)
        self.stop = add_accept_handler(listening, lambda connection, address: taken.append(connection))


def test_a_burst_is_shared():
    counts = asyncio.run(burst(40, in_turns, in_turns))
    assert max(counts) <= 1.4 * min(counts), counts


def test_without_turns_one_takes_the_burst():
    assert max(asyncio.run(burst(40, Greedy, Greedy))) == 40


def test_a_burst_is_taken_whole_by_one_alone():
    assert asyncio.run(burst(20, in_turns)) == [20]


def test_without_descriptors_it_says_so_once_and_goes_on_later(caplog):
    class Exhausted:
        """A socket on a system that has no descriptor left, for the first tries."""

        def __init__(self, listening):
            self._listening, self.tries = listening, 0

        def accept(self):
            self.tries += 1
            if self.tries == 1:
                raise OSError(errno.EMFILE, "Too many open files")
            return self._listening.accept()

        def fileno(self):
            return self._listening.fileno()

    caplog.set_level(logging.WARNING)
    assert asyncio.run(burst(3, lambda listening, taken: in_turns_of(Exhausted(listening), taken))) == [3]
    assert [record.message for record in caplog.records] == ["accepting pauses"]


def test_room_leaves_descriptors_for_other_work():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
        assert accepting.FEWEST_CONNECTIONS <= accepting.room(4096) < 200 - accepting.DESCRIPTORS_KEPT
        assert accepting.room(20) == 20
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
