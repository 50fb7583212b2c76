"""Calls to addresses that an administrator typed in: never to this machine or its neighbours on the wire (CWE-918)."""

import asyncio
import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit


class Blocked(Exception):
    """An address that must not be called; the text is one sentence."""


async def checked(url: str) -> str:
    """What curl shall take the host of `url` for, as its RESOLVE option has it: the very address that was looked at.

    Raises Blocked for a host that has, or also has, an address on this machine, on its own link, or that is no single host.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Blocked("The host of this address is not known.") from None
    addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    if not addresses or any(_forbidden(address) for address in addresses):
        raise Blocked("This address leads to this machine or to its own network link.")
    return f"{host}:{port}:{addresses[0]}"


def _forbidden(address: Any) -> bool:
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_link_local or mapped.is_multicast or mapped.is_unspecified or mapped.is_reserved)
