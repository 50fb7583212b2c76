"""Wiki's search against the bare full-text query, and reading at 100 articles against reading at many: python -m bench.measures.search."""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

from bench.table import HEADER, Figure, printed
from hmlib.auth.permissions import Caller, CompanyScope
from hmlib.clock import new_id, utc_now
from hmlib.db.database import Db, connect
from hmlib.db.migrate import migrate
from hmlib.nexus.directory import Company
from hmlib.records.audit import Actor
from wiki_srv.app import MIGRATIONS
from wiki_srv.articles import markup
from wiki_srv.articles.drafts import Draft
from wiki_srv.queries import articles, search, spaces
from wiki_srv.queries.articles import Place
from wiki_srv.search import finding
from wiki_srv.search.query_text import Facets, fts5, rank_query, tsquery, wanted

SEARCH_LIMIT = 1.3
READ_LIMIT = 1.3
ARTICLES = 50_000
COMPANIES = 50
ROUNDS = 300
QUESTIONS = 120
TURNS = 2
WARM = 20
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
    return [kinds[number % len(kinds)]() for number in range(QUESTIONS)]


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


async def pair(db: Db, caller: Caller, q: str) -> tuple[float, float]:
    """Milliseconds of the bare query and of ours, each the best of a few taken in turn: the machine may be busy with other things."""
    taken = [(await timed(bare(db, q)), await timed(full(db, caller, q))) for _ in range(TURNS)]
    return min(plain for plain, _ in taken), min(ours for _, ours in taken)


async def searching(db: Db, words: list[str]) -> AsyncIterator[Figure]:
    """The slower one in a hundred searches, for each kind of caller, beside the bare query for the same text."""
    for name, caller in CALLERS.items():
        pairs = [await pair(db, caller, q) for q in questions(words)]
        plain, ours = p99([plain for plain, _ in pairs]), p99([ours for _, ours in pairs])
        yield Figure(
            f"search p99 of a {name}, {db.dialect}", ours / plain, SEARCH_LIMIT, "x", True, f"{ours:.1f} ms", f"bare query {plain:.1f} ms"
        )


async def reading(small: tuple[Db, list[str]], large: tuple[Db, list[str]]) -> Figure:
    """An article read and rendered among many, beside the same among few."""
    chance = random.Random(13)

    async def read(db: Db, id: str) -> None:
        article = await articles.visible_to(db, CALLERS["technician"], id)
        assert article is not None
        markup.render(article.body)

    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for place, (db, ids) in enumerate((small, large)):
            times[place].append(await timed(read(db, chance.choice(ids[:100]))))
    few, many = (statistics.median(found[WARM:]) for found in times)
    said = f"reading one of {len(large[1]):,} articles"
    return Figure(said, many / few, READ_LIMIT, "x", True, f"{many:.2f} ms", f"one of {len(small[1])}: {few:.2f} ms")


async def measured(count: int, url: str) -> list[Figure]:
    """Every figure, of `count` articles in SQLite or in the empty database at `url`."""
    with tempfile.TemporaryDirectory() as folder:
        large, ids, words = await filled(url or f"sqlite:///{Path(folder) / 'large.db'}", count)
        small, few, _ = await filled(f"sqlite:///{Path(folder) / 'small.db'}", 100)
        found = [figure async for figure in searching(large, words)]
        if large.dialect == small.dialect:
            found.append(await reading((small, few), (large, ids)))
        await large.close()
        await small.close()
    return found


def figures(count: int = ARTICLES, url: str = "") -> Iterator[Figure]:
    """What `make bench` prints."""
    yield from asyncio.run(measured(count, url))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=ARTICLES)
    parser.add_argument("--db", default="", help="an empty PostgreSQL database; SQLite without it")
    chosen = parser.parse_args()
    found = list(figures(chosen.articles, chosen.db))
    for cells in (HEADER, *(figure.line for figure in found)):
        print(printed(cells))
    return 0 if all(figure.good for figure in found) else 1


if __name__ == "__main__":
    sys.exit(main())
