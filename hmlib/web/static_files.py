"""Serves the files of static/ under names that hold their own hash: read and compressed at the start, kept by browsers for ever."""

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from tornado.routing import URLSpec
from tornado.web import HTTPError, RequestHandler, url

from hmlib.web.headers import CLOSED_POLICY, every_answer

FOLDER = Path(__file__).parent.parent.parent / "static"
ADDRESS = re.compile(r"/static/([0-9a-f]{16})/(.+)")
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
SMALLEST_GAIN = 0.9


@dataclass(frozen=True)
class StaticFile:
    """A file as it is sent: `packed` holds it by content encoding, the smallest first, where compression pays."""

    digest: str
    kind: str
    plain: bytes
    packed: Mapping[str, bytes]


@cache
def static_files() -> Mapping[str, StaticFile]:
    """The files under static/ by name, such as ``vendor/htmx/htmx.min.js``: read and compressed once, when an application is made.

    What is served is this list and nothing else, so that no address a stranger makes up reads, hashes, compresses or keeps anything.
    """
    files = sorted(file for file in FOLDER.rglob("*") if file.suffix in TYPES and file.is_file())
    return MappingProxyType({file.relative_to(FOLDER).as_posix(): _read(file) for file in files})


def static_url(path: str) -> str:
    """The address of a file under static/, with its hash in it; FileNotFoundError where there is no such file."""
    file = static_files().get(path)
    if file is None:
        raise FileNotFoundError(f"static/{path}")
    return f"/static/{file.digest}/{path}"


def routes() -> list[URLSpec]:
    """The addresses of the files, for every application."""
    return [url(r"/static/.*", StaticFiles, {"files": static_files()})]


class StaticFiles(RequestHandler):
    """GET /static/<hash>/<path>: needs no session; an address with an older hash answers today's file, uncached."""

    def initialize(self, files: Mapping[str, StaticFile]) -> None:
        self._files = files

    def set_default_headers(self) -> None:
        for name, value in every_answer(self.request.host_name).items():
            self.set_header(name, value)
        self.set_header("Content-Security-Policy", CLOSED_POLICY)

    async def get(self) -> None:
        """Answers the file, compressed where the browser takes gzip. Its name is compared as it was sent: a file has one address."""
        address = ADDRESS.fullmatch(self.request.path)
        file = self._files.get(address[2]) if address else None
        if address is None or file is None:
            raise HTTPError(404)
        self.set_header("Content-Type", file.kind)
        self.set_header("Cache-Control", "public, max-age=31536000, immutable" if address[1] == file.digest else "no-store")
        self._digest = file.digest
        self.set_header("Vary", "Accept-Encoding")
        self._send(file)

    head = get

    def compute_etag(self) -> str | None:
        """The hash of the file: Tornado asks for it to answer If-None-Match."""
        return f'"{self._digest}"'

    def write_error(self, status_code: int, **_: object) -> None:
        """A line of text: nobody reads an error of a style sheet."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        if status_code == 405:
            self.set_header("Allow", "GET, HEAD")
        self.finish(f"{status_code}\n")

    def log_exception(self, *_: object) -> None:
        """Nothing: a file that is not there is told by the request's own line, which does not quote the address."""

    def _send(self, file: StaticFile) -> None:
        taken = [part.strip().lower() for part in self.request.headers.get("Accept-Encoding", "").split(",")]
        encoding = next((name for name in file.packed if name in taken), None)
        if encoding:
            self.set_header("Content-Encoding", encoding)
        self.finish(file.packed[encoding] if encoding else file.plain)


def _read(file: Path) -> StaticFile:
    """Python cannot make Brotli, so that stands beside the file, as `<name>.br`, where somebody has made it."""
    plain = file.read_bytes()
    brotli = file.with_name(file.name + ".br")
    packed = {"br": brotli.read_bytes()} if brotli.is_file() else {}
    packed["gzip"] = gzip.compress(plain, 9, mtime=0)
    pays = {name: data for name, data in packed.items() if len(data) < len(plain) * SMALLEST_GAIN}
    return StaticFile(hashlib.sha256(plain).hexdigest()[:16], TYPES[file.suffix], plain, pays)
