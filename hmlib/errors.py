"""Why a change is not made: wrong fields, something taken, a rule against it, or somebody who was faster."""

from collections.abc import Mapping


class Invalid(Exception):
    """Some fields cannot be saved; ``errors`` says why in one sentence each, by field ("" is about the whole)."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(", ".join(errors))
        self.errors = dict(errors)


class Taken(Invalid):
    """What must be unique belongs to another entry."""


class NotAllowed(Exception):
    """This change is against a rule; ``code`` is a word for programs, the text one sentence, ``status`` HTTP's 403 or 409."""

    def __init__(self, code: str, detail: str, status: int = 403) -> None:
        super().__init__(detail)
        self.code, self.detail, self.status = code, detail, status


class Stale(Exception):
    """The thing has changed since it was read."""
