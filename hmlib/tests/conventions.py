"""How every service's API refuses: one table, asked of each kind of record that is made by POST and changed by PATCH; and how its forms
do once what is sent eight times."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hmlib.testing.browser import Answer, Browser
from hmlib.web.page_handler import SENT_BEFORE

TAGS = ((None, 428, "precondition_required"), ('"77"', 412, "stale"), ('W/"1"', 412, "stale"), ("1", 400, "invalid_if_match"))
NO_CHANGE: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Endpoint:
    """A kind of record: the address of its list, what makes one and another one, what of it only one may have (on top of either; nothing
    where there is none), a value that is wrong, and a good change. ``removed`` says whether it can be deleted."""

    path: str
    one: Mapping[str, Any]
    other: Mapping[str, Any]
    taken: Mapping[str, Any]
    wrong: Mapping[str, Any]
    change: Mapping[str, Any]
    removed: bool = True
    tells_gone: bool = True
    """Whether it says what is gone: people's accounts are never."""
    fixed: tuple[str, ...] = field(default=())
    """Fields that a PATCH does not take."""

    def patch(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in values.items() if name not in self.fixed}


async def told(who: Browser, endpoint: Endpoint, since: str = "") -> tuple[list[str], list[str], str]:
    """What someone who follows by number is told after it: the ids in the list, the ids gone, and the number to ask with next."""
    listed = await who.api(f"{endpoint.path}?since={since}" if since else endpoint.path)
    assert listed.code == 200, listed.text
    number: str = listed.headers["X-Change-Number"]
    gone = await who.api(f"{endpoint.path}:gone?since={since or number}") if endpoint.tells_gone else None
    assert gone is None or gone.json["number"] == int(number), "nothing has changed between the two"
    return [row["id"] for row in listed.json], gone.json["ids"] if gone else [], number


async def check(who: Browser, endpoint: Endpoint) -> None:
    """Ask all of the table. Raises AssertionError with the first answer that is another one than everywhere."""
    one = await _made(who, endpoint, {**endpoint.one, **endpoint.taken}, "k1")
    again = await _post(who, endpoint, {**endpoint.one, **endpoint.taken}, Idempotency_Key="k1")
    assert (again.code, again.body, again.headers["Etag"], again.location) == (201, one.body, one.headers["Etag"], one.location)
    reused = await _post(who, endpoint, dict(endpoint.other), Idempotency_Key="k1")
    assert (reused.code, reused.json["code"]) == (422, "idempotency_key_reused"), reused.text

    if endpoint.taken:
        refused(await _post(who, endpoint, {**endpoint.other, **endpoint.taken}), 409, "conflict", endpoint.taken)
    refused(await _post(who, endpoint, {**endpoint.other, **endpoint.wrong}), 422, "invalid", endpoint.wrong)
    refused(await _post(who, endpoint, {**endpoint.other, "colour": "red"}), 400, "unknown_field")

    start = (await told(who, endpoint))[2]
    path = (await _made(who, endpoint, endpoint.other, "k2")).location
    id = path.rpartition("/")[2]
    listed, gone, number = await told(who, endpoint, start)
    assert (listed, gone, int(number) > int(start)) == ([id], [], True)
    assert (await told(who, endpoint, number))[:2] == ([], [])
    for said, code, word in (("x", 400, "invalid_since"), ("9" * 18, 410, "start_anew")):
        refused(await who.api(f"{endpoint.path}?since={said}"), code, word)
    for tag, code, word in TAGS:
        headers = {} if tag is None else {"If_Match": tag}
        refused(await who.api(path, "PATCH", endpoint.patch(endpoint.change), **headers), code, word)
    if endpoint.taken:
        refused(await who.api(path, "PATCH", endpoint.patch(endpoint.taken), If_Match="*"), 409, "conflict", endpoint.taken)
    refused(await who.api(path, "PATCH", endpoint.patch(endpoint.wrong), If_Match='"1"'), 422, "invalid", endpoint.wrong)
    refused(await who.api(path, "PATCH", {"colour": "red"}, If_Match="*"), 400, "unknown_field")

    changed = await who.api(path, "PATCH", endpoint.patch(endpoint.change), If_Match='"77", "1"')
    assert (changed.code, changed.headers["Etag"]) == (200, '"2"'), changed.text
    assert (await told(who, endpoint, number))[:2] == ([id], [])
    assert (await who.api(path, "PATCH", endpoint.patch(endpoint.change), If_Match="*")).code == 200
    if endpoint.removed:
        refused(await who.api(path, "DELETE"), 428, "precondition_required")
        assert (await who.api(path, "DELETE", If_Match="*")).code == 204
        assert (await told(who, endpoint, number))[:2] == ([], [id])
        refused(await who.api(f"{endpoint.path}:gone?since={'9' * 18}"), 410, "start_anew")
        assert (await who.api(path, "PATCH", endpoint.patch(endpoint.change), If_Match="*")).code == 404


def refused(answer: Answer, status: int, code: str, about: Mapping[str, Any] = NO_CHANGE) -> None:
    """A problem of this status and word, and with errors about the fields that were given."""
    told = answer.json
    assert (answer.code, told["code"], answer.headers["Content-Type"]) == (status, code, "application/problem+json"), answer.text
    if about:
        assert set(told["errors"]) & set(about), answer.text


async def _post(who: Browser, endpoint: Endpoint, body: Mapping[str, Any], **headers: str) -> Answer:
    return await who.api(endpoint.path, "POST", dict(body), **headers)


async def _made(who: Browser, endpoint: Endpoint, body: Mapping[str, Any], key: str) -> Answer:
    answer = await _post(who, endpoint, body, Idempotency_Key=key)
    assert answer.code == 201 and answer.location, answer.text
    return answer


async def check_form(who: Browser, page: str, fields: Mapping[str, str], action: str = "") -> Answer:
    """Send the form of a page eight times at once, as it stands there, and once more; what all of them were answered.

    Raises AssertionError when they were not all answered alike.
    """
    shown = await who.fetch(page)
    form = next(found for found in re.findall(r"<form\b.*?</form>", shown.text, re.DOTALL) if f'action="{action or page}"' in found)
    key = re.search(r'name="idempotency_key" value="([\w-]{22})"', form)
    assert key is not None, form
    body = {**fields, "idempotency_key": key[1]}
    answers = list(await asyncio.gather(*(who.fetch(action or page, "POST", body) for _ in range(8))))
    answers.append(await who.fetch(action or page, "POST", body))
    assert len({(answer.code, answer.location, answer.body) for answer in answers}) == 1, [answer.text for answer in answers]
    if fields:
        name = next(name for name in fields if name in ("name", "first_name", "title", "display_name", "description", "value"))
        other = await who.fetch(action or page, "POST", {**body, name: "47"})
        assert other.code == 422 and SENT_BEFORE in other.text and key[1] not in other.text, other.text
        assert "47" in other.text
    return answers[0]
