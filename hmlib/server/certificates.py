"""The local certificate authority and the server certificate it signs, so that HTTPS works from the first minute."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hmlib.config import BadSetting
from hmlib.private_files import write_privately

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
AUTHORITY_DAYS = 3650
SERVER_DAYS = 397  # what browsers accept from a public authority; a local one need not be laxer
RENEW_DAYS = 30
AUTHORITY_NAME = "HiveMatrix local CA"
REMEDY = "Put back what was there, bring it back with hm restore, or make new certificates: hm init --anew certificates."


@dataclass(frozen=True)
class Certificate:
    """A certificate and its private key."""

    cert: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def ensure(folder: Path, hosts: Iterable[str], now: datetime) -> list[str]:
    """Make what is missing in ``folder``: ca.pem, ca.key, server.pem and server.key (keys 0600).

    ``hosts`` are names and addresses beside the local ones. Each file is renewed when it expires within 30 days, and the
    server's also when a host is missing in it or its authority changed. Files that another authority signed are left
    alone. Returns one sentence for each thing made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if _is_foreign(folder / "server.pem"):
        return []
    made = []
    authority = _load(folder, "ca", now)
    if authority is None:
        authority = new_authority(now)
        _store(folder, "ca", authority, ())
        made.append(f"Made a local certificate authority: {folder / 'ca.pem'}")
    wanted = frozenset((*LOCAL_HOSTS, *(host.strip("[]").lower() for host in hosts)))
    server = _load(folder, "server", now)
    if server is None or not wanted <= names(server.cert) or not signed_by(server.cert, authority.cert):
        server = new_server(authority, wanted, now)
        _store(folder, "server", server, (authority.cert,))
        made.append(f"Made a server certificate for {', '.join(sorted(wanted))}")
    return made


def new_authority(now: datetime) -> Certificate:
    """A self-signed authority that may sign server certificates and nothing below them."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(f"{AUTHORITY_NAME} {now:%Y-%m-%d}")
    builder = _builder(subject, subject, key.public_key(), now, AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    return Certificate(builder.sign(key, hashes.SHA256()), key)


def new_server(authority: Certificate, hosts: Iterable[str], now: datetime) -> Certificate:
    """A server certificate for ``hosts`` (names and IP addresses), signed by ``authority``."""
    key = ec.generate_private_key(ec.SECP256R1())
    days = min(SERVER_DAYS, (authority.cert.not_valid_after_utc - now).days)
    builder = _builder(_name("HiveMatrix"), authority.cert.subject, key.public_key(), now, days)
    builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(host) for host in sorted(hosts)]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    return Certificate(builder.add_extension(issuer, critical=False).sign(authority.key, hashes.SHA256()), key)


def names(cert: x509.Certificate) -> frozenset[str]:
    """The host names and addresses a certificate is good for."""
    try:
        found = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset((*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))))


def signed_by(cert: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether the authority's key made this certificate's signature."""
    try:
        cert.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def days_left(file: Path, now: datetime) -> int:
    """Whole days until the certificate in ``file`` expires; negative when it has. Raises OSError or ValueError."""
    return (x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc - now).days


def check(folder: Path, noted: str | None) -> None:
    """Raises BadSetting when one of the files in ``folder`` is missing, broken, expired or another's.

    ``noted`` is the fingerprint of the authority that this suite has had; None before it has one, when nothing can be missing. A
    renewal makes a new server certificate in time; whatever else is gone is not made anew, as nobody would trust it.
    """
    if noted is None:
        return
    server = _read(folder, "server")
    authority = x509.load_pem_x509_certificate(_raw(folder, "ca.pem"))
    if not _is_local(server.issuer):
        return
    if fingerprint(folder / "ca.pem") != noted:
        raise BadSetting(f"HM_HOME holds {folder / 'ca.pem'}, which is not the authority of this suite. {REMEDY}")
    _read(folder, "ca")
    if not signed_by(server, authority):
        raise BadSetting(f"HM_HOME holds {folder / 'server.pem'}, which another authority has signed. {REMEDY}")


def fingerprint(file: Path) -> str:
    """SHA-256 (hex) of the certificate in ``file``. Raises OSError or ValueError."""
    return x509.load_pem_x509_certificate(file.read_bytes()).fingerprint(hashes.SHA256()).hex()


def put_aside(folder: Path, now: str) -> list[str]:
    """Rename the files in ``folder``, so that new ones are made and none is lost; their names. ``now`` tells when, in the new name."""
    there = [folder / name for name in ("ca.pem", "ca.key", "server.pem", "server.key") if (folder / name).exists()]
    for file in there:
        file.rename(file.with_name(f"{file.name}.until-{now}"))
    return [file.name for file in there]


def _read(folder: Path, stem: str) -> x509.Certificate:
    """The certificate, when its key belongs to it. Raises BadSetting."""
    pem, key_pem = _raw(folder, f"{stem}.pem"), _raw(folder, f"{stem}.key")
    try:
        cert = x509.load_pem_x509_certificate(pem)
        key = serialization.load_pem_private_key(key_pem, None)
    except (ValueError, TypeError) as error:
        raise BadSetting(f"HM_HOME holds {folder / stem}.pem and .key, one of which is broken. {REMEDY}") from error
    if cert.public_key() != key.public_key():
        raise BadSetting(f"HM_HOME holds {folder / stem}.key, which is not the key of {stem}.pem. {REMEDY}")
    return cert


def _raw(folder: Path, name: str) -> bytes:
    try:
        raw = (folder / name).read_bytes()
    except FileNotFoundError:
        raise BadSetting(f"HM_HOME has lost {folder / name}. {REMEDY}") from None
    if not raw.strip():
        raise BadSetting(f"HM_HOME holds {folder / name}, which is empty. {REMEDY}")
    return raw


def _is_foreign(file: Path) -> bool:
    """Whether an operator put a certificate of their own here."""
    return file.exists() and not _is_local(x509.load_pem_x509_certificate(file.read_bytes()).issuer)


def _is_local(issuer: x509.Name) -> bool:
    return any(str(part.value).startswith(AUTHORITY_NAME) for part in issuer.get_attributes_for_oid(NameOID.COMMON_NAME))


def _load(folder: Path, stem: str, now: datetime) -> Certificate | None:
    """The certificate and key, or None when absent, unreadable as PEM, not a pair, or soon to expire."""
    try:
        cert = x509.load_pem_x509_certificate((folder / f"{stem}.pem").read_bytes())
        key = serialization.load_pem_private_key((folder / f"{stem}.key").read_bytes(), None)
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or cert.public_key() != key.public_key():
        return None
    lasts = cert.not_valid_before_utc <= now < cert.not_valid_after_utc - timedelta(days=RENEW_DAYS)
    return Certificate(cert, key) if lasts else None


def _store(folder: Path, stem: str, made: Certificate, chain: Iterable[x509.Certificate]) -> None:
    pem = b"".join(cert.public_bytes(Encoding.PEM) for cert in (made.cert, *chain))
    write_privately(folder / f"{stem}.key", made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    write_privately(folder / f"{stem}.pem", pem, 0o644)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, days: int) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=days))
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host.encode("idna").decode())
