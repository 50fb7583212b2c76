"""What is asked of prices beside their own rows: what was billed by them."""

from hmlib.db.database import Db


async def used_between(db: Db, plan_id: str, term: str, from_on: str, until_on: str) -> bool:
    """Whether an agreement with this plan (its own, or by override) and term was in force on a day of `[from_on, until_on)`."""
    found = await db.one(
        """
        SELECT agreement.id FROM agreement
        WHERE agreement.term = :term AND agreement.start_on < :until_on AND (agreement.ended_on IS NULL OR agreement.ended_on > :from_on)
            AND (agreement.plan_id = :plan_id OR agreement.id IN (
                SELECT agreement_id FROM agreement_override WHERE what = 'plan' AND text = :plan_id))
        LIMIT 1
        """,
        plan_id=plan_id,
        term=term,
        from_on=from_on,
        until_on=until_on,
    )
    return found is not None


async def finalised_until(db: Db, plan_id: str, term: str) -> str:
    """The last month for which a bill with this plan and term is finalised, "" when there is none."""
    return str(
        await db.value(
            """
            SELECT COALESCE(max(invoice.period), '') FROM invoice JOIN agreement ON agreement.id = invoice.agreement_id
            WHERE invoice.status = 'finalised' AND agreement.term = :term AND (agreement.plan_id = :plan_id OR agreement.id IN (
                SELECT agreement_id FROM agreement_override WHERE what = 'plan' AND text = :plan_id))
            """,
            plan_id=plan_id,
            term=term,
        )
    )
