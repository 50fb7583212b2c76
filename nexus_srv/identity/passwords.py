"""Password rules, and Argon2id in a pool that is never longer than it can serve."""

import asyncio
import os
import secrets
import unicodedata
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import VerificationError

from hmlib import metrics
from hmlib.config import BadSetting

LONGEST_BYTES = 1024
SHORTEST_ALONE = 15
SHORTEST_WITH_FACTOR = 12
SHORTEST_NAME = 4  # shorter parts of a name occur by chance in good passwords
PRODUCT_NAME = "hivematrix"
LEAST_MEMORY_MIB, LEAST_PASSES = 19, 2
QUEUE = 32

T = TypeVar("T")


class Busy(Exception):
    """All hashing threads and the queue before them are taken; try again in `retry_after` seconds."""

    retry_after = 2


@dataclass(frozen=True)
class Verdict:
    """Whether a password fits, and whether its hash should be made anew with today's parameters."""

    fits: bool
    outdated: bool = False


class Strength(NamedTuple):
    """What one hash costs: memory in MiB and passes over it. Hasher refuses less than the floor."""

    memory_mib: int = LEAST_MEMORY_MIB
    passes: int = LEAST_PASSES


DEFAULT = Strength()


class Hasher:
    """Argon2id (RFC 9106) on `threads` threads, with at most `queue` calls waiting for one."""

    def __init__(self, *, threads: int | None = None, queue: int = QUEUE) -> None:
        threads = threads or max(1, (os.cpu_count() or 1) - 1)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._room = threads + queue

    async def hashed(self, password: str, strength: Strength = DEFAULT) -> str:
        """The encoded hash to store. Raises Busy, and BadSetting for a strength under the floor."""
        return await self._in_pool(partial(_argon2(strength).hash, _bytes(password)))

    async def verify(self, password: str, stored: str | None, strength: Strength = DEFAULT) -> Verdict:
        """One comparison, whether or not there is a stored hash. Raises Busy and BadSetting."""
        return await self._in_pool(partial(_verdict, _bytes(password), stored, strength))

    async def _in_pool(self, work: Callable[[], T]) -> T:
        if not self._room:
            raise Busy
        self._room -= 1
        metrics.POOL_WAITING.labels("argon2").inc()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._room += 1
            metrics.POOL_WAITING.labels("argon2").dec()


@cache
def _argon2(strength: Strength) -> PasswordHasher:
    if strength.memory_mib < LEAST_MEMORY_MIB or strength.passes < LEAST_PASSES:
        raise BadSetting(f"Argon2id needs at least {LEAST_MEMORY_MIB} MiB of memory and {LEAST_PASSES} passes.")
    return PasswordHasher(time_cost=strength.passes, memory_cost=strength.memory_mib * 1024, parallelism=1, type=Type.ID)


@cache
def _dummy(strength: Strength) -> str:
    """What an unknown, locked or password-less user is measured against, so that their answer takes the same time."""
    return _argon2(strength).hash(secrets.token_bytes(32))


def _verdict(password: bytes, stored: str | None, strength: Strength) -> Verdict:
    dummy = _dummy(strength)  # made once a process, at the first sign-in whoever it is
    try:
        _argon2(strength).verify(stored or dummy, password)
    except VerificationError:
        return Verdict(fits=False)
    return Verdict(fits=stored is not None, outdated=stored is not None and _argon2(strength).check_needs_rehash(stored))


def problem(password: str, *, names: Iterable[str], second_factor: bool = False) -> str | None:
    """Why this password may not be chosen, in a sentence, or None. `names` are the user's and the company's."""
    shortest = SHORTEST_WITH_FACTOR if second_factor else SHORTEST_ALONE
    if len(unicodedata.normalize("NFC", password)) < shortest:
        return f"Use at least {shortest} characters. Several words in a row are easy to remember."
    if not fits_in(password):
        return f"Use at most {LONGEST_BYTES} bytes."
    plain = unicodedata.normalize("NFKC", password).casefold()
    for name in (PRODUCT_NAME, *sorted(_parts(names))):
        if name in plain:
            return f"Leave out “{name}”: names are guessed first."
    if _guessed_first(plain):
        return "This is one of the passwords that are guessed first. Choose another."
    return None


def fits_in(password: str) -> bool:
    """Whether the password is short enough to be hashed at all, and can be written as UTF-8."""
    try:
        return len(_bytes(password)) <= LONGEST_BYTES
    except UnicodeEncodeError:
        return False


def _bytes(password: str) -> bytes:
    return unicodedata.normalize("NFC", password).encode("utf-8")


def _parts(names: Iterable[str]) -> set[str]:
    folded = (unicodedata.normalize("NFKC", name).casefold() for name in names)
    return {part for name in folded for part in (name, *name.replace("@", " ").replace(".", " ").split()) if len(part) >= SHORTEST_NAME}


def _guessed_first(plain: str) -> bool:
    """Whether the password, its stem without the digits and signs around it, or what either repeats is on the blocklist."""
    stem = plain.strip("".join({letter for letter in plain if not letter.isalpha()}))
    unit = _repeated(plain)
    if len(unit) < SHORTEST_NAME:
        return True
    return any(len(form) >= SHORTEST_NAME and form in _blocklist() for form in {plain, stem, unit, _repeated(stem)})


def _repeated(text: str) -> str:
    """The shortest piece that `text` consists of: 'abcabc' gives 'abc', 'abcd' itself."""
    period = (text + text).find(text, 1) if text else 0
    return text[:period]


@cache
def _blocklist() -> frozenset[str]:
    # Imported on first use: only choosing a password needs it, and it loads every word list of zxcvbn.
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(FREQUENCY_LISTS["passwords"])
