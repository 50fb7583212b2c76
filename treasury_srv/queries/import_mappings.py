"""Which columns the headings of files are taken for, remembered for the next file."""

from collections.abc import Mapping

import msgspec

from hmlib.db.database import Db, Transaction


async def remembered(db: Db, kind: str) -> dict[str, str]:
    """The columns that headings of this kind of file were last taken for."""
    found = await db.all("SELECT heading, column_name FROM import_mapping WHERE kind = :kind", kind=kind)
    return {row["heading"]: row["column_name"] for row in found}


async def put(tx: Transaction, id: str, kind: str, mapping: Mapping[str, str]) -> None:
    """Use a choice of columns for a file, and remember it for the next one."""
    text = msgspec.json.encode(dict(mapping)).decode()
    await tx.run("UPDATE import_file SET mapping = :mapping WHERE id = :id", id=id, mapping=text)
    await tx.many(
        """
        INSERT INTO import_mapping (kind, heading, column_name) VALUES (:kind, :heading, :column_name)
        ON CONFLICT (kind, heading) DO UPDATE SET column_name = excluded.column_name
        """,
        [{"kind": kind, "heading": heading, "column_name": column} for heading, column in mapping.items()],
    )
