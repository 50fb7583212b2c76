"""The demo MSP's money: prices, agreements of every sort, charges and half a year of work, in the files that the import takes."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from hmlib.clock import utc_now
from hmlib.tables.formats import write_csv
from treasury_srv.billing.facts import PRICE_RATES
from treasury_srv.billing.periods import months_later
from treasury_srv.demo_words import ITEMS, PLANS, RATES, WORK
from treasury_srv.imports.files import KINDS

ACCOUNTS = range(100_001, 100_041)
MONTHS_OF_WORK = 6
TERMS = {"month_to_month": 110, "1_year": 100, "2_year": 95, "3_year": 90}
WITHOUT_AGREEMENT = (100_026, 100_040)
Values = dict[str, object]


def write(directory: Path, today: date | None = None) -> None:
    """The files prices, agreements, overrides, asset-overrides, contact-overrides, line-items and labour for the accounts 100001 to 100040.

    Days are relative to `today` (UTC today unless given); everything else is always the same.
    """
    day = today or date.fromisoformat(utc_now()[:10])
    parts = {
        "prices": _prices(day),
        "agreements": _agreements(day),
        "overrides": _overrides(day),
        "asset-overrides": _asset_overrides(),
        "contact-overrides": _contact_overrides(),
        "line-items": _line_items(day),
        "labour": _labour(day),
    }
    directory.mkdir(parents=True, exist_ok=True)
    for kind, rows in parts.items():
        names = [column.name for column in KINDS[kind]]
        (directory / f"{kind}.csv").write_bytes(write_csv(names, ([row.get(name) for name in names] for row in rows)))


def _prices(today: date) -> Iterator[Values]:
    """Four plans and four terms, with a rise of 4 % at the start of this year."""
    for (plan, currency), rates in zip(PLANS, RATES, strict=True):
        for term, percent in TERMS.items():
            for year, rise in ((today.year - 4, 100), (today.year, 104)):
                factors = {name: 100 if name == "backup_included_tb" else percent * rise // 100 for name in PRICE_RATES}
                priced = {name: _decimal(rate * factors[name]) for name, rate in zip(PRICE_RATES, rates, strict=True)}
                yield {"plan": plan, "term": term, "valid_from": f"{year}-01-01", "currency": currency, **priced}


def _agreements(today: date) -> Iterator[Values]:
    for account in ACCOUNTS:
        if account not in WITHOUT_AGREEMENT:
            yield from _agreement(account, account - ACCOUNTS[0], today)


def _agreement(account: int, n: int, today: date) -> Iterator[Values]:
    """Most companies have an ordinary agreement; these few show what else there is."""
    month = today.replace(day=1)
    usual = {**_usual(account, n), "start_on": months_later(month, -(4 + n % 7))}
    special: dict[int, Values] = {
        100_003: {"start_on": months_later(month, -5).replace(day=12), "proration": "daily"},
        100_004: {"term": "1_year", "start_on": _ending(today, 1, 20)},
        100_008: {"term": "2_year", "start_on": _ending(today, 2, 50)},
        100_011: {"term": "3_year", "start_on": _ending(today, 3, 80)},
        100_007: {"term": "1_year", "start_on": months_later(month, -15)},
        100_012: {"ended_on": months_later(month, -1), "start_on": months_later(month, -14), "term": "1_year"},
        100_013: {"start_on": months_later(month, 2)},
        100_021: {"plan": "Complete EU", "currency": "EUR", "tax_percent": "19"},
        100_039: {"ended_on": months_later(month, -2), "start_on": months_later(month, -26), "term": "2_year"},
    }
    changed_on = months_later(month, -1).replace(day=16)
    if account == 100_015:
        yield {**usual, "plan": "Essential", "term": "month_to_month", "ended_on": changed_on}
        yield {**usual, "plan": "Complete", "term": "2_year", "start_on": changed_on}
    elif account == 100_018:
        yield {**usual, "term": "1_year", "start_on": months_later(month, -16)}
        yield {**usual, "term": "1_year", "start_on": months_later(month, -4)}
    else:
        yield {**usual, **special.get(account, {})}


def _usual(account: int, n: int) -> Values:
    hours = n % 4 == 1
    return {
        "company_account_number": account,
        "plan": PLANS[n % 3][0],
        "term": tuple(TERMS)[n % 4],
        "currency": "USD",
        "proration": "daily" if n % 5 == 4 else "none",
        "prepaid_hours_monthly": 4 if hours else 2 if n % 6 == 2 else None,
        "prepaid_hours_yearly": 20 if hours else None,
        "minimum_hours_per_entry": "0.25" if n % 3 == 0 else None,
        "rounding_hours": "0.25" if n % 3 == 0 else None,
        "tax_percent": "8.875" if n % 8 == 3 else None,
        "due_days": 14 if n % 7 == 0 else 30,
    }


def _ending(today: date, years: int, days: int) -> date:
    """The start of an agreement that has so many days left."""
    return months_later(today + timedelta(days=days), -(12 * years))


def _overrides(today: date) -> Iterator[Values]:
    month = today.replace(day=1)
    for account, what, months, value, until in (
        *((100_002, "per_user", None, "45", None), (100_005, "per_hour", 3, "125", None), (100_006, "backup_included_tb", None, "0", None)),
        *((100_010, "prepaid_hours_monthly", 2, "6", None), (100_014, "prepaid_hours_yearly", 1, "30", None)),
        *((100_017, "per_workstation", 4, "17.50", -1), (100_022, "plan", 2, "Complete", 0), (100_029, "per_server", None, "95", None)),
        *((100_033, "per_user", 3, "0", 1), (100_036, "backup_per_tb", 1, "12.5", None)),
    ):
        yield {
            "company_account_number": account,
            "what": what,
            "valid_from": months_later(month, -months) if months is not None else None,
            "value": value,
            "valid_to": months_later(month, until) if until is not None else None,
        }


def _asset_overrides() -> Iterator[Values]:
    for account, number, billing_type, price in (
        *((100_001, 1, "no_charge", None), (100_002, 6, "custom", "12.50"), (100_003, 3, "server", None), (100_009, 7, "no_charge", None)),
        *((100_014, 2, "custom", "145"), (100_020, 15, "workstation", None), (100_023, 4, "no_charge", None), (100_031, 5, "custom", "60")),
        *((100_034, 8, "vm", None), (100_037, 6, "no_charge", None)),
    ):
        yield {"asset_external_id": f"a-{account}-{number:02}", "billing_type": billing_type, "price": price}


def _contact_overrides() -> Iterator[Values]:
    for account, number, billing_type, price in (
        *((100_001, 2, "free", None), (100_004, 1, "custom", "80"), (100_011, 3, "free", None), (100_016, 4, "custom", "25")),
        *((100_024, 2, "free", None), (100_030, 5, "free", None), (100_035, 1, "custom", "95")),
    ):
        yield {"contact_external_id": f"c-{account}-{number:02}", "billing_type": billing_type, "price": price}


def _line_items(today: date) -> Iterator[Values]:
    for n, account in enumerate(ACCOUNTS):
        if account in WITHOUT_AGREEMENT:
            continue
        for place in range(1 + n % 3):
            name, kind, price, quantity = ITEMS[(n + 3 * place) % len(ITEMS)]
            at = months_later(today, (n + place) % 4 - 2)
            yield {
                "company_account_number": account,
                "name": name,
                "kind": kind,
                "quantity": quantity if n % 2 else 1,
                "unit_price": price,
                "from_on": months_later(today.replace(day=1), -2) if kind == "recurring" and n % 6 == 0 else None,
                "year": at.year if kind == "one_off" else None,
                "month": None if kind == "recurring" else at.month,
            }


def _labour(today: date) -> Iterator[Values]:
    first = months_later(today.replace(day=1), -(MONTHS_OF_WORK - 1))
    for n, account in enumerate(ACCOUNTS[:-1]):
        months = MONTHS_OF_WORK - 2 if account == 100_039 else MONTHS_OF_WORK
        for month in range(months):
            start = months_later(first, month)
            for number in range(2 + (n * 3 + month) % 6):
                day = start + timedelta(days=(n * 5 + number * 4 + month) % 28)
                if day <= today:
                    yield _entry(account, n, day, number)


def _entry(account: int, n: int, day: date, number: int) -> Values:
    seed = n * 7 + day.month * 5 + number * 3
    quarters = (1 + seed * seed % 11) * (2 if n % 4 == 1 else 1)
    return {
        "external_id": f"t-{account}-{day:%Y%m}-{number + 1:02}",
        "company_account_number": account,
        "worked_at": f"{day}T{8 + seed % 9:02}:{seed % 4 * 15:02}:00",
        "hours": _decimal(quarters * 25 * 100),
        "billable": "no" if seed % 9 == 4 else "yes",
        "description": WORK[seed % len(WORK)],
        "ticket": f"T{20_000 + n * 97 + day.month * 13 + number}",
    }


def _decimal(ten_thousandths: int) -> str:
    return f"{ten_thousandths // 10_000}.{ten_thousandths % 10_000:04}".rstrip("0").rstrip(".")
