"""What a column of a file is: how it is found there, what its cells mean, and which of them say nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

Kind = Literal["text", "int", "decimal", "bool", "date", "datetime", "choice", "list", "email", "size", "duration", "reference"]


class Left(Enum):
    """What a cell says that says nothing of its column: what is stored there stays."""

    LEFT = "left"


LEFT = Left.LEFT


@dataclass(frozen=True)
class Column:
    """A column of a file that is read, and how it is found there.

    `key` columns together are the natural key; `required` ones may not be empty; `max_length` is in characters; `minimum` and `maximum`
    bound int, decimal and duration kinds; `lines` lets a text keep its line breaks; decimals past `places` are rounded half up; a `numeric`
    text may be a number, and then it is read as one and kept with a point. A size is read into bytes, a duration into hours, and `unit`
    is that of their bare numbers (numbers.UNITS).

    It is found by its name, its `label`, or what other tools call it (`also`, the best one first; of several in a file the first filled
    cell counts); where it has `headings`, by these alone. With `joined`, all of them together make the value. A datetime may
    have its time of the day in a column of its own, called one of `time_also`. `words` turn what other tools say into what is stored here
    ("*" stands for all other words, and "" says nothing); `yes_is` says by heading what that heading's yes and no mean ("Non-Billable":
    ("no", "yes")). In a `measured` column N/A, - and nothing leave what is stored. `after` are labels that may stand before the value in
    its cell ("Phone:"); it ends where the next label begins.

    A column that is `aside` only makes others: `splits` names the two that a whole name falls into, and a duration that is missing is the
    time `between` two others.
    """

    name: str
    key: bool = False
    required: bool = False
    kind: Kind = "text"
    choices: tuple[str, ...] = ()
    max_length: int = 200
    minimum: int | None = None
    maximum: int | None = None
    lines: bool = False
    places: int | None = None
    numeric: bool = False
    label: str = ""
    also: tuple[str, ...] = ()
    headings: tuple[str, ...] = ()
    joined: str = ""
    time_also: tuple[str, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    yes_is: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    measured: bool = False
    unit: str = ""
    after: tuple[str, ...] = ()
    aside: bool = False
    splits: tuple[str, str] | None = None
    between: tuple[str, str] | None = None
