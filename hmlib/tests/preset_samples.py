"""What a preset makes of its sample file, for the tests of each service."""

from pathlib import Path
from typing import Any

from hmlib.imports.presets import Preset
from hmlib.imports.reading import NOTHING, Said, headings_of, instructions
from hmlib.tables import files
from hmlib.tables.columns import Column
from hmlib.tables.rows import Row, Slice

ZONE = "America/Denver"


def sample(folder: Path, name: str, presets: tuple[Preset, ...], kinds: dict[str, tuple[Column, ...]], said: Said = NOTHING) -> Any:
    """The preset that the file is recognised as, and by kind its rows' values, its errors and its notes. The file is read unedited."""
    raw = (folder / f"{name}.csv").read_bytes()
    _, preset = headings_of(raw, (), presets)
    assert preset is not None
    found = {}
    for part in preset.parts:
        parts = list(files.slices(raw, instructions(name, kinds[part.kind], said, preset, part, zone=ZONE)))
        rows: list[Row] = [row for one in parts if isinstance(one, Slice) for row in one.rows]
        found[part.kind] = ([row.values for row in rows], [error for one in parts for error in one.errors], parts[-1].notes)
    return preset, found


def assert_sound(presets: tuple[Preset, ...], kinds: dict[str, tuple[Column, ...]]) -> None:
    """Every preset names kinds and columns that there are, is told apart from the others, and has a name of its own."""
    assert len({preset.name for preset in presets}) == len(presets)
    for preset in presets:
        assert len(preset.marks) >= 3 and preset.parts, preset.name
        for part in preset.parts:
            names = {column.name for column in kinds[part.kind]}
            assert set(part.columns) <= names, (preset.name, set(part.columns) - names)
