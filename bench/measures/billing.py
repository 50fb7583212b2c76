"""Companies billed a second by the arithmetic alone, and whether the cost per company stays flat as the book grows."""

import time
from collections.abc import Iterator

from bench.table import Figure
from treasury_srv.billing import periods
from treasury_srv.billing.engine import bill_company
from treasury_srv.billing.facts import (
    DEVICE_TYPES,
    PRICE_RATES,
    Agreement,
    Asset,
    Choice,
    Company,
    Contact,
    Entry,
    Facts,
    LineItem,
    Override,
    Plan,
    PriceVersion,
    Rules,
)
from treasury_srv.billing.money import ONE_E6

PERIOD = "2026-10"
SIZES = (1_000, 10_000, 20_000)
AT_LEAST = 2_000
FLAT = 1.5


def rules() -> Rules:
    """One plan at the rates of the worked cases."""
    rates = dict(zip(PRICE_RATES, (50, 20, 100, 80, 15, 25, 150, 25, 50, 1, 15), strict=True))
    scaled = {name: value * (ONE_E6 if name == "backup_included_tb" else 10_000) for name, value in rates.items()}
    version = PriceVersion("v1", "1_year", "2024-01-01", "USD", scaled)
    return Rules(periods.period(PERIOD), "2026-11-15", {"p1": Plan("p1", "Complete", {"antivirus": "included"}, (version,))})


def book(size: int) -> Iterator[Facts]:
    """Companies of 20 devices, 10 users, 5 line items and 20 labour entries; every second one is prorated, every third has a pool."""
    for number in range(size):
        yield Facts(
            Company(f"c{number}", str(100_000 + number), f"Company {number}"),
            (agreement(number),),
            tuple(asset(number, place) for place in range(20)),
            tuple(Contact(f"u{number}-{place}", f"User {place}", billable=place != 9) for place in range(10)),
            {f"a{number}-3": Choice("custom", 450_000), f"a{number}-4": Choice("no_charge")},
            {f"u{number}-2": Choice("free")},
            tuple(LineItem(f"i{number}-{place}", f"Item {place}", "recurring", ONE_E6 * place, 99_500) for place in range(5)),
            tuple(Entry(f"e{number}-{place}", f"{PERIOD}-{place + 5:02}", 500_000 + place * 250_000) for place in range(20)),
        )


def agreement(number: int) -> Agreement:
    return Agreement(
        *(f"g{number}", "p1", "1_year", f"2025-{number % 12 + 1:02}-01", "2027-12-31", None, "USD", "daily" if number % 2 else "none"),
        prepaid_hours_monthly_e6=4 * ONE_E6,
        prepaid_hours_yearly_e6=0 if number % 3 else 20 * ONE_E6,
        rounding_hours_e6=250_000,
        tax_percent_e4=190_000,
        overrides=() if number % 5 else (Override(f"o{number}", "per_user", "2026-01-01", None, 450_000),),
    )


def asset(number: int, place: int) -> Asset:
    retired = f"{PERIOD}-20" if place == 7 else None
    return Asset(f"a{number}-{place}", f"pc-{place:02}", DEVICE_TYPES[place % 5], "2025-01-01", retired, place % 4 * 2**39)


def seconds_for(size: int) -> float:
    """Seconds of arithmetic for a book of a size; the facts are made beforehand, the bills are dropped one by one."""
    facts, common = list(book(size)), rules()
    best = float("inf")
    for _ in range(max(3, SIZES[-1] // size)):
        began = time.process_time()
        for one in facts:
            bill_company(one, common)
        best = min(best, time.process_time() - began)
    return best


def figures() -> list[Figure]:
    cost = {size: seconds_for(size) / size for size in SIZES}
    found = [
        Figure(f"billing {size:,} companies, arithmetic alone", 1 / each, AT_LEAST, "/s", beside=f"{each * 1e6:.0f} µs a company")
        for size, each in cost.items()
    ]
    ratio = cost[SIZES[-1]] / cost[SIZES[0]]
    work = f"billing, cost of a company among {SIZES[-1]:,}"
    named = f"{cost[SIZES[0]] * 1e6:.0f} µs among {SIZES[0]:,}"
    return [*found, Figure(work, ratio, FLAT, "x", True, f"{cost[SIZES[-1]] * 1e6:.0f} µs", named)]
