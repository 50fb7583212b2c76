"""docs/new-module.md builds a module; here its files are written down and its tests are run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "new-module.md").read_text()
FILES = re.findall(r"^`(helpdesk_srv/[\w./]+)`\n\n```\w+\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def checkout(tmp_path):
    for name, text in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for name in ("hmlib", "static"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider --async-test-timeout=30\nmarkers = gen_test\n")
    return tmp_path


def run(checkout, *command):
    environ = {**os.environ, "PYTHONPATH": str(checkout), "HM_MODULES": "helpdesk=https://localhost:5004"}
    return subprocess.run([sys.executable, *command], cwd=checkout, env=environ, capture_output=True, text=True, timeout=120)


def test_the_module_of_the_docs_passes_its_own_tests(checkout):
    done = run(checkout, "-m", "pytest", "-q", "helpdesk_srv")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout


def test_the_module_of_the_docs_has_the_house_shape(checkout):
    from tests.test_shape import SHAPE

    assert {path.name for path in (checkout / "helpdesk_srv").iterdir()} >= SHAPE


def test_the_module_of_the_docs_is_well_formed_and_typed(checkout):
    settings = ["--config-file", str(ROOT / "pyproject.toml")]
    assert "All checks passed" in run(checkout, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), "helpdesk_srv").stdout
    done = run(checkout, "-m", "mypy", *settings, "--strict", "helpdesk_srv")
    assert done.returncode == 0, done.stdout
