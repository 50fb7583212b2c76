"""The question whether a program that is not one of ours may know who somebody is."""

from hmlib import json
from hmlib.auth.permissions import signed_in
from hmlib.keys import Unsealable
from hmlib.records import audit
from hmlib.web.requests import BadRequest
from nexus_srv.pages.authorize import AuthorizationPage
from nexus_srv.queries import consents


class Consent(AuthorizationPage):
    """Takes the answer. What was asked comes sealed, for this session alone."""

    @signed_in
    async def post(self) -> None:
        auth_request = await self.request_of(self._asked())
        if auth_request is None:
            return
        if self.form.get("answer") != "allow":
            self.refuse(auth_request, "access_denied")
            return
        async with self.db.write() as tx:
            given = await consents.scope_of(tx, self.known.id, auth_request.client.id)
            await consents.give(tx, self.known.id, auth_request.client.id, given | auth_request.scope, self.now)
            after = {"scope": sorted(auth_request.scope)}
            await audit.record(tx, self.actor, "consent.given", f"client/{auth_request.client.id}", now=self.now, after=after)
        await self.give_code(auth_request)

    def _asked(self) -> dict[str, str]:
        assert self.session is not None
        try:
            raw = self.keys.unseal(self.form.get("auth_request", ""), table="form", column="authorization", row_id=self.session.id_hash)
        except Unsealable:
            raise BadRequest("invalid_request", "This question was asked in another session. Start again from the program.") from None
        return json.decode(raw, dict[str, str])
