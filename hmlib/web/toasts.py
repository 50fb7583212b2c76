"""What a page says once, on the page after it: a message, its kind, and perhaps the button that takes back what it tells of."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec


class Undo(msgspec.Struct, frozen=True):
    """The form that takes something back: where it is posted to, and its fields (``_method`` for PUT and DELETE)."""

    action: str
    fields: Mapping[str, str]

    def written(self) -> str:
        """As one line of text."""
        return msgspec.json.encode(self).decode()


@dataclass(frozen=True)
class Toast:
    """What is said; ``kind`` is success, info, warning or danger."""

    kind: str
    text: str
    undo: Undo | None = None


def read(written: str) -> Toast:
    """A toast from the lines of its cookie: kind, text, and the undo where there is one."""
    kind, _, rest = written.partition("\n")
    text, _, undo = rest.partition("\n")
    return Toast(kind, text, msgspec.json.decode(undo, type=Undo) if undo else None)
