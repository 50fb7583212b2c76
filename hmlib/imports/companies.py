"""Which company a row of a file means: by number, by another system's id, by its name or an alias, or by an e-mail's domain."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_ENDINGS = (
    "ab ag aps as bv co company corp corporation eeig eg ek ev eurl gbr gesmbh gmbh inc incorporated kft kg kgaa limited llc llp lp ltd "
    "ltda mbh nv ohg oy oyj pa pbc pc plc pllc pte pty sa sarl sas sasu sc scs se sl slu snc spa spzoo srl sro ug"
)
_LEGAL_FORMS = frozenset(_ENDINGS.split())
_NUMBER = re.compile(r"0*([0-9]{1,18})(?:\.0+)?")
_MOST_LISTED = 1_000
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class KnownCompany:
    """A company as an import may find it. `external_ids` are its ids by the system that gave them (its customer numbers elsewhere among
    them), `aliases` the names under which people have found it before, `domains` those of its e-mail addresses."""

    id: str
    account_number: str
    name: str
    external_ids: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Clue:
    """What a row says about its company. `text` is whatever stands in its company column, be it a number or a name; `external_id` is one
    of the file's own system; `email` an address at the company."""

    text: str = ""
    external_id: str = ""
    email: str = ""

    @property
    def words(self) -> str:
        """What a person is asked about when nothing fits."""
        return self.text or self.external_id or self.email.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Question:
    """A company that was not found, to be mapped, created or left out: what the file calls it, in how many rows, the first of their
    lines, and the ids of those that it may be (none, or several of one name)."""

    text: str
    rows: int
    line: int
    candidates: tuple[str, ...] = ()


class Companies:
    """The companies of a directory, found by what a file says of them. `source` is the system that the file comes from; `chosen` are
    answers to earlier questions, from what a file calls a company to its id."""

    def __init__(self, known: Iterable[KnownCompany], source: str = "", chosen: Mapping[str, str] | None = None) -> None:
        self._by_id: dict[str, KnownCompany] = {}
        self._found: dict[str, _Index] = {form: {} for form in ("number", "own id", "other id", "name", "short name", "domain")}
        for company in known:
            self._add(company, source)
        self._chosen = {name_form(text): company for text, company in (chosen or {}).items()}

    def _add(self, company: KnownCompany, source: str) -> None:
        self._by_id[company.id] = company
        put = self._put
        put("number", number_form(company.account_number), company)
        for system, external_id in company.external_ids.items():
            put("own id" if system == source else "other id", id_form(external_id), company)
        for name in (company.name, *company.aliases):
            put("name", name_form(name), company)
            put("short name", short_form(name), company)
        for domain in company.domains:
            put("domain", domain.casefold(), company)

    def _put(self, index: str, form: str, company: KnownCompany) -> None:
        if form:
            self._found[index].setdefault(form, set()).add(company.id)

    def find(self, clue: Clue) -> KnownCompany | None:
        """The one company that the clue means; None where there is none, or more than one (see candidates())."""
        found = self._ids(clue)
        return self._by_id[next(iter(found))] if len(found) == 1 else None

    def candidates(self, clue: Clue) -> tuple[str, ...]:
        """The ids of all companies that the clue may mean, sorted."""
        return tuple(sorted(self._ids(clue)))

    def _ids(self, clue: Clue) -> set[str]:
        if (chosen := self._chosen.get(name_form(clue.words))) in self._by_id:
            return {chosen}
        text, external_id = id_form(clue.text), id_form(clue.external_id)
        tries = (
            ("number", number_form(clue.text)),
            *(("own id", form) for form in (external_id, text)),
            *(("other id", form) for form in (external_id, text)),
            ("name", name_form(clue.text)),
            ("short name", short_form(clue.text)),
            *(("domain", domain) for domain in _domains(clue.email)),
        )
        return next((found for index, form in tries if form and (found := self._found[index].get(form))), set())


_Index = dict[str, set[str]]


class Unfound:
    """The companies of a file that were not found: each one time, however many rows it has; the first 1,000."""

    def __init__(self) -> None:
        self._questions: dict[str, Question] = {}
        self.not_listed = 0

    def add(self, clue: Clue, line: int, candidates: tuple[str, ...] = ()) -> None:
        """A row whose company was not found."""
        form = name_form(clue.words)
        if (earlier := self._questions.get(form)) is not None:
            self._questions[form] = Question(earlier.text, earlier.rows + 1, min(earlier.line, line), earlier.candidates)
        elif len(self._questions) < _MOST_LISTED:
            self._questions[form] = Question(clue.words[:_SHOWN], 1, line, candidates)
        else:
            self.not_listed += 1

    @property
    def questions(self) -> list[Question]:
        """By the first line of each."""
        return sorted(self._questions.values(), key=lambda question: question.line)


def number_form(text: str) -> str:
    """An account number without what spreadsheets add: spaces, leading zeros, a .0 at the end; "" for what is no number."""
    found = _NUMBER.fullmatch("".join(text.split())) if len(text) < 60 else None
    return found[1] if found else ""


def id_form(text: str) -> str:
    """Another system's id without what spreadsheets add; letters of both cases are the same."""
    return number_form(text) or " ".join(text.split()).casefold()


def name_form(text: str) -> str:
    """The letters and digits of a name, without case, accents and punctuation; "&" and "and" are the same."""
    letters = unicodedata.normalize("NFKD", text[:1000].replace("&", " and ")).casefold()
    kept = ("" if unicodedata.combining(letter) or letter in ".'\u2019" else letter if letter.isalnum() else " " for letter in letters)
    return " ".join("".join(kept).split())


def short_form(text: str) -> str:
    """The same without the legal form at its end: Marlow Dental Ltd is Marlow Dental. A name of nothing else stays as it is."""
    words = name_form(text).split()
    whole = " ".join(words)
    while words and (words[-1] in _LEGAL_FORMS or words[-1] == "and"):
        words.pop()
    return " ".join(words) or whole


def _domains(email: str) -> list[str]:
    """The domain of an address and those above it, down to two names."""
    names = email.rpartition("@")[2].casefold().strip(" .>").split(".")
    return [".".join(names[at:]) for at in range(min(len(names) - 1, 5))] if "@" in email else []
