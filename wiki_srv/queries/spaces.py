"""Spaces: a shelf of articles for each company that has any, and general ones; and the folders inside."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hmlib.auth.permissions import Caller
from hmlib.clock import new_id
from hmlib.db.database import Db
from hmlib.db.list_query import folded, like
from hmlib.nexus.directory import Company
from wiki_srv.access import seen

_COLUMNS = "space.id, space.company_id, space.account_number, space.name"


@dataclass(frozen=True)
class Space:
    """A space. `company_id` is None for a general one; its name and account number are those the directory last gave."""

    id: str
    company_id: str | None
    account_number: str
    name: str
    articles: int = 0
    updated_at: str = ""


async def visible_to(db: Db, caller: Caller, id: str) -> Space | None:
    """The space, when the caller may see its company, or it is general and the caller is no client."""
    row = await db.one(f"SELECT {_COLUMNS} FROM space WHERE space.id = :id AND {_seen(caller)}", id=id, **caller.scope.params())
    return Space(**row) if row else None


async def of_company(db: Db, caller: Caller, company_id: str) -> Space | None:
    row = await db.one(
        f"SELECT {_COLUMNS} FROM space WHERE space.company_id = :company_id AND {_seen(caller)}",
        company_id=company_id,
        **caller.scope.params(),
    )
    return Space(**row) if row else None


async def general(db: Db, caller: Caller) -> list[Space]:
    """The general spaces by name, with what the caller sees in each."""
    condition, params = seen(caller)
    rows = await db.all(
        f"""
        SELECT {_COLUMNS}, count(article.id) AS articles, COALESCE(max(article.updated_at), '') AS updated_at
        FROM space LEFT JOIN article ON article.space_id = space.id AND article.status <> 'archived' AND {condition}
        WHERE space.company_id IS NULL AND {_seen(caller)} GROUP BY {_COLUMNS}, space.folded ORDER BY space.folded
        """,
        **params,
    )
    return [Space(**row) for row in rows]


async def of_companies(db: Db, caller: Caller) -> list[Space]:
    """The companies' spaces by name."""
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM space WHERE space.company_id IS NOT NULL AND {_seen(caller)} ORDER BY space.folded, space.id",
        **caller.scope.params(),
    )
    return [Space(**row) for row in rows]


async def named(db: Db, caller: Caller, names: Sequence[str]) -> list[Space]:
    """The spaces the caller may see whose name holds one of these words, or whose account number is one of them."""
    found: dict[str, Space] = {}
    for name in names[:4]:
        rows = await db.all(
            f"""
            SELECT {_COLUMNS} FROM space WHERE (space.folded LIKE :like ESCAPE '\\' OR space.account_number = :name) AND {_seen(caller)}
            ORDER BY space.folded, space.id LIMIT 200
            """,
            like=like(name),
            name=name,
            **caller.scope.params(),
        )
        found |= {row["id"]: Space(**row) for row in rows}
    return list(found.values())


async def for_company(tx: Db, company: Company, now: str) -> Space:
    """The company's space, made when it has none; its name follows the directory."""
    row = await tx.one(
        f"""
        INSERT INTO space (id, company_id, account_number, name, folded, created_at, updated_at)
        VALUES (:id, :company_id, :account_number, :name, :folded, :now, :now)
        ON CONFLICT (company_id) DO UPDATE SET name = excluded.name, folded = excluded.folded, account_number = excluded.account_number
        RETURNING {_COLUMNS.replace("space.", "")}
        """,
        id=new_id(),
        company_id=company.id,
        now=now,
        **_naming(company.name),
        account_number=company.account_number,
    )
    assert row is not None
    return Space(**row)


async def for_name(tx: Db, name: str, now: str) -> Space:
    """The general space of that name, made when there is none."""
    existing = await tx.one(f"SELECT {_COLUMNS} FROM space WHERE company_id IS NULL AND folded = :folded", folded=folded(name))
    if existing:
        return Space(**existing)
    space = Space(new_id(), None, "", name)
    await tx.run(
        "INSERT INTO space (id, company_id, name, folded, created_at, updated_at) VALUES (:id, NULL, :name, :folded, :now, :now)",
        id=space.id,
        now=now,
        **_naming(name),
    )
    return space


async def follow(db: Db, companies: Iterable[Company]) -> None:
    """Take over names and account numbers that have changed in the directory."""
    known = {row["company_id"]: row for row in await db.all(f"SELECT {_COLUMNS} FROM space WHERE company_id IS NOT NULL")}
    changed = [
        {"company_id": company.id, "account_number": company.account_number, **_naming(company.name)}
        for company in companies
        if company.id in known
        and (known[company.id]["name"], known[company.id]["account_number"]) != (company.name, company.account_number)
    ]
    await db.many(
        "UPDATE space SET name = :name, folded = :folded, account_number = :account_number WHERE company_id = :company_id", changed
    )


async def folder(tx: Db, space_id: str, path: str, now: str) -> str | None:
    """The id of the folder at a path such as `a/b`, made with those above it; None for the space itself."""
    id: str | None = None
    parts = path.split("/") if path else []
    for depth in range(1, len(parts) + 1):
        here = "/".join(parts[:depth])
        row = await tx.one(
            """
            INSERT INTO folder (id, space_id, path, folded, created_at) VALUES (:id, :space_id, :path, :folded, :now)
            ON CONFLICT (space_id, folded) DO UPDATE SET path = folder.path RETURNING id
            """,
            id=new_id(),
            space_id=space_id,
            path=here,
            folded=folded(here),
            now=now,
        )
        assert row is not None
        id = row["id"]
    return id


async def folders(db: Db, caller: Caller, space_id: str) -> list[str]:
    """The paths of a space's folders that hold something the caller sees, by name."""
    condition, params = seen(caller)
    rows = await db.all(
        f"""
        SELECT folder.path FROM folder WHERE folder.space_id = :space_id AND EXISTS
            (SELECT 1 FROM article WHERE article.folder_id = folder.id AND article.status <> 'archived' AND {condition})
        ORDER BY folder.folded
        """,
        space_id=space_id,
        **params,
    )
    return [row["path"] for row in rows]


def _naming(name: str) -> Mapping[str, Any]:
    return {"name": name, "folded": folded(name)}


def _seen(caller: Caller) -> str:
    scope = caller.scope.clause("space.company_id")
    return f"(space.company_id IS NOT NULL AND {scope})" if caller.level == "client" else f"(space.company_id IS NULL OR {scope})"
