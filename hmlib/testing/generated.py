"""A client for a service as openapi-python-client makes it of the service's OpenAPI document."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

CONFIG = """post_hooks: []
content_type_overrides:
  text/csv: application/octet-stream
  application/vnd.openxmlformats-officedocument.spreadsheetml.sheet: application/octet-stream
"""


def python_client(document: dict[str, Any], folder: Path) -> None:
    """Make the client in a folder that is not there yet; its name is the package's. Raises AssertionError with what the generator says."""
    said = folder.with_suffix(".json")
    said.write_text(json.dumps(document))
    config = folder.with_suffix(".yml")
    config.write_text(CONFIG)
    generator = [str(Path(sys.executable).with_name("openapi-python-client")), "generate", "--meta", "none", "--fail-on-warning"]
    where = ["--path", str(said), "--output-path", str(folder), "--config", str(config)]
    done = subprocess.run([*generator, *where], capture_output=True, text=True)  # noqa: S603  our own words
    assert done.returncode == 0, done.stdout + done.stderr
