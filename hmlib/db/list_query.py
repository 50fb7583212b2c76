"""One way to ask for a list, for pages and APIs alike: search, filters, sort, and paging that neither skips nor repeats."""

import base64
import hmac
import json
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Literal, Protocol, TypeVar

T = TypeVar("T")
Key = tuple[str | int, str | int]
Side = Literal["after", "from", "before", "to"]

BY_ID = "id"
"""The order in which nothing is skipped though it changes meanwhile."""
MAX_SEARCH = 200
MAX_CURSOR = 8192


class BadListQuery(Exception):
    """A list was asked for in a way that cannot be answered: ``code`` for programs, ``detail`` one sentence, ``parameter`` its name.

    The codes are invalid_sort, invalid_limit, invalid_cursor, invalid_search and invalid_filter.
    """

    def __init__(self, code: str, detail: str, parameter: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.parameter = parameter


class Marker(Protocol):
    """What marks a cursor so that it cannot be forged: keys.Keys."""

    def mac(self, purpose: str, *parts: str) -> str:
        """A mark over ``parts``, of ASCII characters."""


@dataclass(frozen=True)
class Position:
    """A place in a list: a side of the row with these values. ``first`` is the number of the row that comes next, counted from 1."""

    side: Side
    value: str | int
    id: str | int
    first: int

    @property
    def backward(self) -> bool:
        return self.side in ("before", "to")


@dataclass(frozen=True)
class ListDefinition:
    """What can be asked of one list.

    ``sorts`` maps the public name of an order to its SQL column, TEXT or BIGINT and NOT NULL; ``default`` is one of the names,
    with "-" in front for descending. ``id_column`` is unique and decides between equals. ``filters`` are parameter names.
    """

    sorts: Mapping[str, str]
    default: str
    id_column: str
    filters: tuple[str, ...] = ()

    def read(self, args: Mapping[str, str], keys: Marker, *, limit_default: int = 25, limit_max: int = 1000) -> "ListQuery":
        """Read q, sort, limit, cursor and the filters from a query string; others are left alone. Raises BadListQuery."""
        sort = args.get("sort") or self.default
        column = self.sorts.get(sort.removeprefix("-"))
        if column is None:
            raise BadListQuery("invalid_sort", f"sort must be one of {', '.join(self.sorts)}, or one of them after a minus sign.", "sort")
        list_query = ListQuery(
            q=_search(args.get("q", "")),
            sort=sort,
            limit=_limit(args.get("limit", ""), limit_default, limit_max),
            filters={name: args[name] for name in self.filters if args.get(name)},
            column=column,
            id_column=self.id_column,
            keys=keys,
            sort_chosen=bool(args.get("sort")),
        )
        return list_query.at(args["cursor"]) if args.get("cursor") else list_query


@dataclass(frozen=True)
class ListQuery:
    """One question to a list. ``limit`` is rows per page; ``filters`` holds only those that were given; ``sort_chosen`` says that the
    order was. ``bound`` is what conditions are bound with beside the filters, or in their place."""

    q: str
    sort: str
    limit: int
    filters: Mapping[str, str]
    column: str
    id_column: str
    keys: Marker = field(repr=False, compare=False)
    position: Position | None = None
    sort_chosen: bool = False
    bound: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def state(self) -> tuple[object, ...]:
        """What an address says of it, but for its place."""
        return (self.q, self.sort, self.sort_chosen, self.limit, *self.filters.items())

    def sql(self) -> tuple[str, str, dict[str, Any]]:
        """What goes into the statement: a condition that begins with AND (or nothing), ORDER BY with LIMIT, and their parameters.

        One row more than the page is asked for, which tells page() whether there is another.
        """
        descending = self.sort.startswith("-") is not (self.position is not None and self.position.backward)
        way = " DESC" if descending else ""
        order = f"ORDER BY {self.column}{way}, {self.id_column}{way} LIMIT :cursor_limit"
        if self.position is None:
            return "", order, {"cursor_limit": self.limit + 1}
        operator = ("<" if descending else ">") + ("=" if self.position.side in ("from", "to") else "")
        place = f"AND ({self.column}, {self.id_column}) {operator} (:cursor_value, :cursor_id)"
        return place, order, {"cursor_limit": self.limit + 1, "cursor_value": self.position.value, "cursor_id": self.position.id}

    def page(self, rows: Sequence[T], total: int | None, key: Callable[[T], Key]) -> "Page[T]":
        """The page made of the rows that sql() found; ``key`` gives a row's sort value and id, as in the columns."""
        place = self.position
        backward = place is not None and place.backward
        more = len(rows) > self.limit
        came_from = place is not None and place.side in ("after", "before")
        back, on = (more, came_from) if backward else (came_from, more)
        shown = list(rows[: self.limit])[:: -1 if backward else 1]
        first = self._first(len(shown), more=more)
        return Page(
            rows=shown,
            total=total,
            first=first,
            next_cursor=self._cursor("after", key(shown[-1]) if shown else None, first + len(shown)) if on else None,
            previous_cursor=self._cursor("before", key(shown[0]) if shown else None, first) if back else None,
            query=self,
        )

    def page_out_of(self, rows: Sequence[T], key: Callable[[T], Key]) -> "Page[T]":
        """The page out of rows that are all at hand, sorted and cut as the database would; searching and filtering come before."""
        return self.page_out_of_sorted(sorted(rows, key=key), key)

    def page_out_of_sorted(self, rows: Sequence[T], key: Callable[[T], Key]) -> "Page[T]":
        """As page_out_of(), for rows that ascend by ``key``: it looks at a handful of them, however many there are."""
        place = self.position
        descending = self.sort.startswith("-") is not (place is not None and place.backward)
        start, end = 0, len(rows)
        if place is not None:
            cut = bisect_left if (place.side in ("from", "to")) is not descending else bisect_right
            edge = cut(rows, (place.value, place.id), key=key)
            start, end = (0, edge) if descending else (edge, end)
        most = self.limit + 1
        shown = rows[max(start, end - most) : end][::-1] if descending else rows[start : min(end, start + most)]
        return self.page(shown, len(rows), key)

    def at(self, cursor: str) -> "ListQuery":
        """The same question at the place that ``cursor`` names. Raises BadListQuery unless this very question made it."""
        payload, _, mark = cursor.partition(".")
        if len(cursor) > MAX_CURSOR or not hmac.compare_digest(mark.encode("utf-8", "replace"), self._mark(payload).encode()):
            raise BadListQuery("invalid_cursor", "The cursor is not one that this list gave for this search, filter and sort.", "cursor")
        side, value, row_id, first = json.loads(base64.urlsafe_b64decode(payload))
        return replace(self, position=Position(side, value, row_id, first))

    def _first(self, shown: int, *, more: bool) -> int:
        if self.position is None:
            return 1
        if not self.position.backward:
            return self.position.first
        return max(1, self.position.first - shown) if more else 1

    def _cursor(self, side: Side, key: Key | None, first: int) -> str:
        """A cursor beside the row of ``key``; beside an empty page, one that takes in the row this page was asked from."""
        if key is None:
            assert self.position is not None
            key = (self.position.value, self.position.id)
            side = "from" if side == "after" else "to"
        if not all(isinstance(part, str | int) for part in key):
            raise TypeError(f"a list is sorted by text or whole numbers, not by {key[0]!r}")
        payload = base64.urlsafe_b64encode(json.dumps([side, *key, first], separators=(",", ":")).encode()).decode()
        return f"{payload}.{self._mark(payload)}"

    def _mark(self, payload: str) -> str:
        filters = json.dumps(sorted(self.filters.items()))
        return self.keys.mac("list cursor", self.column, self.id_column, self.sort, self.q, filters, payload)


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows of a list. ``first`` is the number of the first one, from 1; ``total`` counts all pages, None where not counted."""

    rows: list[T]
    total: int | None
    first: int
    next_cursor: str | None
    previous_cursor: str | None
    query: ListQuery


def folded(text: str) -> str:
    """``text`` as a ``search`` column holds it: without accents (NFKD) and without case, so that "Zoë" and "ZOE" are one."""
    bare = "".join(character for character in unicodedata.normalize("NFKD", text) if not unicodedata.combining(character))
    return unicodedata.normalize("NFKD", bare.casefold())


def like(q: str) -> str:
    """The pattern for ``search LIKE :like ESCAPE '\\'`` that finds ``q`` anywhere in a folded column."""
    escaped = folded(q).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _search(text: str) -> str:
    q = text.strip()
    if len(q) > MAX_SEARCH or not all(character.isprintable() for character in q):
        raise BadListQuery("invalid_search", f"q must be at most {MAX_SEARCH} characters on one line.", "q")
    return q


def _limit(text: str, default: int, most: int) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 7 and 1 <= int(text) <= most):
        raise BadListQuery("invalid_limit", f"limit must be a whole number from 1 to {most}.", "limit")
    return int(text)
