"""The socket a process listens on and the TLS it speaks there."""

import os
import resource
import socket
import ssl
import stat

from tornado.netutil import bind_sockets

from hmlib.config import BadSetting, Settings
from hmlib.server.http_server import MAX_CONNECTIONS

BACKLOG = 1024
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


def sockets(settings: Settings) -> list[socket.socket]:
    """The listening socket that supervisord handed over as descriptor 0, or one of our own on HM_BIND and the service's port.

    Raises BadSetting when the port is taken.
    """
    allow_descriptors(2 * MAX_CONNECTIONS)
    handed = _handed_over()
    if handed is not None:
        return [handed]
    try:
        return bind_sockets(settings.port, settings.bind, backlog=BACKLOG)
    except OSError as error:
        name = f"HM_{settings.service.upper()}_PORT"
        raise BadSetting(f"{name} is {settings.port} on {settings.bind}, which cannot be opened: {error.strerror}.") from error


def _handed_over() -> socket.socket | None:
    """Descriptor 0 when it is a listening socket. It is moved away, so that no child process inherits it."""
    if not stat.S_ISSOCK(os.fstat(0).st_mode):
        return None
    handed = socket.socket(fileno=os.dup(0))
    if not handed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        handed.close()
        return None
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    handed.setblocking(False)
    return handed


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """TLS 1.2 with forward secrecy, or 1.3; None when HM_TLS is off. Raises BadSetting when the certificate cannot be used."""
    if not settings.tls:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    except (OSError, ssl.SSLError) as error:
        raise BadSetting(f"HM_HOME has no usable certificate in {settings.cert_file.parent}: run hm init, or set HM_TLS=off.") from error
    return context


def allow_descriptors(wanted: int) -> None:
    """Raise this process's own limit of open files towards ``wanted``, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
