"""Writes a file that only its owner may read: the new content stands there whole, or the old one does."""

import os
import secrets
from pathlib import Path


def write_privately(file: Path, raw: bytes, mode: int = 0o600) -> None:
    """Write ``raw`` beside the file, bring it to the disk and rename it; ``mode`` are its permissions. Raises OSError."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(raw)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def to_disk(path: Path) -> None:
    """Wait until a file's content, or a folder's names, outlive a power cut. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
