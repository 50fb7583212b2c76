"""What Nexus imports: companies, their locations, people and devices, from files of the MSP and exports of other tools."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from hmlib.clock import new_id
from hmlib.db.database import Db
from hmlib.imports.companies import Clue, KnownCompany
from hmlib.imports.kind import BadRow, Ground, ImportKind, Imports, Planned, Table
from hmlib.imports.plan.of_resource import FileOf, part_of, table_of
from hmlib.records.preferences import Preferences
from hmlib.resources import records
from hmlib.resources.changes import blank
from nexus_srv.directory.assets import ASSETS
from nexus_srv.directory.companies import COMPANIES, Company
from nexus_srv.directory.contacts import CONTACTS
from nexus_srv.directory.import_columns import READ
from nexus_srv.directory.import_files import ASSET_FILE, CONTACT_FILE
from nexus_srv.directory.locations import LOCATIONS
from nexus_srv.directory.presets import PRESETS
from nexus_srv.queries import companies
from nexus_srv.settings import PREFERENCES

WRITE = "directory:write"
OF_COMPANY = (("company_id", "name_form"),)


def hidden_company(values: Mapping[str, Any]) -> BadRow:
    """The same of a company out of scope and of one that does not exist."""
    for column in ("account_number", "external_id", "name"):
        if values.get(column) is not None:
            return BadRow(column, f"There is no company with this {column.replace('_', ' ')}.")
    return BadRow("name", "A company needs a name.")


def company_meant(ground: Ground, values: Mapping[str, Any]) -> str | None:
    """The company of a row that is about one: by its number, else its external id, else its name or an alias. A number that nobody has
    makes a new one."""
    number, external_id, name = (values.get(column) for column in ("account_number", "external_id", "name"))
    if number is not None:
        return None  # it is looked for by its number
    if external_id is not None and not ground.source:
        return None  # an id of nobody knows whose system finds its own company, and no other of that name
    if not name:
        return None
    same = ground.companies.candidates(Clue(text=name, external_id=external_id or ""))
    if len(same) > 1:
        raise BadRow("external_id", f"Several entries ({len(same)}) have this name; the external_id must say which one is meant.")
    return same[0] if same else None


async def numbered(ground: Ground, made: Sequence[Company], taken: Sequence[str]) -> Sequence[Company]:
    """New companies without an account number get the numbers after the highest one that is taken or given in the file."""
    given = {*taken, *ground.numbers.values()}
    highest = max((int(number) for number in given if number.isascii() and number.isdecimal()), default=0)
    following = iter(range(max(highest, 100_000) + 1, 1_000_000))
    return [structs.replace(company, account_number=str(next(following))) for company in made]


async def made_companies(ground: Ground, names: Sequence[str]) -> Sequence[Planned]:
    """Companies of these names, which a file of something else has named. Who sees certain companies only adds none."""
    if ground.scope.rule == "only":
        return []
    made = await numbered(
        ground, [structs.replace(blank(COMPANIES, {"id": new_id(), "name": name[:200]}), version=1) for name in names], ()
    )
    rows = [(company, records.values(COMPANIES, company)) for company in made]
    return [
        Planned(
            line=0, outcome="create", target="company", id=row.pop("id"), version=1, label=company.name, after=row,
        )
        for company, row in rows
    ]  # fmt: skip


async def known_companies(db: Db, directory: Any) -> list[KnownCompany]:
    """Every company, as files may mean it."""
    beside = await companies.known_as(db)
    return [
        KnownCompany(
            company.id, company.account_number, company.name,
            {**beside.get(company.id, {}), **({company.source: company.external_id} if company.external_id else {})}, (), company.domains,
        )
        for company in await companies.everything(db)
    ]  # fmt: skip


async def zone(db: Db) -> str:
    """The MSP's time zone."""
    return await Preferences(PREFERENCES).text(db, "time_zone")


COMPANY_FILE = FileOf(
    of=COMPANIES, columns=READ["companies"], keys=(("account_number",),), find=company_meant, complete=False,
    ids_beside="company_known_as", any_id=True,
    may_make=lambda ground: ground.scope.rule != "only", held=lambda company: not company.account_number,
    settle=numbered, hidden=hidden_company,
)  # fmt: skip
LOCATION_FILE = FileOf(of=LOCATIONS, columns=READ["locations"], keys=OF_COMPANY)
KNOWN_AS = Table("company_known_as", {"source": "TEXT", "external_id": "TEXT"}, key="company_id", part_of="company")
IMPORTS = Imports(
    write=WRITE,
    presets=PRESETS,
    makes_companies=made_companies,
    companies=known_companies,
    zone=zone,
    kinds=(
        ImportKind(
            name="companies", title="Companies", permission=WRITE, columns=READ["companies"], planner=COMPANY_FILE.planner,
            tables=(table_of(COMPANIES, company="id"), KNOWN_AS),
        ),
        ImportKind(
            name="contacts", title="Contacts", permission=WRITE, columns=READ["contacts"], planner=CONTACT_FILE.planner,
            tables=(table_of(CONTACTS), part_of(CONTACTS, CONTACTS.parts[0])),
        ),
        ImportKind(
            name="locations", title="Locations", permission=WRITE, columns=READ["locations"], planner=LOCATION_FILE.planner,
            tables=(table_of(LOCATIONS, company="company_id", keys=OF_COMPANY),),
        ),
        ImportKind(
            name="assets", title="Assets", permission=WRITE, columns=READ["assets"], planner=ASSET_FILE.planner,
            tables=(table_of(ASSETS, company="company_id", keys=OF_COMPANY),),
        ),
    ),
)  # fmt: skip
