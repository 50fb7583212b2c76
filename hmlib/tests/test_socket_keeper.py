"""Every group of supervisord.conf has its socket held, and a reload lets it go."""

import pytest
from supervisor import events
from supervisor.socket_manager import SocketManager

from hmlib.processes.socket_keeper import keep_sockets


class Config:
    """What a SocketManager is made of: it counts how often it was bound."""

    def __init__(self):
        self.bound, self.open = 0, False

    def create_and_bind(self):
        assert not self.open, "Address already in use"
        self.bound, self.open = self.bound + 1, True
        return self

    def get_backlog(self):
        return 1

    def listen(self, backlog):
        pass

    def close(self):
        self.open = False


class Group:
    def __init__(self):
        self.socket_config = Config()
        self.socket_manager = SocketManager(self.socket_config)


class Daemon:
    def __init__(self, **groups):
        self.process_groups = groups


@pytest.fixture(autouse=True)
def no_subscribers():
    events.clear()
    yield
    events.clear()


def test_a_socket_outlives_its_processes():
    group = Group()
    keep_sockets(Daemon(nexus=group, plain=object()))
    process = group.socket_manager.get_socket()
    del process
    assert (group.socket_config.open, group.socket_config.bound) == (True, 1)


def test_without_a_keeper_it_closes_with_the_last_process():
    group = Group()
    process = group.socket_manager.get_socket()
    del process
    assert not group.socket_config.open


def test_groups_come_and_go():
    daemon = Daemon()
    keep_sockets(daemon)
    daemon.process_groups["later"] = group = Group()
    events.notify(events.ProcessGroupAddedEvent("later"))
    assert group.socket_config.open
    events.notify(events.ProcessGroupRemovedEvent("later"))
    assert not group.socket_config.open


def test_stopping_lets_go_so_that_a_reload_can_bind():
    group = Group()
    keep_sockets(Daemon(nexus=group))
    events.notify(events.SupervisorStoppingEvent())
    assert not group.socket_config.open
