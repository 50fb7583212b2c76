"""What a write is based on: the entity tags of If-Match, as RFC 9110 has them."""

import re
from dataclasses import dataclass

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


def entity_tag(version: int, epoch: str) -> str:
    """The tag of an entry of this version, in its quotation marks.

    ``epoch`` is the database's: after a restore the same number may stand for other content, and a tag of before must not match it. A
    database without an epoch (in tests) has the number alone.
    """
    return f'"{epoch}-{version}"' if epoch else f'"{version}"'


@dataclass(frozen=True)
class IfMatch:
    """The strong entity tags of an If-Match header; None stands for ``*``, which is true for whatever exists (RFC 9110 13.1.1)."""

    tags: frozenset[str] | None
    epoch: str = ""

    @classmethod
    def read(cls, header: str, epoch: str = "") -> "IfMatch":
        """What a request to a database of this epoch is based on. Raises ValueError for what is neither ``*`` nor a list of entity tags.

        Weak tags are read, and match nothing, as the comparison is the strong one (RFC 9110 8.8.3.2).
        """
        if header.strip() == "*":
            return cls(None, epoch)
        found = [_TAG.fullmatch(part) for part in _split(header)]
        if not found or None in found:
            raise ValueError("no entity tags")
        return cls(frozenset(tag[2] for tag in found if tag is not None and tag[1] is None), epoch)

    def admits(self, version: int) -> bool:
        """Whether an entry of this version may be written."""
        return self.tags is None or entity_tag(version, self.epoch)[1:-1] in self.tags


def _split(header: str) -> list[str]:
    """The list's members; a comma may stand inside a tag, and empty members are skipped (RFC 9110 5.6.1)."""
    parts = re.findall(r'\s*((?:W/)?"[^"]*"|[^,]*)\s*(?:,|$)', header)
    return [part.strip() for part in parts if part.strip()]
