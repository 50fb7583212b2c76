"""How a list is answered to programs: a JSON array, whole without a limit, and page by page with one."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from hmlib import json
from hmlib.db.list_query import ListDefinition, ListQuery, Page
from hmlib.web.api_handler import ApiHandler

T = TypeVar("T")
MOST_ROWS = 1000


def page_headers(handler: ApiHandler, page: Page[Any]) -> dict[str, str]:
    """What is told beside a page: X-Total-Count, and in Link (RFC 8288) the address of the next one, if there is one."""
    headers = {"X-Total-Count": str(page.total)}
    if page.next_cursor:
        question = urlencode({**handler.query, "limit": page.query.limit, "cursor": page.next_cursor})
        headers["Link"] = f'<{handler.hm.origin}{handler.request.path}?{question}>; rel="next"'
    return headers


async def answer_list(
    handler: ApiHandler,
    definition: ListDefinition,
    page_of: Callable[[ListQuery], Awaitable[Page[T]]],
    shown: Callable[[Sequence[T]], Sequence[Any]],
) -> None:
    """Answer what the address asks of a list. A whole one is sent as it is read, so that it is never in memory at once. Raises BadAsk."""
    asked = definition.read(handler.query, handler.keys, limit_default=MOST_ROWS)
    page = await page_of(asked)
    if "limit" in handler.query or "cursor" in handler.query:
        for name, value in page_headers(handler, page).items():
            handler.set_header(name, value)
        handler.answer(shown(page.rows))
        return
    if page.next_cursor is None:
        handler.answer(shown(page.rows))
        return
    handler.set_header("Content-Type", "application/json; charset=UTF-8")
    handler.write(json.encode(shown(page.rows))[:-1])
    while page.next_cursor is not None:
        await handler.flush()
        page = await page_of(asked.at(page.next_cursor))
        handler.write(b"," + json.encode(shown(page.rows))[1:-1] if page.rows else b"")
    await handler.finish(b"]")
