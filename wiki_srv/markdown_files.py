"""Reads a ZIP of Markdown files (or one file) into articles to be: front matter, title, folder and text. Pure: no I/O but the bytes."""

import io
import re
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import yaml

from hmlib.files import Unreadable
from hmlib.sheets import decoded
from wiki_srv.markup import first_heading

ENDINGS = (".md", ".markdown")
MOST_FILES = 50_000
LARGEST_FILE = 4 * 1024 * 1024
LARGEST_SUM = 512 * 1024 * 1024
LONGEST_FRONT_MATTER = 16_000
KNOWN = ("title", "tags", "audience", "company", "folder")

WANTED = "Articles come as a ZIP or folder of Markdown files, or as one Markdown file (.md)."
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OFFICE = "[Content_Types].xml"
_FRONT_MATTER = re.compile(r"---[ \t]*\n(?P<yaml>.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S | re.M)
_UNSAFE = re.compile(r"(?:^|/)\.\.(?:/|$)|^/|\\|^[A-Za-z]:|[\x00-\x1f]")
_FIRST_HEADING = re.compile(r"\A\s*# [^\n]*\n?")


class Hostile(Unreadable):
    """A ZIP that no honest program makes: its paths lead out of it, it holds links, or it unpacks to more than anybody writes."""


@dataclass
class Found:
    """One Markdown file: `path` in the archive, and what its front matter and text say; `problem` where it cannot be read."""

    path: str
    title: str = ""
    body: str = ""
    tags: list[str] = field(default_factory=list)
    audience: str = ""
    company: str = ""
    folder: str | None = None
    unknown: list[str] = field(default_factory=list)
    problem: str = ""

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders of the path, outermost first."""
        return PurePosixPath(self.path).parts[:-1]


def read(raw: bytes, name: str) -> tuple[list[Found], list[str]]:
    """The Markdown files in order of their paths, and the paths of the other files. Raises Unreadable, Hostile.

    Blocking. One that is no ZIP is one Markdown file, and its name must say so.
    """
    if not raw.startswith(_ZIP):
        if not name.lower().endswith(ENDINGS):
            raise Unreadable(f"{WANTED} This is neither.")
        return [_found(PurePosixPath(name).name, raw)], []
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = sorted((entry for entry in archive.infolist() if not entry.is_dir()), key=lambda entry: entry.filename)
            _refuse_unsafe(entries)
            if any(entry.filename == _OFFICE for entry in entries):
                raise Unreadable(f"{WANTED} This is a document or workbook.")
            wanted = [entry for entry in entries if not _hidden(entry.filename)]
            found = [_found(entry.filename, _content(archive, entry)) for entry in wanted if entry.filename.lower().endswith(ENDINGS)]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise Unreadable("The ZIP file is damaged or encrypted.") from error
    return found, [entry.filename for entry in wanted if not entry.filename.lower().endswith(ENDINGS)]


def _refuse_unsafe(entries: list[zipfile.ZipInfo]) -> None:
    """Nothing is ever written to where an entry points; an archive that tries is not one to trust."""
    if len(entries) > MOST_FILES:
        raise Hostile(f"The ZIP file holds more than {MOST_FILES:,} files.")
    for entry in entries:
        if _UNSAFE.search(entry.filename) or len(entry.filename) > 1000:
            raise Hostile("The ZIP file holds a path that leads out of it.")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise Hostile("The ZIP file holds a symbolic link.")
    if sum(entry.file_size for entry in entries) > LARGEST_SUM:
        raise Hostile("The ZIP file holds more than 512 MB.")


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as file:
        raw = file.read(LARGEST_FILE + 1)
    if len(raw) > LARGEST_FILE:
        raise Hostile(f"{entry.filename} is larger than 4 MB.")
    return raw


def _hidden(path: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(path).parts)


def _found(path: str, raw: bytes) -> Found:
    try:
        text = decoded(raw)[0].replace("\r\n", "\n").replace("\r", "\n") if raw else ""
        front, body = _split(text)
    except (Unreadable, ValueError, RecursionError, yaml.YAMLError) as error:
        return Found(
            path, problem="Its front matter is no YAML." if isinstance(error, yaml.YAMLError) else "It is no text that can be read."
        )
    named = {key: front[key] for key in KNOWN if key in front}
    wrong = [key for key, value in named.items() if not _plain(key, value)]
    if wrong:
        return Found(path, problem=f"Its {wrong[0]} is neither a text nor a list of texts.")
    title, body = _titled(path, str(named.get("title") or ""), body)
    return Found(
        path,
        title,
        body,
        list(_texts(named.get("tags", []))),
        str(named.get("audience") or ""),
        str(named.get("company") or ""),
        str(named["folder"] or "") if "folder" in named else None,
        sorted(str(key)[:40] for key in front if key not in KNOWN),
    )


def _split(text: str) -> tuple[dict[str, Any], str]:
    """The front matter's values, every scalar as text, and what comes after it."""
    match = _FRONT_MATTER.match(text)
    if match is None or len(match["yaml"]) > LONGEST_FRONT_MATTER:
        return {}, text
    values = yaml.load(match["yaml"], Loader=yaml.BaseLoader)  # noqa: S506  the base loader makes texts, lists and maps only
    if values is None:
        return {}, text[match.end() :]
    return (values, text[match.end() :]) if isinstance(values, dict) else ({}, text)


def _plain(key: str, value: Any) -> bool:
    """The texts of a front matter are texts; tags may be a list of them."""
    if key == "tags" and isinstance(value, list):
        return all(isinstance(tag, str) for tag in value)
    return isinstance(value, str)


def _texts(tags: Any) -> Iterator[str]:
    yield from (tags.split(",") if isinstance(tags, str) else tags)


def _titled(path: str, title: str, body: str) -> tuple[str, str]:
    """The title: the front matter's, else the first heading, else the file's name. A heading that repeats it leaves the text."""
    heading = first_heading(body) if _FIRST_HEADING.match(body) else ""
    if heading and (not title or heading.casefold() == title.casefold()):
        return title or heading, _FIRST_HEADING.sub("", body, count=1).lstrip("\n")
    return title or re.sub(r"[-_]+", " ", PurePosixPath(path).stem), body
