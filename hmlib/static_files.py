"""Serves the files of static/ under names that hold their own hash, compressed once and cached for ever."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tornado.web import HTTPError, RequestHandler

from hmlib.headers import CLOSED_POLICY, every_answer

FOLDER = Path(__file__).parent.parent / "static"
ROUTE = r"/static/([0-9a-f]{16})/([\w./-]+)"
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
def static_file(path: str) -> StaticFile | None:
    """The file of that name under static/, read and compressed once a process; None where there is none.

    Python cannot make Brotli, so that stands beside the file, as `<name>.br`, where somebody has made it.
    """
    file = (FOLDER / path).resolve()
    if not file.is_relative_to(FOLDER.resolve()) or not file.is_file() or file.suffix not in TYPES:
        return None
    plain = file.read_bytes()
    brotli = file.with_name(file.name + ".br")
    packed = {"br": brotli.read_bytes()} if brotli.is_file() else {}
    packed["gzip"] = gzip.compress(plain, 9, mtime=0)
    pays = {name: data for name, data in packed.items() if len(data) < len(plain) * SMALLEST_GAIN}
    return StaticFile(hashlib.sha256(plain).hexdigest()[:16], TYPES[file.suffix], plain, pays)


def static_url(path: str) -> str:
    """The address of a file under static/, with its hash in it; FileNotFoundError where there is no such file."""
    file = static_file(path)
    if file is None:
        raise FileNotFoundError(f"static/{path}")
    return f"/static/{file.digest}/{path}"


class StaticFiles(RequestHandler):
    """GET /static/<hash>/<path>: needs no session; an address with an older hash answers today's file, uncached."""

    def set_default_headers(self) -> None:
        for name, value in every_answer(self.request.host_name).items():
            self.set_header(name, value)
        self.set_header("Content-Security-Policy", CLOSED_POLICY)

    async def get(self, digest: str, path: str) -> None:
        """Answers the file, compressed where the browser takes gzip."""
        file = static_file(path)
        if file is None:
            raise HTTPError(404)
        current = digest == file.digest
        self.set_header("Content-Type", file.kind)
        self.set_header("Cache-Control", "public, max-age=31536000, immutable" if current else "no-store")
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

    def _send(self, file: StaticFile) -> None:
        taken = [part.strip().lower() for part in self.request.headers.get("Accept-Encoding", "").split(",")]
        encoding = next((name for name in file.packed if name in taken), None)
        if encoding:
            self.set_header("Content-Encoding", encoding)
        self.finish(file.packed[encoding] if encoding else file.plain)
