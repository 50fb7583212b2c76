"""Static files: hashed addresses, compression, the header set, and the checksums of what is not ours."""

import asyncio
import base64
import gc
import gzip
import hashlib
import re
import tracemalloc
from functools import lru_cache
from pathlib import Path

import pytest
from tornado.httpclient import HTTPRequest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.web import Application

from hmlib.web import static_files
from hmlib.web.headers import every_answer

ROOT = Path(static_files.__file__).parent.parent.parent
CSS = static_files.static_url("vendor/tabler/tabler.min.css")


@pytest.fixture
def app():
    return Application(static_files.routes(), log_function=lambda _: None)


async def fetch(http_client, base_url, path, method="GET", **headers):
    request = HTTPRequest(base_url + path, method, headers=headers, decompress_response=False, allow_nonstandard_methods=True)
    return await http_client.fetch(request, raise_error=False)


@pytest.mark.gen_test
async def test_a_file_is_sent_compressed_and_for_ever(http_client, base_url):
    answer = await fetch(http_client, base_url, CSS, **{"Accept-Encoding": "gzip"})
    assert answer.code == 200
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert len(answer.body) < 90_000
    assert gzip.decompress(answer.body) == (ROOT / "static/vendor/tabler/tabler.min.css").read_bytes()


@pytest.mark.gen_test
async def test_the_smallest_form_that_the_browser_takes_is_sent(http_client, base_url):
    answer = await fetch(http_client, base_url, CSS, **{"Accept-Encoding": "gzip, deflate, br, zstd"})
    assert answer.headers["Content-Encoding"] == "br"
    assert len(answer.body) < 60_000


@pytest.mark.gen_test
async def test_without_gzip_it_is_sent_as_it_is(http_client, base_url):
    answer = await fetch(http_client, base_url, CSS)
    assert "Content-Encoding" not in answer.headers
    assert answer.body == (ROOT / "static/vendor/tabler/tabler.min.css").read_bytes()


@pytest.mark.gen_test
async def test_head_has_no_body(http_client, base_url):
    answer = await fetch(http_client, base_url, CSS, "HEAD")
    assert (answer.code, answer.body) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 600_000


@pytest.mark.gen_test
async def test_a_known_file_is_not_sent_again(http_client, base_url):
    tag = (await fetch(http_client, base_url, CSS)).headers["Etag"]
    answer = await fetch(http_client, base_url, CSS, **{"If-None-Match": tag})
    assert (answer.code, answer.body) == (304, b"")


@pytest.mark.gen_test
async def test_an_older_hash_is_answered_but_not_kept(http_client, base_url):
    answer = await fetch(http_client, base_url, "/static/0123456789abcdef/hive.css")
    assert (answer.code, answer.headers["Cache-Control"]) == (200, "no-store")


STRANGE = [
    "nosuch.css", "../pyproject.toml", "VENDORED.md", "..%2fpyproject.toml", "vendor", "vendor/", "hive.css/x",
    "hive.css/", "./hive.css", "a/../hive.css", "/hive.css", "vendor//tabler/tabler.min.css", "vendor/tabler/tabler.min.css.br",
    "%68ive.css",
    "hive%2ecss", "hive.css%00", "hive.css%20", "HIVE.CSS", "vendor%2ftabler%2ftabler.min.css", "", "x" * 300 + ".css", "x" * 5000,
]  # fmt: skip


@pytest.mark.gen_test
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", STRANGE)
async def test_n185_a_file_has_one_address_and_nothing_else_is_served(http_client, base_url, path, method):
    answer = await fetch(http_client, base_url, f"/static/0123456789abcdef/{path}", method)
    assert (answer.code, answer.body) == (404, b"404\n" if method == "GET" else b"")


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "address", ["/static/hive.css", "/static/0123456789ABCDEF/hive.css", "/static/0123456789abcdef0/hive.css", "/static/"]
)
async def test_an_address_without_a_hash_is_none(http_client, base_url, address):
    assert (await fetch(http_client, base_url, address)).code == 404


async def ask_made_up(app, count):
    """Ask for so many names that nobody has asked for before, as the server would pass them on."""
    for number in range(count):
        name = (f"z{number}/../vendor/tabler/tabler.min.css", f"hive.css/{number}", "y" * 3800 + str(number), f"%2e/{number}.css")[
            number % 4
        ]
        line = RequestStartLine("HEAD", f"/static/0123456789abcdef/{name}", "HTTP/1.1")
        request = HTTPServerRequest(start_line=line, headers=HTTPHeaders({"Host": "localhost"}), connection=NoConnection())
        app.find_handler(request).execute()
        await asyncio.sleep(0)


@pytest.mark.gen_test(timeout=60)
async def test_n185_made_up_names_cost_neither_reading_nor_memory(app, monkeypatch):
    await ask_made_up(app, 100)
    monkeypatch.setattr(Path, "read_bytes", None)
    monkeypatch.setattr(hashlib, "sha256", None)
    monkeypatch.setattr(gzip, "compress", None)
    assert await grown(lambda: ask_made_up(app, 10_000)) < 100_000


@pytest.mark.gen_test(timeout=60)
async def test_the_measure_of_memory_sees_what_is_kept():
    """The control: a cache by name, as it stood here once, grows by what it was asked for."""
    remembered = lru_cache(maxsize=None)(lambda name: name)

    async def ask():
        for number in range(10_000):
            remembered("y" * 3800 + str(number))

    assert await grown(ask) > 30_000_000


async def grown(work):
    """By how many bytes more is held after the work than before."""
    gc.collect()
    tracemalloc.start()
    try:
        await work()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


class NoConnection:
    """Where an answer goes that nobody waits for."""

    context = type("Context", (), {"remote_ip": "127.0.0.1", "protocol": "http"})()

    def set_close_callback(self, callback):
        pass

    def write_headers(self, start_line, headers, chunk=None):
        assert start_line.code == 404
        sent = asyncio.get_running_loop().create_future()
        sent.set_result(None)
        return sent

    def finish(self):
        pass


@pytest.mark.gen_test
@pytest.mark.parametrize(("path", "method"), [(CSS, "GET"), ("/static/0123456789abcdef/nosuch.js", "GET"), (CSS, "POST")])
async def test_every_answer_has_the_headers(http_client, base_url, path, method):
    answer = await fetch(http_client, base_url, path, method)
    wanted = every_answer("localhost")
    assert {name: answer.headers.get(name) for name in wanted} == dict(wanted)
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert method == "GET" or (answer.code, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_a_missing_file_is_an_error_when_a_page_names_it():
    with pytest.raises(FileNotFoundError):
        static_files.static_url("nosuch.css")


@pytest.mark.parametrize("folder", ["static", "tests/assets"])
def test_what_is_not_ours_is_what_the_list_says(folder):
    lines = re.findall(r"^\| `([^`]+)` .* `sha384-([^`]+)` \|$", (ROOT / folder / "VENDORED.md").read_text(), re.M)
    listed = {name: base64.b64decode(checksum) for name, checksum in lines}
    assert listed == {name: hashlib.sha384((ROOT / folder / name).read_bytes()).digest() for name in listed}
    there = {str(file.relative_to(ROOT / folder)) for file in (ROOT / folder).rglob("*") if file.is_file()}
    assert {name for name in there if name.startswith("vendor/")} <= set(listed)
