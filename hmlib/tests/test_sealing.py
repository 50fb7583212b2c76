"""What closes and opens a backup: the age format, with its own program as the judge."""

import os
import pty
import shutil
import subprocess

import pyrage
import pytest

from hmlib.backups import sealing
from hmlib.backups.sealing import CannotOpen, Key, Lock
from hmlib.processes.operations import Failed

PHRASE = "seven orange tractors"
IDENTITY = pyrage.x25519.Identity.generate()
PAIRS = {
    "recipient": (Lock(str(IDENTITY.to_public())), Key(f"# created: today\n{IDENTITY}\n")),
    "passphrase": (Lock(passphrase=PHRASE), Key(passphrase=PHRASE)),
}


@pytest.fixture
def plain(tmp_path):
    file = tmp_path / "plain"
    file.write_bytes(os.urandom(200_000))
    return file


@pytest.mark.parametrize("how", PAIRS)
def test_what_is_closed_opens_again_and_only_whole(plain, tmp_path, how):
    lock, key = PAIRS[how]
    sealed, out = tmp_path / "sealed", tmp_path / "out"
    lock.close(plain, sealed)
    assert sealed.stat().st_mode & 0o077 == 0 and sealed.read_bytes().startswith(b"age-encryption.org/v1\n")
    key.open(sealed, out)
    assert out.read_bytes() == plain.read_bytes() and out.stat().st_mode & 0o077 == 0
    raw = sealed.read_bytes()
    for number, broken in enumerate((raw[:-1], raw[:-70_000], raw[:100_000] + bytes([raw[100_000] ^ 1]) + raw[100_001:], b"")):
        sealed.write_bytes(broken)
        with pytest.raises(CannotOpen):
            key.open(sealed, tmp_path / f"out-{number}")


def test_another_key_opens_nothing(plain, tmp_path):
    for how, (lock, _) in PAIRS.items():
        lock.close(plain, tmp_path / how)
        for number, other in enumerate((Key(str(pyrage.x25519.Identity.generate())), Key(passphrase="another phrase here"))):
            with pytest.raises(CannotOpen):
                other.open(tmp_path / how, tmp_path / f"{how}-{number}")


@pytest.mark.parametrize("lock", [Lock("age1nonsense"), Lock("ssh-rsa x"), Lock(passphrase="too short"), Lock()])
def test_what_closes_nothing_is_refused(lock):
    with pytest.raises(Failed):
        lock.check()


@pytest.mark.skipif(shutil.which("age") is None, reason="the program age is not installed")
def test_the_program_age_opens_it_with_identity_and_with_passphrase(plain, tmp_path):
    for how, (lock, _) in PAIRS.items():
        lock.close(plain, tmp_path / how)
    (tmp_path / "identity").write_text(f"{IDENTITY}\n")
    done = subprocess.run(["age", "-d", "-i", tmp_path / "identity", tmp_path / "recipient"], capture_output=True, check=True)
    assert done.stdout == plain.read_bytes()
    terminal, own = pty.openpty()
    age = subprocess.Popen(
        ["age", "-d", "-o", tmp_path / "opened", tmp_path / "passphrase"], stdin=own, stdout=own, stderr=own, start_new_session=True,
        preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0),
    )  # fmt: skip
    os.write(terminal, f"{PHRASE}\n".encode())
    assert age.wait(60) == 0
    assert (tmp_path / "opened").read_bytes() == plain.read_bytes()
    os.close(own)
    os.close(terminal)


def test_a_passphrase_is_refused_where_memory_is_short():
    sealing.refuse_without_memory(100, 400)
    with pytest.raises(Failed, match="--recipient"):
        sealing.refuse_without_memory(100, 399)
    assert sealing.free_memory() > 0
