"""`make test`: every test, in named parts; what could not run here is said in red at the end, and fails on CI."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

APART = "journey or browser"
ALONE = ["-m", f"not ({APART})"]


def has_postgresql():
    return bool(shutil.which("initdb") or list(Path("/usr/lib/postgresql").glob("*/bin/initdb")))


def has_chromium():
    return bool(shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome"))


PARTS = [
    ("on SQLite", ALONE, {}, lambda: True, ""),
    ("on PostgreSQL", ALONE, {"HM_TEST_DB": "postgresql"}, has_postgresql, "PostgreSQL is not installed (Debian: postgresql)"),
    ("with real processes", ["-m", "journey and not browser"], {}, lambda: True, ""),
    ("in Chromium", ["-m", "browser"], {}, has_chromium, "Chromium is not installed (Debian: chromium)"),
]
NO_TESTS = 5


def main():
    failed, missing = [], []
    for name, arguments, environ, can_run, why in PARTS:
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
    sys.exit(main())
