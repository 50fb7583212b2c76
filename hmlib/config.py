"""What a process must know before it starts, read once from the environment and refused by name when wrong."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HUB = "nexus"
DEFAULT_PORTS = {"nexus": "5000", "treasury": "5002", "wiki": "5003"}
DEFAULT_MODULES = ("wiki", "treasury")
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]", "::1")
BAD_CONFIGURATION = 78  # sysexits.h EX_CONFIG: the exit code of every process and command that raises BadSetting; supervisord.conf knows it


class BadSetting(Exception):
    """A setting is missing or wrong; the text is one sentence that names the variable."""


@dataclass(frozen=True)
class Module:
    """A service of the suite beside Nexus: its name (also its OAuth client id) and its public origin."""

    name: str
    origin: str

    @property
    def title(self) -> str:
        return self.name.capitalize()


@dataclass(frozen=True)
class Settings:
    """Everything one service takes from its environment."""

    service: str
    home: Path
    bind: str
    port: int
    origin: str
    nexus_url: str
    db_url: str
    modules: tuple[Module, ...]
    master_key_file: Path
    password_login: bool
    log: str
    tls: bool
    metrics_port: int
    trusted_proxies: tuple[str, ...] = ()
    sqlite: str = "auto"
    epoch: str = ""
    """Not from the environment: what the database says at the start, a part of every ETag."""

    @property
    def cookie(self) -> str:
        return f"__Host-hm_{self.service}"

    @property
    def title(self) -> str:
        return self.service.capitalize()

    @property
    def db_variable(self) -> str:
        """The variable that ``db_url`` comes from."""
        return f"HM_{self.service.upper()}_DB"

    @property
    def ca_file(self) -> Path:
        return self.home / "tls" / "ca.pem"

    @property
    def authority(self) -> Any:
        """The suite's own authority as curl takes it: its path in bytes, as pycurl refuses a str with letters outside ASCII; None where
        there is none."""
        return os.fsencode(self.ca_file) if self.ca_file.exists() else None

    @property
    def cert_file(self) -> Path:
        return self.home / "tls" / "server.pem"

    @property
    def key_file(self) -> Path:
        return self.home / "tls" / "server.key"

    @property
    def client_file(self) -> Path:
        return self.home / "keys" / f"{self.service}-client.json"

    @property
    def hosts(self) -> frozenset[str]:
        """Host names a request may be addressed to: the public origin's, and loopback for local checks."""
        return frozenset({urlsplit(self.origin).hostname or "", *LOOPBACK_NAMES})


def load(service: str, environ: Mapping[str, str]) -> Settings:
    """Read the settings of ``service``.

    Raises BadSetting, naming the variable, for the first value that cannot be used.
    """
    home = _home(environ)
    modules = _modules(environ)
    port = _port(service, environ, modules)
    return Settings(
        service=service,
        home=home,
        bind=environ.get("HM_BIND") or "127.0.0.1",
        port=port,
        origin=own_origin(service, environ, modules),
        nexus_url=_origin(f"HM_{HUB.upper()}_URL", environ, f"https://localhost:{_port(HUB, environ, modules)}"),
        db_url=_db_url(f"HM_{service.upper()}_DB", environ, home / f"{service}.db"),
        modules=modules,
        master_key_file=Path(environ.get("HM_MASTER_KEY_FILE") or home / "keys" / "master.key"),
        password_login=_switch("HM_PASSWORD_LOGIN", environ, default=True),
        log=_choice("HM_LOG", environ, ("auto", "json", "text")),
        tls=_switch("HM_TLS", environ, default=True),
        metrics_port=_number(f"HM_{service.upper()}_METRICS_PORT", environ, port + 4000),
        trusted_proxies=_addresses("HM_TRUSTED_PROXIES", environ),
        sqlite=_choice("HM_SQLITE", environ, ("auto", "pysqlite3", "sqlite3", "apsw")),
    )


def _home(environ: Mapping[str, str]) -> Path:
    home = Path(environ.get("HM_HOME") or "var").resolve()
    if not str(home).isprintable():
        raise BadSetting(f"HM_HOME names {str(home)!r}: its path must be text that can be read, in UTF-8 and without line breaks.")
    return home


def own_origin(service: str, environ: Mapping[str, str], modules: tuple[Module, ...]) -> str:
    """The public origin of one service: its own variable, its item of HM_MODULES, or localhost on its port."""
    listed = {module.name: module.origin for module in modules}
    if service in listed:
        return listed[service]
    return _origin(f"HM_{service.upper()}_URL", environ, f"https://localhost:{_port(service, environ, modules)}")


def _modules(environ: Mapping[str, str]) -> tuple[Module, ...]:
    text = environ.get("HM_MODULES", "").strip()
    if not text:
        return tuple(
            Module(name, _origin(f"HM_{name.upper()}_URL", environ, f"https://localhost:{_port(name, environ, ())}"))
            for name in DEFAULT_MODULES
        )
    modules = tuple(_module(item.strip()) for item in text.split(",") if item.strip())
    names = [module.name for module in modules]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadSetting(f"HM_MODULES names {twice} twice: each module has one address.")
    return modules


def _module(item: str) -> Module:
    name, _, url = item.partition("=")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", name) or name == HUB:
        raise BadSetting(f"HM_MODULES has an item {item!r}: write name=https://host:port, the name in lower case.")
    return Module(name, _checked_origin("HM_MODULES", url))


def _port(service: str, environ: Mapping[str, str], modules: tuple[Module, ...]) -> int:
    listed = {module.name: urlsplit(module.origin).port for module in modules}
    default = DEFAULT_PORTS.get(service) or str(listed.get(service) or "")
    name = f"HM_{service.upper()}_PORT"
    if not (environ.get(name) or default):
        raise BadSetting(f"{name} is not set, and HM_MODULES gives no port for {service}.")
    return _number(name, environ, int(default or 0))


def _number(name: str, environ: Mapping[str, str], default: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise BadSetting(f"{name} is {text!r}: it must be a port from 1 to 65535.")
    return int(text)


def _origin(name: str, environ: Mapping[str, str], default: str) -> str:
    return _checked_origin(name, environ.get(name) or default)


def _checked_origin(name: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if not host or parts.scheme not in ("http", "https") or parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise BadSetting(f"{name} holds {url!r}: it must be an origin such as https://wiki.example.com.")
    if parts.scheme == "http" and host not in LOOPBACK_NAMES:
        raise BadSetting(f"{name} holds {url!r}: outside loopback it must begin with https://.")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _db_url(name: str, environ: Mapping[str, str], default: Path) -> str:
    url = environ.get(name) or f"sqlite:///{default}"
    if not url.startswith(("sqlite:///", "postgresql://")):
        raise BadSetting(f"{name} must begin with sqlite:/// or postgresql://.")
    return url


def _addresses(name: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    try:
        return tuple(str(ip_address(part.strip())) for part in environ.get(name, "").split(",") if part.strip())
    except ValueError:
        raise BadSetting(f"{name} is {environ[name]!r}: it must hold IP addresses with commas between them.") from None


def _switch(name: str, environ: Mapping[str, str], *, default: bool) -> bool:
    text = (environ.get(name) or ("on" if default else "off")).lower()
    if text not in ("on", "off"):
        raise BadSetting(f"{name} is {text!r}: it must be on or off.")
    return text == "on"


def _choice(name: str, environ: Mapping[str, str], choices: tuple[str, ...]) -> str:
    text = environ.get(name) or choices[0]
    if text not in choices:
        raise BadSetting(f"{name} is {text!r}: it must be one of {', '.join(choices)}.")
    return text
