"""Wiki's search against the bare full-text query, and reading at 100 articles against reading at many: python -m bench.search."""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from hmlib.audit import Actor
from hmlib.auth import Caller, CompanyScope
from hmlib.clock import new_id, utc_now
from hmlib.db import Db, connect
from hmlib.directory import Company
from hmlib.migrate import migrate
from wiki_srv import finding, markup
from wiki_srv.app import MIGRATIONS
from wiki_srv.drafts import Draft
from wiki_srv.queries import articles, search, spaces
from wiki_srv.queries.articles import Place
from wiki_srv.searching import Facets, fts5, rank_query, tsquery, wanted

SEARCH_LIMIT = 1.3
READ_LIMIT = 1.3
COMPANIES = 50
ROUNDS = 300
ACTOR = Actor("bench", "bench")
BARE = {
    "sqlite": """
        SELECT rowid FROM article_search WHERE article_search MATCH :match
        ORDER BY bm25(article_search, 10.0, 6.0, 1.0, 0.0) LIMIT 20
    """,
    "postgresql": """
        SELECT article_id FROM article_search WHERE document @@ CAST(:match AS tsquery)
        ORDER BY ts_rank(document, CAST(:ranked AS tsquery), 1) DESC LIMIT 20
    """,
}
CALLERS = {
    "technician": Caller("t", "t", "technician", frozenset(), CompanyScope()),
    "limited technician": Caller(
        "l", "l", "technician", frozenset(), CompanyScope("except", frozenset({f"company-{n}" for n in range(5)}))
    ),
    "client": Caller("c", "c", "client", frozenset(), CompanyScope("only", frozenset({"company-7"}))),
}


def vocabulary(chance: random.Random) -> list[str]:
    letters = "bcdfghklmnprstvz"
    return ["".join(chance.choice(letters) + chance.choice("aeiou") for _ in range(chance.randint(2, 4))) for _ in range(8000)]


async def filled(url: str, count: int) -> tuple[Db, list[str], list[str]]:
    """A migrated database with `count` articles of some 250 words; the ids and the words."""
    chance = random.Random(7)
    words = vocabulary(chance)
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    db = await connect(url)
    await migrate(db, MIGRATIONS)
    ids = []
    async with db.write() as tx:
        homes = [
            await spaces.for_company(tx, Company(f"company-{n}", str(100_001 + n), f"Company {n}", "active"), utc_now())
            for n in range(COMPANIES)
        ]
        for number in range(count):
            space = chance.choice(homes)
            title = " ".join(chance.choices(words, weights, k=4)) + f" {number}"
            body = "\n\n".join(
                "## " + " ".join(chance.choices(words, weights, k=3)) + "\n\n" + " ".join(chance.choices(words, weights, k=60))
                for _ in range(4)
            )
            draft = Draft(title, body, tuple(chance.sample(words[:40], 2)), chance.choice(("internal", "client")))
            ids.append(await articles.create(tx, draft, Place(space.id, space.company_id), ACTOR, utc_now(), id=new_id()))
    await db.run("ANALYZE")
    return db, ids, words


def questions(words: list[str]) -> list[str]:
    """What technicians type: one word, two words, a beginning, a phrase, from common to rare."""
    chance = random.Random(11)
    kinds: list[Callable[[], str]] = [
        lambda: chance.choice(words[:200]) + " ",
        lambda: f"{chance.choice(words[:100])} {chance.choice(words[:1000])} ",
        lambda: chance.choice(words[:500])[:4],
        lambda: f'"{chance.choice(words[:20])} {chance.choice(words[:20])}"',
        lambda: f"{chance.choice(words[:50])} -{chance.choice(words[:200])} ",
    ]
    return [kinds[number % len(kinds)]() for number in range(ROUNDS)]


async def timed(work: Awaitable[object]) -> float:
    started = time.perf_counter()
    await work
    return (time.perf_counter() - started) * 1000


def p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


async def full(db: Db, caller: Caller, q: str) -> object:
    """What the search page asks for, snippets included."""
    found = await finding.find(db, caller, q)
    return await search.hits(db, caller, found.ids[:20], found.exact, found.marks)


def bare(db: Db, q: str) -> Awaitable[object]:
    if db.dialect == "sqlite":
        return db.all(BARE["sqlite"], match=fts5(wanted(q), Facets()))
    return db.all(BARE["postgresql"], match=tsquery(wanted(q), Facets()), ranked=rank_query(wanted(q)))


async def searching(db: Db, words: list[str]) -> bool:
    good = True
    for name, caller in CALLERS.items():
        pairs = []
        for q in questions(words):
            pairs.append((await timed(bare(db, q)), await timed(full(db, caller, q))))
        plain, ours = [pair[0] for pair in pairs[20:]], [pair[1] for pair in pairs[20:]]
        ratio = p99(ours) / p99(plain)
        good = good and ratio <= SEARCH_LIMIT
        print(
            f"search p99, {name:<19} bare {p99(plain):7.2f} ms  ours {p99(ours):7.2f} ms  ratio {ratio:5.2f}  limit {SEARCH_LIMIT}"
            f"   (median {statistics.median(plain):.2f} and {statistics.median(ours):.2f} ms)"
        )
    return good


async def reading(small: tuple[Db, list[str]], large: tuple[Db, list[str]]) -> bool:
    chance = random.Random(13)

    async def read(db: Db, id: str) -> None:
        article = await articles.visible_to(db, CALLERS["technician"], id)
        assert article is not None
        markup.render(article.body)

    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for place, (db, ids) in enumerate((small, large)):
            times[place].append(await timed(read(db, chance.choice(ids[:100]))))
    medians = [statistics.median(found[20:]) for found in times]
    ratio = medians[1] / medians[0]
    at = [f"at {len(ids):,} articles {median:.2f} ms" for (_, ids), median in zip((small, large), medians, strict=True)]
    print(f"reading, median      {'  '.join(at)}  ratio {ratio:.2f}  limit {READ_LIMIT}")
    return ratio <= READ_LIMIT


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=20_000)
    parser.add_argument("--db", default="", help="an empty PostgreSQL database; SQLite without it")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        large, ids, words = await filled(chosen.db or f"sqlite:///{Path(folder) / 'large.db'}", chosen.articles)
        print(f"{chosen.articles:,} articles on {large.dialect}, written in {time.perf_counter() - started:.0f} s")
        small, few, _ = await filled(f"sqlite:///{Path(folder) / 'small.db'}", 100)
        good = await searching(large, words)
        if large.dialect == small.dialect:
            good = await reading((small, few), (large, ids)) and good
        await large.close()
        await small.close()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
