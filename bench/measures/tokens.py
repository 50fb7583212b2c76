"""Bearer verification: a token seen before, and a new one beside bare PyJWT."""

import asyncio
import json
import statistics
import time

import jwt

from bench.table import Figure, rate
from hmlib.auth.jwks import Jwks
from hmlib.auth.tokens import Verifier
from hmlib.tests.tokens_by_hand import ISSUER, Signer

REPEATED, NEW, ROUNDS = 200_000, 40, 60
LIMIT_REPEATED, LIMIT_NEW = 100_000, 0.8


def bare_pyjwt(signer: Signer, tokens: list[str]) -> float:
    key = signer.key.public_key()
    options = {"require": ["exp", "iat", "iss", "aud", "sub", "jti"]}
    started = time.perf_counter()
    for token in tokens:
        jwt.decode(token, key, algorithms=["ES256"], audience="wiki", issuer=ISSUER, options=options)
    return len(tokens) / (time.perf_counter() - started)


async def verified(verifier: Verifier, tokens: list[str]) -> float:
    started = time.perf_counter()
    for token in tokens:
        await verifier.verify(token)
    return len(tokens) / (time.perf_counter() - started)


async def measured() -> tuple[float, float, float]:
    """In many short rounds, each way first in turn, so that other work on the machine hits both alike."""
    signer = Signer()
    jwks = json.dumps({"keys": [signer.jwk()]}).encode()

    async def fetch() -> bytes:
        return jwks

    verifier = Verifier(ISSUER, "wiki", Jwks(fetch))
    bare, new = [], []
    for round in range(ROUNDS):
        tokens = [signer.access(jti=f"{round}-{n}") for n in range(NEW)]
        if round % 2:
            bare.append(bare_pyjwt(signer, tokens))
        new.append(await verified(verifier, tokens))
        if not round % 2:
            bare.append(bare_pyjwt(signer, tokens))
    same = [tokens[n % NEW].encode().decode() for n in range(REPEATED)]
    return (
        await verified(verifier, same),
        statistics.median(new),
        statistics.median(ours / theirs for ours, theirs in zip(new, bare, strict=True)),
    )


def figures() -> list[Figure]:
    repeated, new, ratio = asyncio.run(measured())
    return [
        Figure("bearer verification, repeated token", repeated, LIMIT_REPEATED, "/s"),
        Figure("bearer verification, new token", ratio, LIMIT_NEW, "x", measured=rate(new), beside=f"{rate(new / ratio)} bare PyJWT"),
    ]
