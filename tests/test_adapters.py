"""The libraries whose inside we use are the versions that it was read in, and nobody else reaches into another object's private parts."""

import ast
import importlib
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parent.parent
ADAPTERS = {
    "aiosqlite": "hmlib.adapters.aiosqlite",
    "prometheus-client": "hmlib.metrics",
    "pyjwt": "hmlib.adapters.pyjwt",
    "supervisor": "hmlib.processes.supervisor",
    "tornado": "hmlib.adapters.tornado",
}


def ranges():
    """What pyproject.toml takes of each library."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return {requirement.name: requirement.specifier for requirement in map(Requirement, declared)}


def wrong(taken, read_against, installed):
    """What is not as it must be: the range ends before the next release, begins where its inside was read, and holds what is installed."""
    return [
        sentence
        for sentence, good in (
            ("the range has no end", any(one.operator in ("<", "==") for one in taken)),
            (f"it was read against {read_against}, which the range leaves out", taken.contains(read_against)),
            (f"{installed} is installed, which the range leaves out", taken.contains(installed)),
        )
        if not good
    ]


@pytest.mark.parametrize("library", ADAPTERS)
def test_a_library_whose_inside_we_use_is_the_one_that_was_read(library):
    read_against = importlib.import_module(ADAPTERS[library]).READ_AGAINST
    assert not wrong(ranges()[library], read_against, version(library))


@pytest.mark.parametrize(
    ("taken", "read_against", "installed"), [(">=1.0", "1.0", "1.0"), (">=1.1,<1.2", "1.0", "1.1"), (">=1.0,<1.1", "1.0", "1.1.0")]
)
def test_control_a_library_that_went_on_is_seen(taken, read_against, installed):
    assert len(wrong(SpecifierSet(taken), read_against, installed)) == 1


DOCUMENTED = {"_replace", "_exit"}


def reached_into(tree):
    """Lines that name a private attribute of another object than self, which is not of this module either."""
    own = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self"}
    own |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and node.attr not in own | DOCUMENTED
        and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
        and not (isinstance(node.value, ast.Call) and ast.unparse(node.value) == "super()")
    ]


def test_only_adapters_reach_into_private_parts():
    homes = {ROOT / (name.replace(".", "/") + ".py") for name in ADAPTERS.values()}
    files = [path for folder in ("hmlib", "nexus_srv", "treasury_srv", "wiki_srv") for path in sorted((ROOT / folder).rglob("*.py"))]
    sources = [path for path in files if "tests" not in path.parts and path not in homes]
    assert len(sources) > 200
    assert not [f"{path.relative_to(ROOT)}:{line}" for path in sources for line in reached_into(ast.parse(path.read_text()))]


def test_control_reaching_in_is_seen():
    assert reached_into(ast.parse("self._own\nsuper()._own\nother._private\nself.part._private\n")) == [3, 4]
