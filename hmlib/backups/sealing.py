"""Closes and opens a backup in the age format (age-encryption.org/v1), so that `age -d` opens it without us."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pyrage

from hmlib.processes.operations import Failed

SHORTEST_PASSPHRASE = 12
TIMES_IN_MEMORY = 4
"""What the library holds at once for a passphrase, as measured: three and a quarter times the file."""


def refuse_without_memory(size: int, free: int) -> None:
    """Raises Failed when a backup of ``size`` bytes is more than ``free`` bytes of memory can take for a passphrase."""
    if size * TIMES_IN_MEMORY > free:
        raise Failed(
            f"A passphrase needs {size * TIMES_IN_MEMORY / 1e6:,.0f} MB of memory for this backup, and {free / 1e6:,.0f} MB are free. "
            "A backup for a recipient (--recipient age1…) needs hardly any."
        )


def free_memory() -> int:
    """How many bytes of memory a program may take now without others being pushed out; plenty where the system does not tell."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    except OSError:
        return sys.maxsize
    return int(lines["MemAvailable"].split()[0]) * 1024


class CannotOpen(Failed):
    """The file is no backup, is damaged, or another key or passphrase has closed it."""


@dataclass(frozen=True)
class Lock:
    """What closes backups: an age recipient (``age1…``), whose secret is elsewhere, or else a passphrase."""

    recipient: str = ""
    passphrase: str = ""

    def check(self) -> None:
        """Raises Failed for what closes nothing."""
        if self.recipient:
            self._recipient()
        elif len(self.passphrase) < SHORTEST_PASSPHRASE:
            raise Failed(f"The passphrase of a backup needs at least {SHORTEST_PASSPHRASE} characters.")

    def close(self, plain: Path, sealed: Path) -> None:
        """Write ``plain``, encrypted, to the new file ``sealed``.

        Reads in pieces for a recipient; for a passphrase the whole is held in memory, as the library offers nothing else. Raises OSError.
        """
        with sealed.open("xb") as out:
            sealed.chmod(0o600)
            if self.recipient:
                with plain.open("rb") as source:
                    pyrage.encrypt_io(source, out, [self._recipient()])
            else:
                refuse_without_memory(plain.stat().st_size, free_memory())
                out.write(pyrage.passphrase.encrypt(plain.read_bytes(), self.passphrase))

    def _recipient(self) -> "pyrage.x25519.Recipient":
        try:
            return pyrage.x25519.Recipient.from_str(self.recipient)
        except pyrage.RecipientError as error:
            raise Failed("The recipient is no age recipient: it begins with age1, as age-keygen prints it.") from error


@dataclass(frozen=True)
class Key:
    """What opens backups: the text of an age identity file, or else a passphrase."""

    identities: str = ""
    passphrase: str = ""

    def open(self, sealed: Path, plain: Path) -> None:
        """Write what is in ``sealed`` to the new file ``plain``. Raises CannotOpen; then nothing of ``plain`` may be used."""
        with plain.open("xb") as out:
            plain.chmod(0o600)
            try:
                if self.identities:
                    with sealed.open("rb") as source:
                        pyrage.decrypt_io(source, out, self._identities())
                else:
                    refuse_without_memory(sealed.stat().st_size, free_memory())
                    out.write(pyrage.passphrase.decrypt(sealed.read_bytes(), self.passphrase))
            except (pyrage.DecryptError, OSError, ValueError) as error:
                raise CannotOpen(f"{sealed} does not open: it is damaged or cut short, or that is not its key ({error}).") from error

    def _identities(self) -> "list[pyrage.x25519.Identity]":
        lines = [line.strip() for line in self.identities.splitlines() if line.strip() and not line.startswith("#")]
        try:
            return [pyrage.x25519.Identity.from_str(line) for line in lines]
        except pyrage.IdentityError as error:
            raise CannotOpen("The identity file holds no age identity: a line that begins with AGE-SECRET-KEY-1.") from error
