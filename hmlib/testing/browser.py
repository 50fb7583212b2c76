"""Someone at a browser, or a program with a token, who speaks to the service under test."""

import base64
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tornado.httpclient import AsyncHTTPClient, HTTPResponse

from hmlib.web import xsrf
from hmlib.web.handler import ServiceApplication


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, read."""

    code: int
    headers: Any
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def items(self) -> Any:
        """The rows of a list: a bare array, or one within an object where more is told beside it."""
        found = self.json
        return found if isinstance(found, list) else found["items"]

    @property
    def total(self) -> int:
        """How many rows a list has in all: told beside a page, counted where it is whole."""
        found = self.json
        if isinstance(found, list):
            return int(self.headers.get("X-Total-Count", len(found)))
        return int(found["total"])

    @property
    def next_cursor(self) -> str | None:
        """Where the next page of a list begins, None on the last one."""
        found = self.json
        if isinstance(found, list):
            link = re.search(r"<([^>]*)>; rel=\"next\"", self.headers.get("Link", ""))
            return dict(parse_qsl(urlsplit(link[1]).query))["cursor"] if link else None
        cursor: str | None = found["next_cursor"]
        return cursor

    @property
    def location(self) -> str:
        return str(self.headers.get("Location", ""))


@dataclass
class Browser:
    """Someone at a browser, or a program with a bearer token, speaking to the service under test.

    ``fetch`` is a page request: with the session cookie and, unless ``forged``, what our own pages send with a form.
    ``api`` is a call with the bearer token. Cookies that come back are kept.
    """

    client: AsyncHTTPClient
    base_url: str
    app: ServiceApplication
    token: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    binding: str = ""

    async def fetch(self, path: str, method: str = "GET", body: Any = None, *, forged: bool = False, **headers: str) -> Answer:
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        if method not in xsrf.SAFE_METHODS and not forged:
            binding = self.binding or self._signed_out_binding()
            sent |= {"Origin": self.app.spine.settings.origin, xsrf.HEADER: xsrf.token(self.app.spine.keys, binding)}
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        raw = urlencode(body) if isinstance(body, Mapping) else body
        return await self.send(path, method, raw, sent | {name.replace("_", "-"): value for name, value in headers.items()})

    async def htmx(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
        return await self.fetch(path, method, body, forged=False, **{"HX_Request": "true", **headers})

    async def upload(
        self, path: str, files: Mapping[str, tuple[str, bytes]], fields: Mapping[str, str] | None = None, **options: Any
    ) -> Answer:
        """Post a form with files, each (file name, content)."""
        parts = [
            f'--hm\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in (fields or {}).items()
        ]
        for name, (filename, content) in files.items():
            head = f'--hm\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'
            parts.append(head.encode() + content + b"\r\n")
        return await self.fetch(path, "POST", b"".join(parts) + b"--hm--\r\n", Content_Type="multipart/form-data; boundary=hm", **options)

    async def api(self, path: str, method: str = "GET", json_body: Any = None, *, raw: bytes | None = None, **headers: str) -> Answer:
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if json_body is not None or raw is not None:
            sent["Content-Type"] = "application/json"
        body = raw if raw is not None else json.dumps(json_body) if json_body is not None else None
        return await self.send(path, method, body, sent | {name.replace("_", "-"): value for name, value in headers.items()})

    async def send(self, path: str, method: str, body: Any, headers: Mapping[str, str], *, decompress: bool = True) -> Answer:
        answer = await self.client.fetch(
            self.base_url + path, method=method, body=body, headers=dict(headers), follow_redirects=False, raise_error=False,
            allow_nonstandard_methods=True, request_timeout=30, decompress_response=decompress and "Accept-Encoding" not in headers,
        )  # fmt: skip
        self._keep_cookies(answer)
        return Answer(answer.code, answer.headers, answer.body or b"")

    def _keep_cookies(self, answer: HTTPResponse) -> None:
        for line in answer.headers.get_list("Set-Cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            if value in ("", '""'):
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value.strip('"')

    def _signed_out_binding(self) -> str:
        name = self.app.spine.settings.cookie + "_pre"
        self.cookies.setdefault(name, base64.urlsafe_b64encode(os.urandom(16)).rstrip(b"=").decode())
        return "signed out " + self.cookies[name]
