"""Every list page, searches and one company's tabs at 10,000 companies, 100,000 contacts and 200,000 assets, against a tenth of it."""

import asyncio
from collections.abc import Iterator

from bench.book import filled
from bench.client import Client, cpu_ms, with_query
from bench.measures.pages import wait_for
from bench.stage import Stage, free_port, listening, port_of
from bench.table import Figure

SIZES, ROUNDS = (1_000, 10_000), 15
GROWTH, MOST_MS = 3.0, 25.0
ADDRESSES = {
    "assets by API": "/api/assets",
    "companies": "/companies",
    "contacts": "/contacts",
    "locations": "/locations",
    "assets": "/assets",
    "companies by city": "/companies?sort=city",
    "contacts by e-mail": "/contacts?sort=email",
    "assets by company": "/assets?sort=company",
    "assets by type": "/assets?sort=type",
    "assets by backup": "/assets?sort=-backup_bytes",
    "assets of a type": "/assets?type=server",
    "users": "/users",
    "audit log": "/audit",
    "search companies": "/companies?q=hazel 77",
    "search contacts": "/contacts?q=hazel person 77",
    "search assets": "/assets?q=hazel pc 77",
    "search assets, two letters": "/assets?q=pc",
    "search assets, by company": "/assets?q=hazel company 77",
    "search assets, nothing there": "/assets?q=zebra",
    "search assets, its serial": "/assets?q=0193f0aa-0000",
    "picker of companies": "/companies/picker?q=hazel 7",
    "picker of contacts": "/contacts/picker?q=hazel 7",
    "company": "/companies/{company}",
    "company's contacts": "/companies/{company}/contacts",
    "company's locations": "/companies/{company}/locations",
    "company's assets": "/companies/{company}/assets",
}


def figures() -> Iterator[Figure]:
    small, large = (measured(size) for size in SIZES)
    for work, (spent, taken) in large.items():
        before = small[work][0]
        beside = f"{before:.1f} ms at a tenth; {taken:.1f} ms by the clock"
        yield Figure(f"{work}: of a core's time", spent, MOST_MS, "ms", at_most=True, beside=beside)
        yield Figure("  against a tenth", spent / before, GROWTH, "x", True, f"{spent:.1f} ms", f"{before:.1f} ms")


def measured(companies: int) -> dict[str, tuple[float, float]]:
    """Milliseconds of CPU and of the clock for each address, by name."""
    with Stage(HM_NEXUS_METRICS_PORT=str(free_port())) as stage, listening() as nexus:
        stage.environ["HM_NEXUS_PORT"] = str(port_of(nexus))
        known = asyncio.run(filled(stage, companies))
        process = stage.start(nexus, "-m", "nexus_srv")
        wait_for(stage, port_of(nexus), "/readyz")
        client = Client(stage, port_of(nexus), known)
        found = {}
        for work, path in ADDRESSES.items():
            at = path.format(company=known.company).replace(" ", "+")
            found[work] = cpu_ms(process.pid, lambda n, at=at: client.get(anew(at, n)), ROUNDS)
    return found


def anew(path: str, number: int) -> str:
    """The same question as nobody has asked it yet, so that nothing answers it from memory."""
    return with_query(path, **({"limit": 25 + number} if path.startswith("/api/") else {"n": number}))
