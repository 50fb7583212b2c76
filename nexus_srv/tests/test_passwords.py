"""Which passwords may be chosen, and that hashing is exact, bounded and the same for everyone."""

import asyncio

import argon2
import pytest

from hmlib.config import BadSetting
from nexus_srv.identity import passwords

pytestmark = pytest.mark.gen_test

GOOD = "correct horse battery"


@pytest.fixture(scope="module")
def hasher():
    return passwords.Hasher(threads=1)


def problem(password, **options):
    return passwords.problem(password, names=["alice", "Alice Example", "Acme Dental"], **options)


@pytest.mark.parametrize("password", [GOOD, "ÄÖÜäöüß€ÄÖÜäöüß", "🐢🐢 slow and steady", "  leading and trailing  ", "83749283a4927461"])
def test_n085_fifteen_characters_of_anything_will_do(password):
    assert problem(password) is None


@pytest.mark.parametrize(
    "password",
    [
        "fourteen chars",
        "Password12345678",
        "12345678password",
        "passwordpassword",
        "aaaaaaaaaaaaaaaa",
        "1212121212121212",
        "my name is alice!",
        "ALICE in wonderland",
        "all of acme's secrets",
        "HiveMatrix is good",
        "ｐａｓｓｗｏｒｄ12345678",
        "x" * 1025,
    ],
)
def test_n085_what_is_guessed_first_is_refused_with_a_reason(password):
    assert problem(password)


def test_twelve_characters_do_with_a_second_factor():
    assert problem("twelve chars") and problem("twelve chars", second_factor=True) is None


@pytest.mark.parametrize("password", ["  pass  word  ", "nul\x00inside it", "emoji 🔑 key", "x" * 1024, "tab\tand\x01control"])
async def test_n084_a_password_is_compared_exactly(hasher, password):
    stored = await hasher.hashed(password)
    assert (await hasher.verify(password, stored)).fits
    assert not (await hasher.verify(password.strip(" x\t") + " ", stored)).fits


async def test_n084_composed_and_decomposed_are_one_password(hasher):
    assert (await hasher.verify("cafe\u0301", await hasher.hashed("café"))).fits


async def test_a_missing_hash_never_fits(hasher):
    assert await hasher.verify("anything", None) == passwords.Verdict(fits=False)


async def test_n075_hashes_of_weaker_parameters_are_outdated(hasher):
    old = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(GOOD)
    assert await hasher.verify(GOOD, old) == passwords.Verdict(fits=True, outdated=True)
    assert await hasher.verify(GOOD, await hasher.hashed(GOOD)) == passwords.Verdict(fits=True)


@pytest.mark.parametrize("weak", [passwords.Strength(18, 2), passwords.Strength(19, 1)])
async def test_n173_parameters_under_the_floor_are_refused(hasher, weak):
    with pytest.raises(BadSetting):
        await hasher.hashed(GOOD, weak)


async def test_a_greater_strength_makes_older_hashes_outdated(hasher):
    strong = passwords.Strength(20, 2)
    assert (await hasher.verify(GOOD, await hasher.hashed(GOOD), strong)).outdated
    assert not (await hasher.verify(GOOD, await hasher.hashed(GOOD, strong), strong)).outdated


async def test_n097_beyond_the_queue_the_answer_is_busy_at_once():
    small = passwords.Hasher(threads=1, queue=2)
    answers = await asyncio.gather(*(small.verify("x", None) for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(answer, passwords.Busy) for answer in answers) == 7
    assert not (await small.verify("x", None)).fits
