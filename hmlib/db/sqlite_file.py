"""The file of an SQLite database: found or made, and watched, as what is written into a removed file is lost."""

import os
import time
from contextlib import suppress
from pathlib import Path

from hmlib.db.engine import BadDatabase, DatabaseDown

LOOK_SECONDS = 1.0
"""How often reads look whether the file is still in its place; every write does."""


def found(path: str, *, make: bool) -> Path:
    """The file, made (when it may be) readable by its owner only; SQLite gives its log files the same rights.

    A file that is there is not opened: closing it again would drop the locks that this process holds on it.
    """
    file = Path(path).absolute()
    if not path or path == ":memory:":
        raise BadDatabase("A sqlite:/// address must name a file.")
    try:
        if not file.exists():
            if not make:
                raise BadDatabase(f"The database {file} is not there.")
            with suppress(FileExistsError):
                os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise BadDatabase(f"The database {file} cannot be opened: {error.strerror}.") from error
    return file


class InPlace:
    """Whether the files that are open are still those at their path. Once they are not, nothing is taken or told any more.

    Writes into a removed file would be acknowledged and lost. SQLite itself removes neither file while a connection is open.
    """

    def __init__(self, file: Path) -> None:
        self._files = {path: _identity(path) for path in (file, file.with_name(f"{file.name}-wal"))}
        self._gone = False
        self._looked_at = 0.0

    def check(self, *, every: float = 0.0) -> None:
        """Raises DatabaseDown when a file was removed or replaced; looks at most once in ``every`` seconds."""
        now = time.monotonic()
        if not self._gone and now - self._looked_at >= every:
            self._looked_at = now
            self._gone = any(_identity(path) != identity for path, identity in self._files.items())
        if self._gone:
            raise DatabaseDown("the file of the database was removed or replaced while it was open")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
