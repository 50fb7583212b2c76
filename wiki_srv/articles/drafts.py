"""What a person or program wants an article to be, checked. Pure: no I/O."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hmlib import text as texts

AUDIENCES = ("internal", "client")
LONGEST_TITLE = 200
LONGEST_BODY = 500_000
LONGEST_TAG = 50
LONGEST_MESSAGE = 200
LONGEST_PATH = 400
MOST_TAGS = 20
GENERAL = "General"
"""The general space an article goes to when none is named."""


@dataclass(frozen=True)
class Draft:
    """The content of an article: title of 1 to 200 characters, Markdown of at most 500,000, tags, audience, and why it was saved."""

    title: str
    body: str
    tags: tuple[str, ...] = ()
    audience: str = "internal"
    message: str = ""

    def same_content(self, other: "Draft") -> bool:
        return (self.title, self.body, self.tags, self.audience) == (other.title, other.body, other.tags, other.audience)


def draft(title: str, body: str, tags: Sequence[str], audience: str, message: str = "") -> tuple[Draft, dict[str, str]]:
    """The tidied draft, and what is wrong with it by field ({} when all is well)."""
    tidy = Draft(one_line(title), tidy_body(body), tidy_tags(tags), audience.strip() or "internal", one_line(message))
    errors = {
        "title": _unseen(title) or _title_error(tidy.title),
        "body": "" if len(tidy.body) <= LONGEST_BODY else f"An article may have at most {LONGEST_BODY:,} characters.",
        "tags": next(filter(None, map(_unseen, tags)), "") or _tags_error(tidy.tags),
        "audience": "" if tidy.audience in AUDIENCES else "Choose internal or client.",
        "message": _unseen(message) or ("" if len(tidy.message) <= LONGEST_MESSAGE else f"Say it in at most {LONGEST_MESSAGE} characters."),
    }
    return tidy, {name: error for name, error in errors.items() if error}


def draft_of_form(form: Mapping[str, str]) -> tuple[Draft, dict[str, str]]:
    """A draft from the posted form; its tags stand in one field, with commas between them."""
    tags = form.get("tags", "").split(",")
    return draft(form.get("title", ""), form.get("body", ""), tags, form.get("audience", ""), form.get("message", ""))


def folder_path(text: str) -> tuple[str, str]:
    """`a / b` as `a/b`, and what is wrong with it ("" when all is well)."""
    parts = [one_line(part) for part in text.split("/")]
    path = "/".join(part for part in parts if part)
    if len(path) > LONGEST_PATH:
        return path, f"A folder's path may have at most {LONGEST_PATH} characters."
    return path, "A folder cannot be called . or .." if {".", ".."}.intersection(parts) else _unseen(text)


def one_line(text: str) -> str:
    """Without what cannot be seen, each run of spaces as one."""
    return " ".join(texts.visible(text).split())


def _unseen(text: str) -> str:
    """What is wrong with a name that holds what cannot be seen, "" for any other."""
    try:
        texts.one_line(text)
    except texts.Unseen as unseen:
        return str(unseen)
    return ""


def tidy_body(text: str) -> str:
    """Line ends as \\n, no NUL and no other character that a text cannot hold, no spaces at the very end."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]", "", lines).rstrip() + "\n" if text.strip() else ""


def tidy_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Each tag once, whatever its case, in the given order."""
    by_form: dict[str, str] = {}
    for tag in (one_line(tag) for tag in tags):
        if tag:
            by_form.setdefault(tag.casefold(), tag)
    return tuple(by_form.values())


def _title_error(title: str) -> str:
    if not title:
        return "Give the article a title."
    return "" if len(title) <= LONGEST_TITLE else f"A title may have at most {LONGEST_TITLE} characters."


def _tags_error(tags: tuple[str, ...]) -> str:
    if len(tags) > MOST_TAGS:
        return f"An article may have at most {MOST_TAGS} tags."
    return "" if all(len(tag) <= LONGEST_TAG for tag in tags) else f"A tag may have at most {LONGEST_TAG} characters."
