"""Who is slowed down after wrong attempts: one account name, known or not, and one neighbourhood of addresses."""

import ipaddress

from hmlib.db.database import Db
from hmlib.keys import Keys
from nexus_srv.identity.usernames import canonical
from nexus_srv.queries import throttle as counts
from nexus_srv.queries.throttle import Bucket

ATTEMPTS_PER_ACCOUNT = 5
ATTEMPTS_PER_ADDRESS = 60  # in an hour; an office behind one address mistypes more than one person does
HOUR_S = 3600


class Throttled(Exception):
    """Too many attempts; the next one is judged in `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


def prefix(address: str) -> str:
    """What one household or office shares: an IPv4 address's /24, an IPv6 address's /64; '' for what is no address."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 64), strict=False))


def of_account(keys: Keys, username: str) -> Bucket:
    return Bucket("account " + keys.mac("throttle", canonical(username)), ATTEMPTS_PER_ACCOUNT)


def of_address(keys: Keys, address: str, now_s: int) -> Bucket:
    return Bucket("address " + keys.mac("throttle", prefix(address), str(now_s // HOUR_S)), ATTEMPTS_PER_ADDRESS)


async def count(db: Db, buckets: list[Bucket], now_s: int) -> None:
    """Count one attempt on each bucket in turn before it is judged. Raises Throttled at the first that has to wait.

    What is not judged counts nowhere: one account that waits does not make its whole office wait.
    """
    wait, counted = 0, list[Bucket]()
    async with db.write() as tx:
        for bucket in buckets:
            wait = await counts.admit(tx, bucket, now_s)
            if wait:
                break
            counted.append(bucket)
        for bucket in counted if wait else ():
            await counts.uncount(tx, bucket)
    if wait:
        raise Throttled(wait)
