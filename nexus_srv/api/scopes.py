"""Which companies people may see, for the services that show companies' things."""

import msgspec

from hmlib.auth.permissions import allowed
from hmlib.web.api_handler import ApiHandler, documented
from hmlib.web.requests import BadRequest
from nexus_srv.queries import users

MAX_IDS = 200


class CompanyScopeOf(msgspec.Struct, frozen=True):
    """Which companies one person may see: `rule` is all, only (those of `company_ids`) or except (all but those)."""

    user_id: str
    rule: str
    company_ids: list[str]


class CompanyScopes(msgspec.Struct, frozen=True):
    """The scopes of active people; whoever is not among them may see nothing."""

    items: list[CompanyScopeOf]


class ScopeList(ApiHandler):
    """Company scopes, in bulk."""

    @documented(answers=CompanyScopes, query={"ids": "Up to 200 user ids, separated by commas."})
    @allowed("scopes:read")
    async def get(self) -> None:
        """The company scopes of people."""
        ids = [id for id in self.query.get("ids", "").split(",") if id]
        if not 0 < len(ids) <= MAX_IDS:
            raise BadRequest("invalid_value", f"Name one to {MAX_IDS} people in ids.")
        found = await users.scopes_of(self.db, ids)
        self.answer(CompanyScopes([CompanyScopeOf(id, scope.rule, sorted(scope.ids)) for id, scope in sorted(found.items())]))
