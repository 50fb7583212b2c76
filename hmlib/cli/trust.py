"""`hm trust`: makes this machine and its browsers accept the suite's certificates."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from hmlib.config import HUB, load
from hmlib.processes.operations import Failed

NAME = "HiveMatrix local CA"
FILE = "hivematrix-local-ca.crt"
STORES = (
    (Path("/usr/local/share/ca-certificates"), ("update-ca-certificates",)),
    (Path("/etc/pki/ca-trust/source/anchors"), ("update-ca-trust",)),
    (Path("/etc/ca-certificates/trust-source/anchors"), ("update-ca-trust",)),
)


@click.command()
def trust() -> None:
    """Trust the local certificate authority on this machine, or say how."""
    authority = load(HUB, os.environ).ca_file
    if not authority.exists():
        raise Failed("There is no local certificate authority yet. Run hm init first.")
    for sentence in (system(authority), *browsers(authority, Path.home())):
        click.echo(sentence)


def system(authority: Path) -> str:
    """Put the authority into the system's store where we may; what was done, or what to do."""
    if sys.platform == "darwin":
        return f"Run: sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain {authority}"
    for folder, command in STORES:
        if folder.is_dir() and shutil.which(command[0]):
            if not os.access(folder, os.W_OK):
                return f"Run as root: cp {authority} {folder / FILE} && {command[0]}"
            shutil.copyfile(authority, folder / FILE)
            _run(command)
            return f"The system trusts {authority} now."
    return f"This system's certificate store is not known here: add {authority} to it by hand."


def browsers(authority: Path, home: Path) -> list[str]:
    """Put the authority into the stores of Chromium and Firefox of this user; one sentence each."""
    stores = [home / ".pki" / "nssdb", *(file.parent for file in (home / ".mozilla" / "firefox").glob("*/cert9.db"))]
    certutil = shutil.which("certutil")
    if certutil is None:
        return [f"For browsers, install certutil (Debian: libnss3-tools) and run hm trust again, or import {authority} in their settings."]
    return [_into_nss(certutil, store, authority) for store in stores]


def _into_nss(certutil: str, store: Path, authority: Path) -> str:
    store.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (store / "cert9.db").exists():
        _run((certutil, "-N", "-d", f"sql:{store}", "--empty-password"))
    subprocess.run((certutil, "-D", "-d", f"sql:{store}", "-n", NAME), capture_output=True, check=False)  # noqa: S603  an older one, if any
    _run((certutil, "-A", "-d", f"sql:{store}", "-n", NAME, "-t", "C,,", "-i", str(authority)))
    return f"The browsers that use {store} trust {authority} now; restart them."


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  fixed programs
    if done.returncode:
        raise Failed(f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
