"""What the rules of devices ask of other tables."""

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db


async def count_of_contact(db: Db, contact_id: str) -> int:
    """How many assets are somebody's."""
    return int(await db.value("SELECT count(*) FROM asset WHERE contact_id = :contact_id", contact_id=contact_id))


async def works_at(db: Db, scope: CompanyScope, contact_id: str, company_id: str) -> bool:
    """Whether a contact is one of this company, as far as the scope sees it."""
    link = "SELECT 1 FROM contact_company WHERE contact_id = :contact_id AND company_id = :company_id"
    statement = f"{link} AND {scope.clause('company_id')}"
    return await db.value(statement, contact_id=contact_id, company_id=company_id, **scope.params()) is not None


async def stands_at(db: Db, scope: CompanyScope, location_id: str, company_id: str) -> bool:
    """Whether a location is one of this company, as far as the scope sees it."""
    statement = f"SELECT 1 FROM location WHERE id = :location_id AND company_id = :company_id AND {scope.clause('company_id')}"
    return await db.value(statement, location_id=location_id, company_id=company_id, **scope.params()) is not None
