"""Ask once for a page, never once per row."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

CHUNK = 200


class Identified(Protocol):
    """Anything with an id."""

    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=Identified)
T_co = TypeVar("T_co", bound=Identified, covariant=True)


class Source(Protocol[T_co]):
    """Anything that answers some of its rows by their ids in one call, such as ``nexus.companies``."""

    async def some(self, ids: Sequence[str]) -> Sequence[T_co]: ...


async def fetch_by_ids(source: Source[T], ids: Iterable[str]) -> dict[str, T]:
    """The rows behind ``ids``, by id: each id asked for once, 200 a call, the calls at the same time.

    Ids that do not exist, or that the caller may not see, are absent. No ids: no call. Raises what the source raises.
    """
    unique = sorted({id for id in ids if id})
    chunks = [unique[start : start + CHUNK] for start in range(0, len(unique), CHUNK)]
    answers = await asyncio.gather(*(source.some(chunk) for chunk in chunks))
    return {row.id: row for rows in answers for row in rows}
