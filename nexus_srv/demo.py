"""An MSP's book made up for demonstrations, benches and tests: the same every time, in the files that the import takes."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from hmlib.tables.formats import write_csv
from nexus_srv.demo_words import CITIES, COMPANIES, EXCLUSIONS, FIRST_NAMES, LAST_NAMES, SYSTEMS, TITLES
from nexus_srv.directory.import_columns import COLUMNS

FIRST_ACCOUNT = 100_001
TB = 2**40
GB = 2**30
Values = dict[str, object]
HOSTS = {"workstation": "PC", "server": "SRV", "vm": "VM", "switch": "SW", "firewall": "FW", "other": "DEV"}


def write(directory: Path, today: date | None = None) -> None:
    """The demo MSP: 40 companies (100001 to 100040), 300 contacts (c-<account>-<nn>), 600 assets (a-<account>-<nn>), and locations.

    Days are relative to `today` (UTC today unless given); everything else is always the same.
    """
    day = today or datetime.now(UTC).date()
    accounts = range(FIRST_ACCOUNT, FIRST_ACCOUNT + len(COMPANIES))
    _save(directory, "companies", (_company(account, COMPANIES[n][0], COMPANIES[n][1]) for n, account in enumerate(accounts)))
    _save(directory, "locations", (row for n, account in enumerate(accounts) for row in _locations(account, n)))
    _save(directory, "contacts", (row for n, account in enumerate(accounts) for row in _contacts(account, COMPANIES[n][1], 7 + n % 2, day)))
    _save(directory, "assets", (row for n, account in enumerate(accounts) for row in _assets(account, n, 7 + n % 2, day)))


def write_book(directory: Path, companies: int = 1000, contacts: int = 8000, assets: int = 20_000) -> None:
    """A larger book in the same files, for benches: contacts and assets are dealt out evenly."""
    day = date(2026, 1, 1)
    accounts = [FIRST_ACCOUNT + n for n in range(companies)]
    _save(directory, "companies", (_company(account, *_made_up(n)) for n, account in enumerate(accounts)))
    shares = [(n, account, _share(contacts, companies, n)) for n, account in enumerate(accounts)]
    _save(directory, "contacts", (row for n, account, many in shares for row in _contacts(account, _made_up(n)[1], many, day)))
    shares = [(n, account, _share(assets, companies, n)) for n, account in enumerate(accounts)]
    _save(directory, "assets", (_asset(account, n, nn, day) for n, account, many in shares for nn in range(1, many + 1)))


def write_messy(directory: Path) -> None:
    """Files as other programs really export them: a byte order mark, semicolons, Windows-1252, stray quotes, blank rows at the end,
    repeated rows, N/A, and dates in two styles. Every row is good all the same."""
    directory.mkdir(parents=True, exist_ok=True)
    companies = [
        "Account Number;NAME;Status;Main Phone;Domains;Country;Comment",
        '100901;"Müller & Söhne "Nord" GmbH";Active;+49 40 1234567;mueller.example;Germany;paid late',
        '100902;"Café, Crème; Cie";prospect;N/A;cafe.example, creme.example;FR;',
        '100903;24" Screens Ltd;ACTIVE;-;;uk;',
        '100901;"Müller & Söhne "Nord" GmbH";Active;+49 40 1234567;mueller.example;Germany;paid late',
    ]
    (directory / "messy-companies.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join([*companies, ";;;;;;", "", ""]).encode())
    assets = [
        "company account number;Name;TYPE;Serial;Active On;Retired On;Backup Bytes;External ID",
        "100901;SRV-KÖLN;Server;N/A;2025-03-31;;1,099,511,627,776;m-1",
        '100901;"LAPTOP-"7"";Workstation;S-7;03/31/2025;N/A;0;m-2',
        "100902;SRV-KÖLN;server;S-8;2025-04-01;12/31/2025;;m-3",
        '100903;"PC-1;workstation;;4/15/2025;;n/a;m-4',
        "100902;SRV-KÖLN;server;S-8;2025-04-01;12/31/2025;;m-3",
    ]
    (directory / "messy-assets.csv").write_bytes("\r\n".join([*assets, ";;;;;;;", "", " ; ", ""]).encode("cp1252"))


def _save(directory: Path, kind: str, rows: Iterator[Values]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    names = [column.name for column in COLUMNS[kind]]
    (directory / f"{kind}.csv").write_bytes(write_csv(names, ([row.get(name) for name in names] for row in rows)))


def _company(account: int, name: str, domain: str) -> Values:
    n = account - FIRST_ACCOUNT
    city, region, postal_code = CITIES[n % len(CITIES)]
    return {
        "account_number": account,
        "name": name,
        "status": "inactive" if n % 40 == 38 else "prospect" if n % 40 == 39 else "active",
        "main_phone": f"({200 + n % 700}) 555-{100 + n % 900:04}",
        "website": f"https://www.{domain}",
        "domains": domain,
        "compliance_level": ("hipaa", "standard", "standard", "standard", "cjis", "standard", "standard")[n % 7],
        "address": f"{100 + 7 * (n % 90)} {_pick(LAST_NAMES, n, 11)} Street",
        "city": city,
        "region": region,
        "postal_code": postal_code,
        "country": "US",
        "external_id": f"co-{account}",
    }


def _locations(account: int, n: int) -> Iterator[Values]:
    for nn, name in enumerate(("Head office", "Warehouse", "Second floor clinic")[: 1 + n % 3], 1):
        city, region, postal_code = CITIES[(n + nn - 1) % len(CITIES)]
        yield {
            "company_account_number": account,
            "name": name,
            "address": f"{100 + 7 * n + nn} {_pick(LAST_NAMES, n + nn, 11)} Street",
            "city": city,
            "region": region,
            "postal_code": postal_code,
            "country": "US",
            "phone": f"({200 + n}) 555-{200 + nn:04}",
            "external_id": f"l-{account}-{nn:02}",
        }


def _contacts(account: int, domain: str, many: int, today: date) -> Iterator[Values]:
    n = account - FIRST_ACCOUNT
    for nn in range(1, many + 1):
        first, last = _pick(FIRST_NAMES, n * 8 + nn, 7), _pick(LAST_NAMES, n * 8 + nn, 13)
        excluded = _pick(EXCLUSIONS, n + nn, 1) if (n + nn) % 9 == 0 else None
        left = (n * 3 + nn) % 29 == 0
        yield {
            "company_account_number": account,
            "email": f"{first}.{last}{nn if many > 9 else ''}@{domain}".lower()
            if not excluded
            else f"{excluded.split()[0].lower()}{nn}@{domain}",
            "first_name": first if not excluded else excluded.capitalize(),
            "last_name": last if not excluded else str(nn),
            "phone": f"({200 + n % 700}) 555-{1000 + nn:04}",
            "title": _pick(TITLES, n + nn, 1) if not excluded else None,
            "role": {1: "primary", 2: "billing", 3: "technical"}.get(nn),
            "active": not left,
            "billable": excluded is None,
            "exclusion_reason": excluded,
            "active_on": (today - timedelta(days=900 - 5 * n % 300 - 7 * nn)).isoformat(),
            "ended_on": (today - timedelta(days=20 + nn)).isoformat() if left else None,
            "external_id": f"c-{account}-{nn:02}",
        }


def _assets(account: int, n: int, people: int, today: date) -> Iterator[Values]:
    """Fifteen devices; the workstations are the people's, as far as there are people."""
    addresses = [str(row["email"]) for row in _contacts(account, COMPANIES[n][1], people, today)]
    for nn in range(1, 16):
        yield {**_asset(account, n, nn, today), "contact_email": addresses[nn - 6] if 5 < nn <= 5 + people else None}


