"""Labour as other programs keep it: the days a list spans, and whole timesheets put in by external id, with an answer for each entry."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from hmlib.api.conventions import ItemResult
from hmlib.auth.permissions import CompanyScope
from hmlib.clock import day_of, moment_of, new_id
from hmlib.db.database import Db, Transaction
from hmlib.db.list_query import BadListQuery
from hmlib.errors import Invalid, NotAllowed
from treasury_srv.billing.periods import day_after, starts_at
from treasury_srv.catalogue import changes
from treasury_srv.catalogue.kinds import LABOUR
from treasury_srv.catalogue.rules import Deed
from treasury_srv.queries import labour
from treasury_srv.queries.labour import LabourEntry
from treasury_srv.queries.rows import differs


def span(filters: Mapping[str, str], zone: str) -> dict[str, str]:
    """The UTC times that the filters `from` and `to` mean: days of the MSP's zone, both included, or UTC times. Raises BadListQuery."""
    found = {}
    for name in ("from", "to"):
        if filters.get(name):
            found[name] = _edge(name, filters[name], zone)
    return found


def _edge(name: str, text: str, zone: str) -> str:
    try:
        if len(text) == 10:
            day = day_of(text)
            return starts_at(day if name == "from" else day_after(day), zone)
        return moment_of(text, zone)
    except ValueError:
        raise BadListQuery("invalid_filter", f"{name} must be a day such as 2026-11-22, or a UTC time.", name) from None


async def put(
    tx: Transaction, scope: CompanyScope, company_ids: frozenset[str], entries: Sequence[Mapping[str, Any]], deed: Deed, zone: str
) -> list[ItemResult]:
    """Make or change every entry by its external id; what cannot be is answered, and never stops the others.

    `company_ids` are those of the entries' companies that the caller may see."""
    external_ids = [entry["external_id"] for entry in entries]
    answers = []
    stored = await labour.by_external_ids(tx, external_ids)
    for place, entry in enumerate(entries):
        external_id = external_ids[place]
        if external_id in external_ids[:place]:
            answers.append(_error(external_id, None, 422, {"external_id": "It stands in the list twice."}))
            continue
        answers.append(await _put(tx, scope, company_ids, stored.get(external_id), entry, deed, zone))
    return answers


async def _put(
    tx: Db, scope: CompanyScope, company_ids: frozenset[str], before: LabourEntry | None, entry: Mapping[str, Any], deed: Deed, zone: str
) -> ItemResult:
    external_id = entry["external_id"]
    if before is not None and not scope.sees(before.company_id):
        return _error(external_id, None, 409, {"external_id": "This external id belongs to another entry."})
    blank = LabourEntry(id=new_id(), company_id="", worked_at="", hours_e6=0)
    try:
        wanted = LABOUR.read(entry, before or blank, zone)
        if wanted.company_id not in company_ids:
            raise Invalid({"company_id": "There is no such company."})
        if before is None:
            made = await changes.added(tx, LABOUR, wanted, deed)
            return ItemResult(external_id=external_id, result="created", status=201, id=made.id, version=made.version)
        differ = bool(differs(before, wanted))
        now = await changes.changed(tx, LABOUR, before, wanted, deed) if differ else before
        return ItemResult(external_id=external_id, result="updated" if differ else "unchanged", status=200, id=now.id, version=now.version)
    except Invalid as invalid:
        return _error(external_id, before, 422, invalid.errors)
    except NotAllowed as refusal:
        return _error(external_id, before, 409, {"": str(refusal)})


def _error(external_id: str, before: LabourEntry | None, status: Literal[409, 422], errors: dict[str, str]) -> ItemResult:
    id, version = (before.id, before.version) if before else (None, None)
    return ItemResult(external_id=external_id, result="error", status=status, id=id, version=version, errors=errors)
