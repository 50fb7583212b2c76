"""Static files: hashed addresses, compression, the header set, and the checksums of what is not ours."""

import base64
import gzip
import hashlib
import re
from pathlib import Path

import pytest
from tornado.httpclient import HTTPRequest
from tornado.web import Application, url

from hmlib import static_files
from hmlib.headers import every_answer

ROOT = Path(static_files.__file__).parent.parent
CSS = static_files.static_url("vendor/tabler/tabler.min.css")


@pytest.fixture
def app():
    return Application([url(static_files.ROUTE, static_files.StaticFiles)])


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


@pytest.mark.gen_test
@pytest.mark.parametrize("path", ["nosuch.css", "../pyproject.toml", "VENDORED.md", "..%2fpyproject.toml", "vendor", "hive.css/x"])
async def test_nothing_else_is_served(http_client, base_url, path):
    answer = await fetch(http_client, base_url, f"/static/0123456789abcdef/{path}")
    assert answer.code == 404


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
