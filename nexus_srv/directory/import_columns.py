"""The columns of each kind of file that can be imported; those marked key are the natural key."""

from hmlib.tables.columns import Column
from nexus_srv.queries import assets, companies, contacts

_ACCOUNT = Column("company_account_number", key=True, required=True, max_length=6)
_PLACE = (
    Column("address", max_length=500, lines=True),
    Column("city", max_length=100),
    Column("region", max_length=100),
    Column("postal_code", max_length=20),
    Column("country", max_length=60),
)

COLUMNS: dict[str, tuple[Column, ...]] = {
    "companies": (
        Column("account_number", key=True, max_length=6),
        Column("name"),
        Column("status", kind="choice", choices=companies.STATUSES),
        Column("main_phone", max_length=50),
        Column("website", max_length=300),
        Column("domains", kind="list", max_length=253),
        Column("compliance_level", kind="choice", choices=companies.COMPLIANCE_LEVELS),
        *_PLACE,
        Column("external_id"),
    ),
    "contacts": (
        _ACCOUNT,
        Column("email", key=True, kind="email"),
        Column("first_name", max_length=100),
        Column("last_name", max_length=100),
        Column("phone", max_length=50),
        Column("title", max_length=100),
        Column("role", kind="choice", choices=contacts.ROLES[1:]),
        Column("active", kind="bool"),
        Column("billable", kind="bool"),
        Column("exclusion_reason"),
        Column("active_on", kind="date"),
        Column("ended_on", kind="date"),
        Column("external_id"),
    ),
    "assets": (
        _ACCOUNT,
        Column("name", key=True, required=True),
        Column("type", kind="choice", choices=assets.TYPES),
        Column("serial", max_length=100),
        Column("operating_system", max_length=100),
        Column("active_on", kind="date"),
        Column("retired_on", kind="date"),
        Column("backup_bytes", kind="int", minimum=0, maximum=2**60),
        Column("last_seen_at", kind="datetime"),
        Column("contact_email", kind="email"),
        Column("external_id"),
    ),
    "locations": (
        _ACCOUNT,
        Column("name", key=True, required=True),
        *_PLACE,
        Column("phone", max_length=50),
        Column("external_id"),
    ),
}
