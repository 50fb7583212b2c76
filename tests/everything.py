"""`make test` and `make test-faults`: every test, or every fault for long; what could not run is said in red, and fails on CI."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

APART = "journey or browser or npm"
ALONE = ["-m", f"not ({APART})"]
DATABASE = [f"hmlib/tests/test_{name}.py" for name in ("db", "db_sqlite", "migrate", "audit", "list_query")]


def has_postgresql():
    return bool(shutil.which("initdb") or list(Path("/usr/lib/postgresql").glob("*/bin/initdb")))


def has_chromium():
    return bool(shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome"))


def has_npm():
    return bool(shutil.which("node") and Path(__file__).with_name("npm").joinpath("node_modules").exists())


# Beside each other, as they are most of the work and each keeps one core busy; the rest one after the other, as it watches real processes.
TOGETHER = ("on SQLite", "on PostgreSQL")
PARTS = [
    ("on SQLite", ALONE, {}, lambda: True, ""),
    ("on PostgreSQL", ALONE, {"HM_TEST_DB": "postgresql"}, has_postgresql, "PostgreSQL is not installed (Debian: postgresql)"),
    ("the database through APSW", [*ALONE, *DATABASE], {"HM_SQLITE": "apsw"}, lambda: True, ""),
    ("with real processes", ["-m", "journey and not browser"], {}, lambda: True, ""),
    ("types for TypeScript", ["-m", "npm"], {}, has_npm, "npm is not installed, or could not install tests/npm (Debian: npm)"),
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
    able = [part for part in parts if part[3]()]
    missing = [f"{name}: not run, {why}" for name, _, _, can_run, why in parts if not can_run()]
    beside = [part for part in able if part[0] in TOGETHER]
    failed = run_together(beside) + [name for part in able if part not in beside for name in run_together([part])]
    for sentence in [f"{name}: failed" for name in failed] + missing:
        print(f"\033[31m{sentence}\033[0m")
    return 1 if failed or (missing and os.environ.get("CI") == "true") else 0


def run_together(parts):
    """Run these at the same time; the first one's output is seen as it comes, the others' when they are done. The names of what failed."""
    began, failed = time.monotonic(), []
    with contextlib.ExitStack() as stack:
        running = []
        for place, (name, arguments, environ, _, _) in enumerate(parts):
            out = stack.enter_context(tempfile.TemporaryFile()) if place else None
            print(f"== {name}" + (", beside it" if place else ""), flush=True)
            command = [sys.executable, "-m", "pytest", "-q", *arguments]
            process = subprocess.Popen(command, env={**os.environ, **environ}, stdout=out, stderr=subprocess.STDOUT if out else None)
            running.append((name, process, out))
        for name, process, out in running:
            code = process.wait()
            if out:
                out.seek(0)
                print(f"== {name}\n{out.read().decode(errors='replace')}", flush=True)
            print(f"== {name}: {time.monotonic() - began:.0f} s", flush=True)
            failed += [name] if code not in (0, NO_TESTS) else []
    return failed


if __name__ == "__main__":
    sys.exit(main(FAULTS if sys.argv[1:] == ["faults"] else PARTS))
