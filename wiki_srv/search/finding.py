"""One search from the typed text to the ids found: reads it, narrows it to what was named and may be seen, asks the index."""

from dataclasses import dataclass

from hmlib.auth.permissions import Caller
from hmlib.db.database import Db
from wiki_srv import access
from wiki_srv.queries import search, spaces
from wiki_srv.search.query_text import Facets, Wanted, wanted
from wiki_srv.search.words import facet


@dataclass(frozen=True)
class Found:
    """The ids found, best first: the first `exact` hold all the words, the others some. `marks` are the words to mark."""

    ids: list[str]
    exact: int
    marks: tuple[str, ...]

    @property
    def full(self) -> bool:
        """Whether there may be more than are listed."""
        return self.exact >= search.MOST_HITS


NOTHING = Found([], 0, ())


async def find(db: Db, caller: Caller, q: str) -> Found:
    """Find what was typed among what the caller may see."""
    asked = wanted(q)
    narrowed = await _narrowed(db, caller, asked)
    if not asked or narrowed is None:
        return NOTHING
    exact, loose = await search.found(db, caller, asked, narrowed)
    return Found([*exact, *loose], len(exact), asked.marks())


async def _narrowed(db: Db, caller: Caller, asked: Wanted) -> Facets | None:
    """The conditions on what is found; None when a named company or space is none the caller may see."""
    narrowed = access.facets(caller)
    for names in (asked.companies, asked.spaces):
        if names:
            named = await spaces.named(db, caller, names)
            if not named:
                return None
            narrowed = narrowed.within(facet("s", space.id) for space in named)
    return narrowed
