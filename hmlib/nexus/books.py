"""The directory's facts as this process follows them: each company once, whoever sees it, brought up to date by what has changed."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

import msgspec

from hmlib.cache import Bounded
from hmlib.nexus.directory import CompanyFacts

REMEMBERED_SCOPES = 16
_LARGE = 256 * 1024


class Answer(msgspec.Struct, frozen=True):
    """Nexus's answer. One of before it counted changes has no number and is always whole."""

    as_of: str
    companies: list[CompanyFacts]
    number: int = -1
    scope: str = ""
    whole: bool = True
    gone: list[str] = []


@dataclass(frozen=True)
class Book:
    """All companies of one scope, by account number, as they were at a change number. ``state`` names this very content."""

    scope: str
    number: int
    as_of: str
    by_id: dict[str, CompanyFacts]
    companies: list[CompanyFacts]
    state: str

    @property
    def since(self) -> str:
        """The query that asks for what has changed since; empty where everything has to be asked for."""
        return f"?since={self.number}&scope={self.scope}" if self.number >= 0 else ""


class Books:
    """The books of the scopes that this process's callers have. A company is in memory once: it says the same to all who see it."""

    def __init__(self) -> None:
        self._books: Bounded[str, Book] = Bounded(REMEMBERED_SCOPES)

    def get(self, scope: str) -> Book | None:
        return self._books.get(scope)

    def apply(self, answer: Answer, etag: str) -> Book:
        """The book of the answer's scope with what it says; of two answers that come at once the later number counts."""
        scope = answer.scope or etag
        held = self._books.get(scope)
        if held is not None and held.number > answer.number:
            return held
        companies = [self._shared(company) for company in answer.companies]
        if answer.whole or held is None:
            book = _book(scope, answer, companies, etag)
        elif not companies and not answer.gone:
            book = replace(held, number=answer.number, as_of=answer.as_of)
        else:
            gone = set(answer.gone) - {company.id for company in companies}
            changed = {company.id: company for company in companies}
            kept = (changed.pop(id, company) for id, company in held.by_id.items() if id not in gone)
            book = _book(scope, answer, [*kept, *changed.values()], etag)
        self._books.put(scope, book)
        self._spread(companies, scope)
        return book

    def _shared(self, company: CompanyFacts) -> CompanyFacts:
        """The company as it is in memory already, in whichever book."""
        if company.number < 0:
            return company
        same = self._books.first(lambda _, book: (held := book.by_id.get(company.id)) is not None and held.number == company.number)
        return same.by_id[company.id] if same is not None else company

    def _spread(self, companies: Iterable[CompanyFacts], origin: str) -> None:
        """What is newer goes into the other books too, so that no old copy is kept."""
        for scope, book in self._books.items():
            if scope == origin:
                continue
            newer = {one.id: one for one in companies if (held := book.by_id.get(one.id)) is not None and held.number < one.number}
            if newer:
                renewed = [newer.get(company.id, company) for company in book.companies]
                self._books.put(scope, _made(book.scope, book.number, book.as_of, renewed, ""))


def _book(scope: str, answer: Answer, companies: list[CompanyFacts], etag: str) -> Book:
    return _made(scope, answer.number, answer.as_of, companies, etag if answer.number < 0 else "")


def _made(scope: str, number: int, as_of: str, companies: list[CompanyFacts], state: str) -> Book:
    """A book in order. Numbers only rise and what is deleted does not come back, so the last number and the count name the content, and in
    every process alike."""
    ordered = sorted(companies, key=_by_account)
    state = state or f'"{scope}-{max((company.number for company in ordered), default=0)}-{len(ordered)}"'
    return Book(scope, number, as_of, {company.id: company for company in ordered}, ordered, state)


def _by_account(company: CompanyFacts) -> tuple[str, str]:
    return company.account_number, company.id


async def read(raw: bytes) -> Answer:
    """An answer of any length. Nexus writes some companies a line; between two lines others have their turn."""
    if len(raw) < _LARGE or raw.find(b"\n") < 0:
        return await asyncio.to_thread(msgspec.json.decode, raw, type=Answer)
    start, end = raw.index(b"\n"), raw.rindex(b"\n")
    head = msgspec.json.decode(raw[:start] + raw[end:], type=Answer)
    while start < end:
        stop = raw.index(b"\n", start + 1)
        head.companies.extend(_LINE.decode(b"[" + raw[start + 1 : stop].rstrip(b",") + b"]"))
        start = stop
        await asyncio.sleep(0)
    return head


_LINE = msgspec.json.Decoder(list[CompanyFacts])
