"""Whether an agreement is ended: from a day on, or going on again."""

from msgspec import structs

from hmlib.auth.permissions import allowed
from hmlib.errors import Invalid, NotAllowed, Stale
from treasury_srv.catalogue import changes, fields
from treasury_srv.catalogue.fields import Field
from treasury_srv.pages.agreements import AgreementHandler
from treasury_srv.pages.entries import version_of

ENDED_ON = ((Field("ended_on", "Ends on", "date", help="The first day without it; left empty, the agreement goes on."),),)


class AgreementEnd(AgreementHandler):
    """The form for the day on which an agreement is really over, and where it is posted to."""

    @allowed("billing:write")
    async def get(self, id: str) -> None:
        await self._show(id, {})

    @allowed("billing:write")
    async def post(self, id: str) -> None:
        before = await self.entry(id)
        try:
            wanted = structs.replace(before, **fields.read(ENDED_ON, fields.posted(ENDED_ON, self.form)))
            if wrong := self.noun.checked(wanted):
                raise Invalid(wrong)
            if version_of(self.form) != before.version:
                raise Stale
            deed = await self.deed()
            async with self.transaction() as tx:
                await changes.change(tx, self.noun, before, wanted, deed)
                self.toast("The agreement ends then." if wanted.ended_on else "The agreement goes on.")
                self.see_other(self.reverse_url("agreement", id))
        except (Invalid, NotAllowed) as refusal:
            errors = refusal.errors if isinstance(refusal, Invalid) else {"": refusal.detail}
            await self._show(id, errors, 422)
        except Stale:
            await self._show(id, {"": "Somebody changed this at the same moment. Look again."}, 409)

    async def _show(self, id: str, errors: dict[str, str], status: int = 200) -> None:
        agreement = await self.entry(id)
        self.set_status(status)
        values = self.form if status != 200 else {}
        messages = {name if name in ("", "ended_on") else "ended_on": message for name, message in errors.items()}
        self.page("agreements/end.html", agreement=agreement, frame=await self.frame(agreement), values=values, errors=messages)
