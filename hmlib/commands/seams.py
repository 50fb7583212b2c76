"""Looks at what holds the services together: names that resolve, a module's own way to Nexus, and whether their clocks agree."""

import socket
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from hmlib.jose import LEEWAY_SECONDS
from hmlib.nexus import Nexus, NexusDown, NexusRefused
from hmlib.settings import HUB, BadSetting, Settings

# libcurl's numbers of what went wrong (CURLE_…), as an operator would say it.
WHY = {
    6: "its name does not resolve",
    7: "nobody listens there",
    28: "it does not answer in time",
    35: "it does not speak TLS there",
    60: "its certificate is not one that tls/ca.pem vouches for",
}


def unresolved(services: Sequence[Settings]) -> Iterator[str]:
    """A sentence for each host of the suite's origins that this machine cannot find."""
    named = {f"HM_{HUB.upper()}_URL": services[0].nexus_url} | {f"HM_{one.service.upper()}_URL": one.origin for one in services}
    for variable, origin in named.items():
        parts = urlsplit(origin)
        try:
            socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
        except OSError:
            yield f"{variable} (or HM_MODULES) names {parts.hostname}, which does not resolve here, and the services find each other by it"


async def call_to_nexus(settings: Settings) -> tuple[bool, str]:
    """Ask Nexus for a token of the module's own and for one company with it; whether that went well, and a sentence."""
    name = settings.service
    try:
        nexus = Nexus.for_module(settings)
    except BadSetting as wrong:
        return False, f"{name}: {wrong}"
    try:
        skew = await nexus.clock_ahead()
        await nexus.as_service().companies.page(limit="1")
    except NexusDown as down:
        return False, f"{name} does not reach Nexus at {settings.nexus_url}: {_why(down)}"
    except NexusRefused as refused:
        return False, (
            f"{name}: Nexus at {settings.nexus_url} refuses its credentials ({refused.code}). Remove {settings.client_file}, "
            f"then hm init and hm restart {name}"
        )
    finally:
        nexus.close()
    if abs(skew) > LEEWAY_SECONDS:
        return False, f"{name}: Nexus's clock is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}: let both machines set theirs by NTP"
    return True, f"{name} reaches Nexus at {settings.nexus_url} with its own credentials, and their clocks agree"


def _why(down: NexusDown) -> str:
    number = getattr(down.__cause__, "errno", None)
    return WHY.get(number, str(down)) if isinstance(number, int) else str(down)
