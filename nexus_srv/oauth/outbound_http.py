"""Calls to addresses that an administrator typed in: never to this machine or its neighbours on the wire (CWE-918)."""

import asyncio
import ipaddress
import socket
from concurrent.futures import Executor
from typing import Any
from urllib.parse import urlsplit

LOOKUP_SECONDS = 2.0


class Blocked(Exception):
    """An address that must not be called; the text is one sentence."""


async def checked(url: str, threads: Executor | None = None) -> str:
    """What curl shall take the host of `url` for, as its RESOLVE option has it: the very addresses that were looked at.

    Raises Blocked for a host that has, or also has, an address on this machine, on its own link, or that is no single host.
    """
    return await _pinned(url, threads, anywhere=False)


async def resolved(url: str, threads: Executor | None = None) -> str:
    """The same for an address that the operator set: it may be anywhere. Raises Blocked for a host that is not known."""
    return await _pinned(url, threads, anywhere=True)


async def _pinned(url: str, threads: Executor | None, *, anywhere: bool) -> str:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    lookup = asyncio.get_running_loop().run_in_executor(threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    try:
        found = await asyncio.wait_for(lookup, LOOKUP_SECONDS)
    except (OSError, UnicodeError):
        raise Blocked("The host of this address is not known.") from None
    addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    if not addresses or (not anywhere and any(_forbidden(address) for address in addresses)):
        raise Blocked("This address leads to this machine or to its own network link.")
    return f"{_bracketed(host)}:{port}:{','.join(_bracketed(str(address)) for address in addresses)}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _forbidden(address: Any) -> bool:
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_link_local or mapped.is_multicast or mapped.is_unspecified or mapped.is_reserved)
