"""The columns of each kind of file that can be imported, out of the fields of the kind; those marked key are the natural key."""

from typing import Any

from hmlib.imports.columns import columns_of
from hmlib.imports.reading import COMPANY_ID_COLUMN
from hmlib.kinds.resource import Resource
from hmlib.tables.columns import Column
from nexus_srv.directory.assets import ASSETS
from nexus_srv.directory.companies import COMPANIES
from nexus_srv.directory.contact_record import ROLES
from nexus_srv.directory.contacts import CONTACTS
from nexus_srv.directory.import_words import EMAIL, MORE, USER, WHOLE_NAME
from nexus_srv.directory.locations import LOCATIONS

ROLE = Column("role", kind="choice", choices=tuple(ROLES)[1:])


def _read(of: Resource[Any], *more: Column) -> tuple[Column, ...]:
    """All that is read of files of a kind: its fields, and what files say in other columns."""
    return (*columns_of(of, MORE[of.plural], without=frozenset(column.name for column in more)), *more)


READ = {
    "companies": _read(COMPANIES),
    "contacts": _read(CONTACTS, EMAIL, ROLE, WHOLE_NAME),
    "assets": _read(ASSETS, USER),
    "locations": _read(LOCATIONS),
}
"""All that is read of such files."""
COLUMNS = {
    kind: tuple(column for column in columns if not column.aside and column is not COMPANY_ID_COLUMN) for kind, columns in READ.items()
}
"""Those that people fill; what other tools say besides is the company's id in their system, and a person's whole name in one column."""
