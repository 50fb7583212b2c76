"""Ids for rows that bring none: made of what the row says, so that the same file gives the same ids again."""

import hashlib
import json
from collections import Counter


class RowIds:
    """Makes ids for the rows of one file. Rows that say the same are told apart by a running number, so their order does not matter."""

    def __init__(self) -> None:
        self._equal: Counter[str] = Counter()
        self.made = 0

    def make(self, *parts: str | None) -> str:
        """An id of 37 characters out of a row's company, person, ticket, start and hours, or whatever tells its kind's rows apart. Pass
        each in one form only: a time as UTC, a number without zeros at its end."""
        said = json.dumps([" ".join(part.split()).casefold() if part else "" for part in parts], ensure_ascii=False)
        self._equal[said] += 1
        self.made += 1
        digest = hashlib.sha256(f"{said}\n{self._equal[said]}".encode("utf-8", "surrogatepass")).hexdigest()
        return f"made:{digest[:32]}"

    @property
    def note(self) -> str:
        """What the outcome of an import says about the ids that were made; "" where none was."""
        rows = f"{self.made:,} rows have" if self.made != 1 else "One row has"
        what = "external ids were made out of company, person, ticket, start and hours"
        return f"{rows} no id of their own: {what}." if self.made > 1 else f"{rows} no id of its own: {what}." if self.made else ""
