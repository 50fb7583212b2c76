"""What the manuals say can be typed: every command of `hm` and every target of `make` they name exists, and links lead somewhere."""

import re
import shlex
from pathlib import Path

import click
import pytest

from hmlib.cli.main import hm

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def commands(page):
    """Lines of shell blocks, and inline code, that begin with hm or make."""
    text = page.read_text()
    lines = [line.strip() for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    lines += re.findall(r"`((?:\.venv/bin/)?(?:hm|make) [^`]+)`", text)
    for line in lines:
        line = re.sub(r"^(\w+=\S+\s+)*(\.venv/bin/)?", "", line.split(" #")[0].strip())
        if line.startswith(("hm ", "make ")):
            yield line


def known(words):
    """Follow an `hm` line's words down the command tree; the first word that is not there, or None."""
    command = hm
    for word in words:
        if not isinstance(command, click.Group) or not re.fullmatch(r"[a-z-]+", word) or word.startswith("-"):
            return None
        found = command.get_command(click.Context(command), word)
        if found is None:
            return word
        command = found
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_the_docs_exist(page):
    wrong = []
    for line in commands(page):
        words = shlex.split(re.sub(r"[…\[\]|].*", "", line), posix=True) if line.count('"') % 2 == 0 else line.split()
        if words[0] == "make" and words[1:] and words[1] not in TARGETS:
            wrong.append(line)
        if words[0] == "hm" and known(words[1:]) is not None:
            wrong.append(line)
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_files_that_the_docs_name_exist(page):
    named = set(re.findall(r"`((?:docs|tests|hmlib|static|bench)/[\w./-]+\.\w+)`", page.read_text()))
    assert not sorted(name for name in named if not (ROOT / name).exists())


def test_the_readme_shows_both_commands():
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert ["make demo"] in [block.strip().splitlines() for block in blocks]
    assert ["make test"] in [block.strip().splitlines() for block in blocks]


def test_the_manual_of_imports_lists_every_column():
    from nexus_srv.directory.import_columns import COLUMNS
    from treasury_srv.imports import files as billing

    rows = re.findall(r"^\| ([a-z-]+) \| \w+ \| (.*) \|$", (ROOT / "docs" / "imports.md").read_text(), re.MULTILINE)
    written = {kind: re.findall(r"\*{0,2}([a-z]+(?:_[a-z]+)*)\*{0,2}(?:,| \(|$)", columns) for kind, columns in rows if kind != "articles"}
    kinds = {**COLUMNS, **billing.KINDS}
    assert written.keys() == kinds.keys()
    for kind, columns in kinds.items():
        assert set(written[kind]) == {column.name for column in columns}, kind


def test_the_manual_of_imports_names_every_tool():
    from nexus_srv.directory.presets import PRESETS as directory
    from treasury_srv.imports.presets import PRESETS as labour

    page = (ROOT / "docs" / "imports.md").read_text()
    for preset in (*directory, *labour):
        rows = [line for line in page.splitlines() if line.startswith("| ") and preset.label.startswith(line.split("|")[1].strip())]
        assert rows and all(part.kind in rows[0] for part in preset.parts), preset.label
