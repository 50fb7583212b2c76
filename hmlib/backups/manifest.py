"""What a backup says of itself: MANIFEST.json, the first file in it, by which every other is checked."""

import hashlib
from pathlib import Path
from typing import Literal

import msgspec

NAME = "MANIFEST.json"
CHUNK_BYTES = 1024 * 1024


class Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the backup: SHA-256 (hex) and length."""

    sha256: str
    bytes: int


class Database(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A service's database: its engine (sqlite, postgresql), the file of the backup with it, its migrations, its rows by table."""

    engine: str
    file: str
    migrations: list[str]
    rows: dict[str, int]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``made_at`` is when the first copy began (UTC); ``origins`` are the public addresses of the services then."""

    format: Literal["hivematrix-backup/1"]
    version: str
    suite_id: str
    made_at: str
    origins: dict[str, str]
    databases: dict[str, Database]
    files: dict[str, Content]


def content_of(file: Path) -> Content:
    """Hash and length of a file. Raises OSError."""
    digest, length = hashlib.sha256(), 0
    with file.open("rb") as raw:
        while chunk := raw.read(CHUNK_BYTES):
            digest.update(chunk)
            length += len(chunk)
    return Content(digest.hexdigest(), length)
