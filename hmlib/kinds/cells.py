"""What lists and files show of a record: its values as people read them, and the cells that an import reads again."""

from collections.abc import Mapping
from typing import Any

from hmlib.kinds.resource import Field, Resource
from hmlib.kinds.types import Reference


def words(fmt: Any, field: Field, value: Any, names: Mapping[str, str]) -> str:
    """A value as people read it; ``fmt`` is the reader's rendering.Formats, ``names`` what is called how by id."""
    if isinstance(field.value, Reference):
        return names.get(value or "", value or "")
    if field.value.widget == "date":
        return str(fmt.date(value))
    if field.value.widget == "datetime-local":
        return str(fmt.datetime(value))
    return field.value.words(value)


def file_header(of: Resource[Any]) -> list[str]:
    """The columns of the kind's files: a company stands there by its account number."""
    return [file_name(name, field) for name, (_, field) in of.by_name.items() if field.told]


def file_name(name: str, field: Field) -> str:
    """What a field is called in files."""
    return "company_account_number" if isinstance(field.value, Reference) and name == "company_id" else name


def file_row(of: Resource[Any], row: Mapping[str, Any], numbers: Mapping[str, str]) -> list[object]:
    """The cells of a row under file_header(): as the import reads them again."""
    cells: list[object] = []
    for attribute, field in of.fields.items():
        if field.told:
            value = row[attribute]
            cells.append(numbers.get(value or "", value) if isinstance(field.value, Reference) else field.value.cell(value))
    return cells