def _asset(account: int, n: int, nn: int, today: date) -> Values:
    type = ("server", "server", "vm", "switch", "firewall")[nn - 1] if nn <= 5 else "other" if nn == 15 and n % 10 == 9 else "workstation"
    retired = nn > 5 and (n + nn) % 17 == 0
    return {
        "company_account_number": account,
        "name": f"{_initials(n)}-{HOSTS[type]}{nn:02}",
        "type": type,
        "serial": f"{(account * 7919 + nn * 104_729) % 36**6:08X}",
        "operating_system": _pick(SYSTEMS[type], n + nn, 1),
        "active_on": (today - timedelta(days=700 - 11 * n % 400 - 3 * nn)).isoformat(),
        "retired_on": (today - timedelta(days=10 + nn)).isoformat() if retired else None,
        "backup_bytes": _backup(type, n, nn),
        "last_seen_at": f"{(today - timedelta(days=40 if retired else 1)).isoformat()}T{6 + nn % 12:02}:{(n * 7) % 60:02}:00Z",
        "external_id": f"a-{account}-{nn:02}",
    }


def _backup(type: str, n: int, nn: int) -> int:
    if type in ("server", "vm"):
        return 0 if (n + nn) % 11 == 0 else (n % 5 + nn) * TB // 2 + n * GB
    return (50 + 10 * (n % 20)) * GB if type == "workstation" and (n + nn) % 4 == 0 else 0


def _made_up(n: int) -> tuple[str, str]:
    name, domain = COMPANIES[n % len(COMPANIES)]
    town = CITIES[(n // len(COMPANIES)) % len(CITIES)][0]
    return (f"{name} {town} {n:04}", f"{n:04}.{domain}") if n >= len(COMPANIES) else (name, domain)


def _initials(n: int) -> str:
    name = _made_up(n)[0]
    return "".join(word[0] for word in name.split() if word[0].isalpha())[:3].upper()


def _pick(words: Sequence[str], n: int, step: int) -> str:
    return words[n * step % len(words)]


def _share(all: int, parts: int, n: int) -> int:
    return all * (n + 1) // parts - all * n // parts
