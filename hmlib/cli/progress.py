"""Shows how far long work is: a bar on a terminal, plain lines elsewhere."""

import sys
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

LINES = 10


class Progress:
    """Call it with (done, total) as often as you like; ``quiet`` shows nothing. Everything goes to standard error."""

    def __init__(self, what: str, *, quiet: bool = False) -> None:
        self._what, self._quiet, self._tenth = what, quiet, 0
        self._bar = None if quiet or not sys.stderr.isatty() else _bar()
        self._task = self._bar.add_task(what, total=None) if self._bar else None

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()

    def __call__(self, done: int, total: int) -> None:
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=done, total=total)
        elif not self._quiet and total and done * LINES // total > self._tenth:
            self._tenth = done * LINES // total
            click.echo(f"{self._what}: {done:,} of {total:,}", err=True)


def _bar() -> Bar:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Bar(*columns, console=Console(stderr=True), transient=True)
