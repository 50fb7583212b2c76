"""An extension of supervisord: it holds every group's listening socket open for as long as supervisord lives."""

from typing import Any

from supervisor import events


class SocketKeeper:
    """One more reference to the socket of each group that has one.

    supervisord closes a group's socket with the group's last process and binds it anew for the next. That fails while a child that
    was forked a moment ago has not closed its copy yet, and supervisord ends of it.
    """

    def __init__(self, supervisord: Any) -> None:
        self._groups = supervisord.process_groups
        self._held = {name: group.socket_manager.get_socket() for name, group in self._groups.items() if _has_socket(group)}
        events.subscribe(events.ProcessGroupAddedEvent, self._hold)
        events.subscribe(events.ProcessGroupRemovedEvent, self._let_go)
        events.subscribe(events.SupervisorStoppingEvent, self._let_all_go)

    def _hold(self, added: Any) -> None:
        if _has_socket(group := self._groups[added.group]):
            self._held[added.group] = group.socket_manager.get_socket()

    def _let_go(self, removed: Any) -> None:
        self._held.pop(removed.group, None)

    def _let_all_go(self, _: object) -> None:
        """Nothing is started any more; a reload binds every socket anew."""
        self._held.clear()


def _has_socket(group: Any) -> bool:
    return hasattr(group, "socket_manager")


def keep_sockets(supervisord: Any, **_: str) -> SocketKeeper:
    """What ``supervisor.rpcinterface_factory`` in supervisord.conf names: called once, when the groups are made and none has started."""
    return SocketKeeper(supervisord)
