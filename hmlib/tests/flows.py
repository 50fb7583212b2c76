"""The table of flows in docs/decisions.md: how many of a service's own files each reads."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "decisions.md"


def check(flow: str, files: set[str]) -> None:
    """The flow reads as many files as the table says, or fewer. Raises AssertionError that names the files."""
    row = re.search(rf"^\| {re.escape(flow)} \| \d+ \| (\d+) \|", PAGE.read_text(), re.MULTILINE)
    assert row is not None, f"docs/decisions.md has no row for {flow!r}: it reads {len(files)}"
    assert len(files) <= int(row[1]), f"{flow} reads {len(files)} files:\n" + "\n".join(sorted(files))
