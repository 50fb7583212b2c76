"""How figures and terms read on a page."""

from typing import Any

from treasury_srv.billing import money, periods

TERMS = {"month_to_month": "month to month", "1_year": "one year", "2_year": "two years", "3_year": "three years"}

STATE_LABELS = {"in_force": "In force", "ending": "Ending", "expired": "Expired", "ended": "Ended", "future": "To come"}


def percent_text(percent_e4: int) -> str:
    """19 % is 190000."""
    return f"{money.decimal_text(percent_e4, money.PRICE_PLACES)} %"


def words() -> dict[str, Any]:
    """What the templates of bills call."""
    return {"terms": TERMS, "percent_text": percent_text, "last_day": periods.day_before, "state_labels": STATE_LABELS}
