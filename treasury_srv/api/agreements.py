"""The end of agreements, for programs."""

import msgspec
from msgspec import structs

from hmlib.auth.permissions import allowed
from hmlib.errors import Invalid
from hmlib.kinds import shapes
from hmlib.kinds.types import Day, Refused
from hmlib.resources import changes
from hmlib.resources.api import ResourceApi
from hmlib.resources.changes import writer_of
from hmlib.web.api_handler import documented
from treasury_srv.catalogue.agreements import AGREEMENTS


class AgreementEnded(msgspec.Struct, forbid_unknown_fields=True):
    """The first day (YYYY-MM-DD) without the agreement."""

    ended_on: str


class AgreementEnd(ResourceApi):
    """Whether an agreement is ended."""

    of = AGREEMENTS

    @allowed("billing:write")
    @documented(takes=AgreementEnded, answers=shapes.answer(AGREEMENTS))
    async def put(self, id: str) -> None:
        """End the agreement on a day."""
        self.if_match()
        try:
            day = Day(needed=True).read(self.body(AgreementEnded).ended_on)
        except Refused as refused:
            raise Invalid({"ended_on": str(refused)}) from refused
        await self._end(id, day)

    @allowed("billing:write")
    @documented(answers=shapes.answer(AGREEMENTS))
    async def delete(self, id: str) -> None:
        """Let the agreement go on."""
        await self._end(id, None)

    async def _end(self, id: str, ended_on: str | None) -> None:
        self.if_match()
        before = await self.found(id)
        self.check_version(before.version)
        writer = await writer_of(self)
        async with self.transaction() as tx:
            self.show(await changes.save(tx, AGREEMENTS, before, structs.replace(before, ended_on=ended_on), writer))
