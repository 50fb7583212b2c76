"""The demo MSP's articles, written as the folder that the importer takes."""

import datetime as dt
import re
from pathlib import Path

PACKAGED = Path(__file__).parent / "demo_articles"
_COMPANY = re.compile(r"^company:\s*[\"']?(\d{6})[\"']?\s*$", re.M)


def write(directory: Path, today: dt.date | None = None) -> None:
    """Copy the packaged articles to `directory`/articles/<account number or General>/. They do not depend on the day."""
    for file in sorted(PACKAGED.glob("**/*.md")):
        text = file.read_text(encoding="utf-8")
        company = _COMPANY.search(text.partition("\n---")[0])
        folder = directory / "articles" / (company[1] if company else "General")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file.name).write_text(text, encoding="utf-8")
