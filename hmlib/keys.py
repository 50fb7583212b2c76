"""Keys made from the service's master key: for marks that cannot be forged and for columns that cannot be read."""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hmlib.config import BadSetting

MASTER_BYTES = 32
NONCE_BYTES = 12


class Unsealable(Exception):
    """A sealed value does not open: changed, moved to another place, or sealed with another key."""


class Keys:
    """The keys of one service, each made from the master key for one purpose (HKDF-SHA256, RFC 5869).

    Two services with the same master key have nothing in common. Raises ValueError for a master key under 32 bytes.
    """

    def __init__(self, master: bytes, service: str) -> None:
        if len(master) < MASTER_BYTES:
            raise ValueError("the master key is too short")
        self._service = service
        self._derived = lru_cache(maxsize=256)(lambda purpose: _derive(master, f"hivematrix|{service}|{purpose}"))
        self._macs = lru_cache(maxsize=64)(lambda purpose: hmac.new(self._derived(f"mac {purpose}"), digestmod="sha256"))
        self._ciphers = lru_cache(maxsize=64)(lambda purpose: AESGCM(self._derived(purpose)))
        self.key_id = hashlib.sha256(self._derived("key id")).hexdigest()[:8]

    def mac(self, purpose: str, *parts: str) -> str:
        """HMAC-SHA256 of ``parts`` under the key for ``purpose``: 43 characters of base64url.

        Parts are counted in, so that ("ab", "c") and ("a", "bc") differ.
        """
        text = "".join(f"{len(part)}:{part}" for part in parts)
        keyed = self._macs(purpose).copy()
        keyed.update(text.encode("utf-8", "surrogatepass"))
        return _b64(keyed.digest())

    def seal(self, plain: bytes, *, table: str, column: str, row_id: str) -> str:
        """Encrypt ``plain`` (AES-256-GCM) for exactly this column of this row."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._cipher(table, column).encrypt(nonce, plain, self._place(table, column, row_id))
        return f"{self.key_id}.{_b64(nonce + sealed)}"

    def unseal(self, sealed: str, *, table: str, column: str, row_id: str) -> bytes:
        """What was sealed for this column of this row. Raises Unsealable for anything else."""
        key_id, _, text = sealed.partition(".")
        if key_id != self.key_id:
            raise Unsealable("sealed with another key")
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            return self._cipher(table, column).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], self._place(table, column, row_id))
        except (binascii.Error, ValueError, InvalidTag):
            raise Unsealable("the sealed value does not open here") from None

    def _cipher(self, table: str, column: str) -> AESGCM:
        return self._ciphers(f"seal {table}.{column}")

    def _place(self, table: str, column: str, row_id: str) -> bytes:
        return f"{self._service}|{table}|{column}|{row_id}|{self.key_id}".encode()


def load_master(path: Path) -> bytes:
    """The master key at ``path``. Raises BadSetting when it is missing, short, weak or open to others."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(4096).strip()
    except OSError:
        raise BadSetting(
            f"HM_MASTER_KEY_FILE names {path}, which cannot be read. Put the master key back; hm init makes one for a new suite only."
        ) from None
    if not stat.S_ISREG(mode) or mode & 0o077:
        raise BadSetting(f"HM_MASTER_KEY_FILE names {path}, which others may read: chmod 600 it.")
    try:
        master = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadSetting(f"HM_MASTER_KEY_FILE names {path}, which holds no base64 key.") from None
    if len(master) < MASTER_BYTES or len(set(master)) < MASTER_BYTES // 2:
        raise BadSetting(f"HM_MASTER_KEY_FILE names {path}, which holds less than 32 random bytes.")
    return master


def new_master(path: Path) -> bytes:
    """Write a new master key at ``path``, readable by its owner only. Raises FileExistsError rather than replace one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    master = secrets.token_bytes(MASTER_BYTES)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_b64(master).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    finally:
        draft.unlink()
    return master


def _derive(master: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose.encode()).derive(master)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
