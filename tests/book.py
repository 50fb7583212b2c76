"""The 1,000-company book's money: prices and agreements as files, and each company's bill worked out a second time, apart from Treasury."""

import csv
from collections import Counter
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from hmlib.tables.formats import write_csv
from nexus_srv import demo

PERIOD, FIRST, LAST, NEXT_FIRST = "2026-10", date(2026, 10, 1), date(2026, 10, 31), date(2026, 11, 1)
DIRECTORY = ("companies", "contacts", "assets")
MONEY = ("prices", "agreements")
TYPES = ("workstation", "server", "vm", "switch", "firewall")
RATES = ("per_user", *(f"per_{type}" for type in TYPES), "per_hour")
BACKUP_RATES = ("backup_base_workstation", "backup_base_server", "backup_included_tb", "backup_per_tb")
PLANS = {
    "Essential": ("39.50", "12.25", "75", "60", "10", "18.5", "145", "10", "25", "0.5", "19.99"),
    "Standard": ("55", "18", "95.75", "80", "12.5", "22", "130", "12", "30", "1", "17.5"),
    "Complete": ("79.99", "25.125", "140", "110", "15", "30", "115.5", "15.55", "35", "2", "15"),
    "Backup only": ("0", "0", "0", "0", "0", "0", "150", "7.3333", "21.6667", "0", "24.0001"),
}
RISE_ON = date(2026, 10, 1)
TAXES = ("", "8.875", "19")


def write(folder):
    """The files of the directory and of the money: four plans whose prices rise on RISE_ON, an agreement for every company."""
    demo.write_book(folder)
    prices = [
        [plan, term, day, "USD", *(rates if day < RISE_ON else [str(Decimal(rate) * 2) for rate in rates])]
        for plan, rates in PLANS.items()
        for term in ("1_year", "month_to_month")
        for day in (date(2020, 1, 1), RISE_ON)
    ]
    (folder / "prices.csv").write_bytes(write_csv(["plan", "term", "valid_from", "currency", *RATES, *BACKUP_RATES], prices))
    columns = ["company_account_number", "plan", "term", "start_on", "proration", "tax_percent"]
    agreements = [[agreement[column] for column in columns] for agreement in map(_agreement, range(1000))]
    (folder / "agreements.csv").write_bytes(write_csv(columns, agreements))


def _agreement(n):
    """Most began long ago; a few begin within the month, and a few only after it."""
    start_on = date(2026, 10, 12) if n % 50 == 7 else date(2026, 12, 1) if n % 50 == 8 else date(2025 - n % 3, 1 + n % 12, 1 + n % 28)
    return {
        "company_account_number": str(demo.FIRST_ACCOUNT + n),
        "plan": list(PLANS)[n % 4],
        "term": ("1_year", "month_to_month")[n % 3 == 0],
        "start_on": start_on.isoformat(),
        "proration": ("none", "daily")[n % 5 == 2],
        "tax_percent": TAXES[n % 3],
    }


def bills(folder):
    """Every company's amounts for PERIOD by account number, as decimal text; None for one that owes nothing yet."""
    contacts, assets = _by_account(folder / "contacts.csv"), _by_account(folder / "assets.csv")
    with (folder / "agreements.csv").open(encoding="utf-8-sig") as file:
        agreements = list(csv.DictReader(file))
    return {one["company_account_number"]: _bill(one, contacts, assets) for one in agreements}


def _by_account(path):
    found = {}
    with path.open(encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["company_account_number"], []).append(row)
    return found


def _bill(agreement, contacts, assets):
    account, start_on = agreement["company_account_number"], date.fromisoformat(agreement["start_on"])
    if start_on >= NEXT_FIRST:
        return None
    rates = dict(zip((*RATES, *BACKUP_RATES), (Decimal(rate) * 2 for rate in PLANS[agreement["plan"]]), strict=True))
    window = (max(FIRST, start_on), agreement["proration"] == "daily")
    devices = [row | {"share": _share(row["active_on"], row["retired_on"], *window)} for row in assets.get(account, ())]
    devices = [row for row in devices if row["share"]]
    people = [row for row in contacts.get(account, ()) if _yes(row["billable"]) and (_yes(row["active"]) or row["ended_on"])]
    by_type = {type: sum(row["share"] for row in devices if row["type"] == type) for type in TYPES}
    amounts = {
        "devices": sum(_cents(_six(share), rates[f"per_{type}"]) for type, share in by_type.items()),
        "users": _cents(_six(sum(_share(row["active_on"], row["ended_on"], *window) for row in people)), rates["per_user"]),
        "hours": Decimal(0),
        "backup": _backup(devices, rates),
        "line_items": Decimal(0),
    }
    subtotal = sum(amounts.values())
    tax = _cents(subtotal, Decimal(agreement["tax_percent"] or 0) / 100)
    amounts |= {"subtotal": subtotal, "tax": tax, "total": subtotal + tax}
    return {name: f"{amount:.2f}" for name, amount in amounts.items()}


def _share(active_on, over_on, first, daily):
    """The part of the month that a thing counts for: its days of the month's, or all or nothing on the last day."""
    begin = max(first, date.fromisoformat(active_on) if active_on else first)
    over = min(NEXT_FIRST, date.fromisoformat(over_on) if over_on else NEXT_FIRST)
    if daily:
        return max(Decimal(0), Decimal((over - begin).days) / LAST.day)
    return Decimal(begin <= LAST < over)


def _backup(devices, rates):
    kept = Counter(
        "workstation" if row["type"] == "workstation" else "server" for row in devices if _bytes(row) and row["type"] in TYPES[:3]
    )
    stored = Decimal(sum(map(_bytes, devices))) / 2**40
    over = max(Decimal(0), _six(stored - sum(kept.values()) * rates["backup_included_tb"]))
    return _cents(over, rates["backup_per_tb"]) + sum(
        _cents(kept[type], rates[f"backup_base_{type}"]) for type in ("workstation", "server")
    )


def _bytes(row):
    return int(row["backup_bytes"] or 0)


def _six(number):
    return Decimal(number).quantize(Decimal("0.000001"), ROUND_HALF_UP)


def _cents(quantity, price):
    return (Decimal(quantity) * price).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _yes(text):
    return text.lower() in ("true", "yes", "1")
