"""`make test` and `make test-faults`: every test, or every fault for long; what could not run is said in red, and fails on CI."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

APART = "journey or browser"
ALONE = ["-m", f"not ({APART})"]
DATABASE = [f"hmlib/tests/test_{name}.py" for name in ("db", "db_sqlite", "migrate", "audit", "lists")]


def has_postgresql():
    return bool(shutil.which("initdb") or list(Path("/usr/lib/postgresql").glob("*/bin/initdb")))


def has_chromium():
    return bool(shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome"))


PARTS = [
    ("on SQLite", ALONE, {}, lambda: True, ""),
    ("on PostgreSQL", ALONE, {"HM_TEST_DB": "postgresql"}, has_postgresql, "PostgreSQL is not installed (Debian: postgresql)"),
    ("the database through APSW", [*ALONE, *DATABASE], {"HM_SQLITE": "apsw"}, lambda: True, ""),
    ("with real processes", ["-m", "journey and not browser"], {}, lambda: True, ""),
    ("in Chromium", ["-m", "browser"], {}, has_chromium, "Chromium is not installed (Debian: chromium)"),
]
FAULTS = [
    ("faults on SQLite", ["-m", "fault"], {"HM_TEST_FAULTS": "full"}, lambda: True, ""),
    (
        "faults on PostgreSQL",
        ["-m", "fault"],
        {"HM_TEST_FAULTS": "full", "HM_TEST_DB": "postgresql"},
        has_postgresql,
        "PostgreSQL is not installed (Debian: postgresql)",
    ),
]
NO_TESTS = 5


def main(parts):
    failed, missing = [], []
    for name, arguments, environ, can_run, why in parts:
        if not can_run():
            missing.append(f"{name}: not run, {why}")
            continue
        print(f"== {name}", flush=True)
        began = time.monotonic()
        code = subprocess.run([sys.executable, "-m", "pytest", "-q", *arguments], env={**os.environ, **environ}, check=False).returncode
        print(f"== {name}: {time.monotonic() - began:.0f} s", flush=True)
        if code not in (0, NO_TESTS):
            failed.append(f"{name}: failed")
    for sentence in failed + missing:
        print(f"\033[31m{sentence}\033[0m")
    return 1 if failed or (missing and os.environ.get("CI") == "true") else 0


if __name__ == "__main__":
    sys.exit(main(FAULTS if sys.argv[1:] == ["faults"] else PARTS))
