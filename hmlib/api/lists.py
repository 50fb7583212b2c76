"""How a list is answered to programs: a JSON array, whole without a limit, and page by page with one."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import urlencode

from hmlib import json
from hmlib.api.answer_cache import AnswerCache, KeptAnswer
from hmlib.db.list_query import BY_ID, ListDefinition, ListQuery, Page
from hmlib.web.api_handler import ApiHandler

T = TypeVar("T")
MOST_ROWS = 1000


def paged(handler: ApiHandler) -> bool:
    """Whether one page of a list is asked for, and not the whole."""
    return "limit" in handler.query or "cursor" in handler.query


def page_headers(handler: ApiHandler, page: Page[Any]) -> dict[str, str]:
    """What is told beside a page: X-Total-Count, and in Link (RFC 8288) the address of the next one, if there is one."""
    headers = {"X-Total-Count": str(page.total)}
    if page.next_cursor:
        question = urlencode({**handler.query, "limit": page.query.limit, "cursor": page.next_cursor})
        headers["Link"] = f'<{handler.hm.origin}{handler.request.path}?{question}>; rel="next"'
    return headers


async def state_tag(handler: ApiHandler, *of: str) -> str | None:
    """Names the answer to this question about what is called ``of``, as the database stands now; None where nobody counts its changes."""
    answers = handler.spine.find(AnswerCache)
    if answers is None:
        return None
    question = (f"{name}={value}" for name, value in sorted(handler.query.items()))
    return await answers.etag(handler.db, handler.known.scope, *of, "", *question)


async def answer_page(handler: ApiHandler, make: Callable[[], Awaitable[KeptAnswer]], *of: str) -> None:
    """One page with its headers; where changes of what is called ``of`` are counted, it is made anew only after one. Without ``of``, its
    ETag is made of what it says, the headers among that."""
    etag = await state_tag(handler, *of) if of else None
    kept = await make() if etag is None else await handler.spine.own(AnswerCache).of(etag, make)
    for name, value in kept.headers.items():
        handler.set_header(name, value)
    told = hashlib.sha256(kept.body + repr(sorted(kept.headers.items())).encode()).hexdigest()[:32]
    handler.answer(kept.body, etag=etag or f'"{told}"')


async def answer_list(
    handler: ApiHandler,
    definition: ListDefinition,
    page_of: Callable[[ListQuery], Awaitable[Page[T]]],
    shown: Callable[[Sequence[T]], Sequence[Any]],
    *of: str,
    most: int = MOST_ROWS,
) -> None:
    """Answer what the address asks of a list. A whole one is sent as it is read, at most ``most`` rows at a time, so that it is never in
    memory at once; and by id, where a list can be sorted so and no order is asked for, so that a row that changes meanwhile is neither left
    out nor told twice. ``of`` names what is listed, and who may see which of it beside their scope, where the numbers of changes cover all
    that its rows say. Raises BadListQuery."""
    if paged(handler):
        asked = definition.read(handler.query, handler.keys, limit_default=most)

        async def make() -> KeptAnswer:
            page = await page_of(asked)
            return KeptAnswer(json.encode(shown(page.rows)), page_headers(handler, page))

        await answer_page(handler, make, *of)
        return
    definition = replace(definition, default=BY_ID) if BY_ID in definition.sorts else definition
    asked = definition.read(handler.query, handler.keys, limit_default=most)
    etag = await state_tag(handler, *of) if of else None
    if etag is not None and handler.not_modified(etag):
        await handler.finish()
        return
    page = await page_of(asked)
    if page.next_cursor is None:
        handler.answer(shown(page.rows), etag=etag)
        return
    handler.set_header("Content-Type", "application/json; charset=UTF-8")
    handler.write(json.encode(shown(page.rows))[:-1])
    while page.next_cursor is not None:
        await handler.flush()
        page = await page_of(asked.at(page.next_cursor))
        handler.write(b"," + json.encode(shown(page.rows))[1:-1] if page.rows else b"")
    await handler.finish(b"]")
