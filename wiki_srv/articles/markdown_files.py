"""Reads a ZIP of Markdown files (or one file) into articles to be: front matter, title, folder and text. Pure: no I/O but the bytes."""

import io
import re
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import msgspec
import yaml

from hmlib.jobs.child_process import Child, Limits, TooMuch
from hmlib.tables.sheets import Unreadable, decoded
from wiki_srv.articles.drafts import LONGEST_BODY
from wiki_srv.articles.markup import first_heading

ENDINGS = (".md", ".markdown")
MOST_FILES = 50_000
LARGEST_FILE = 4 * 1024 * 1024
"""Bytes of a file beyond which an archive is no honest one; one that is merely longer than an article is named."""
LARGEST_SUM = 64 * 1024 * 1024
"""Bytes of all Markdown files of an archive together; the others are not unpacked."""
LONGEST_FRONT_MATTER = 4_000
SHORT = 16 * 1024
"""Bytes of a file that is read where it is; a longer one, and every archive above it, is read in a child process."""
LIMITS = Limits(seconds=60, patience=180.0, memory=300 * 2**20)
KNOWN = ("title", "tags", "audience", "company", "folder")

WANTED = "Articles come as a ZIP or folder of Markdown files, or as one Markdown file (.md)."
TOO_LONG = f"It is longer than the {LONGEST_BODY:,} characters of an article."
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OFFICE = "[Content_Types].xml"
_FRONT_MATTER = re.compile(r"---[ \t]*\n(?P<yaml>.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S | re.M)
_FIRST_HEADING = re.compile(r"\s*(# [^\n]*)\n?")
_LIKE_A_KEY = re.compile(r"[\w-]{1,40}:(?:[ \n]|$)")
_UNSAFE = re.compile(r"(?:^|/)\.\.(?:/|$)|^/|\\|^[A-Za-z]:|[\x00-\x1f]")


class _TooLong(Exception):
    """Front matter longer than anybody writes."""


class Hostile(Unreadable):
    """A ZIP that no honest program makes: its paths lead out of it, it holds links, or it unpacks to more than anybody writes."""

    hostile = True


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


class Archive(msgspec.Struct, frozen=True, kw_only=True):
    """What the child that reads a file answers: what is in it, or why it cannot be read."""

    found: list[Found] = []
    others: list[str] = []
    unreadable: str = ""
    hostile: bool = False


def read(raw: bytes, name: str) -> tuple[list[Found], list[str]]:
    """The Markdown files in order of their paths, and the paths of the other files. Raises Unreadable, Hostile.

    Blocking. One that is no ZIP is one Markdown file, and its name must say so.
    """
    if len(raw) <= SHORT and not raw.startswith(_ZIP):
        return read_here(raw, name)

    try:
        with Child("wiki_srv.articles.child_questions", LIMITS) as child:
            answer = msgspec.msgpack.decode(child.ask("files", name.encode(), raw), type=Archive)
    except TooMuch:
        raise Unreadable(f"The file takes more than {LIMITS.memory >> 20} MB of memory or {LIMITS.seconds} seconds to read.") from None
    if answer.unreadable:
        raise (Hostile if answer.hostile else Unreadable)(answer.unreadable)
    return answer.found, answer.others


def read_here(raw: bytes, name: str) -> tuple[list[Found], list[str]]:
    """See read(), which calls this in a limited child where the file is an archive or long."""
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
            found = list(_unpacked(archive, [entry for entry in wanted if entry.filename.lower().endswith(ENDINGS)]))
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


def _unpacked(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> Iterator[Found]:
    """One file after the other, counted as they come: what an entry says of its size is not believed."""
    left = LARGEST_SUM
    for entry in entries:
        with archive.open(entry) as file:
            raw = file.read(LARGEST_FILE + 1)
        if len(raw) > LARGEST_FILE:
            raise Hostile(f"{entry.filename} is larger than 4 MB.")
        left -= len(raw)
        if left < 0:
            raise Hostile(f"The ZIP file holds more than {LARGEST_SUM >> 20} MB of Markdown. Import it in parts.")
        yield Found(entry.filename, problem=TOO_LONG) if len(raw) > 4 * LONGEST_BODY else _found(entry.filename, raw)


def _hidden(path: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(path).parts)


def _found(path: str, raw: bytes) -> Found:
    try:
        text = decoded(raw)[0].replace("\r\n", "\n").replace("\r", "\n") if raw else ""
        front, body = _split(text)
    except yaml.YAMLError:
        return Found(path, problem="Its front matter is no YAML.")
    except RecursionError:
        return Found(path, problem="Its front matter is nested too deeply.")
    except _TooLong:
        return Found(path, problem=f"Its front matter is longer than {LONGEST_FRONT_MATTER:,} characters.")
    except (Unreadable, ValueError):
        return Found(path, problem="It is no text that can be read.")
    if len(body) > LONGEST_BODY:
        return Found(path, problem=TOO_LONG)
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
    if match is None:
        return {}, text
    if len(match["yaml"]) > LONGEST_FRONT_MATTER:
        if _LIKE_A_KEY.match(match["yaml"]):
            raise _TooLong
        return {}, text  # two rules with text between them
    values = yaml.load(match["yaml"], Loader=yaml.CBaseLoader)  # noqa: S506  the base loader makes texts, lists and maps only
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
    line = _FIRST_HEADING.match(body)
    heading = first_heading(line[1]) if line else ""
    if line and heading and (not title or heading.casefold() == title.casefold()):
        return title or heading, body[line.end() :].lstrip("\n")
    return title or re.sub(r"[-_]+", " ", PurePosixPath(path).stem), body
