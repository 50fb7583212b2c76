"""What arrives byte by byte at a real process: requests that are none, that mean two things, or that are too much (N051 to N066, N181)."""

import json
import socket
import ssl
import time

import pytest

from tests.whole import SERVICES

pytestmark = pytest.mark.journey
GOOD = "Host: localhost\r\n"


@pytest.fixture(params=SERVICES)
def service(request):
    return request.param


@pytest.fixture
def wire(whole):
    """`wire(service, raw)` sends bytes as they are and answers status, headers (lower case) and body; 0 when nothing came back."""

    def sent(service, raw):
        with connected(whole, service) as stream:
            try:
                stream.sendall(raw.encode())
                return read(stream)
            except (ConnectionError, ssl.SSLError):
                return 0, {}, b""

    return sent


def connected(whole, service):
    context = ssl.create_default_context(cafile=whole.ca)
    return context.wrap_socket(socket.create_connection(("127.0.0.1", whole.ports[service]), timeout=5), server_hostname="localhost")


def read(stream):
    """One answer; what follows on a kept connection is left alone."""
    got = b""
    while b"\r\n\r\n" not in got:
        piece = stream.recv(65536)
        if not piece:
            return 0, {}, got
        got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    while len(body) < int(headers.get("content-length", "0")):
        body += stream.recv(65536)
    return int(lines[0].split()[1]), headers, body


def get(path="/healthz", headers=GOOD, method="GET"):
    return f"{method} {path} HTTP/1.1\r\n{headers}\r\n"


@pytest.mark.parametrize("method", ["TRACE", "FOO", "OPTIONS", "PROPFIND"])
def test_n051_methods_that_are_not_offered_are_405_with_those_that_are(wire, service, method):
    status, headers, body = wire(service, get("/login", method=method))
    assert status == 405 and "GET" in headers["allow"] and b"Traceback" not in body


@pytest.mark.parametrize("headers", [GOOD + GOOD, "", "Host: a b<>\r\n", "Host: evil.test\r\n" + GOOD])
def test_n052_one_good_host_is_needed(wire, service, headers):
    assert wire(service, get("/login", headers))[0] in (400, 421)


@pytest.mark.parametrize(
    "raw",
    [
        get("/login", "Host: evil.test\r\n"),
        get("https://evil.test/login"),
        get("/login", "Host: evil.test\r\nX-Forwarded-Host: localhost\r\n"),
    ],
)
def test_n053_a_foreign_host_is_misdirected(wire, service, raw):
    assert wire(service, raw)[0] == 421


@pytest.mark.parametrize(
    "framing",
    [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: +3",
        "Content-Length: 0x3",
        "Content-Length: -1",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "X-Folded: a\r\n b\r\nContent-Length : 3",
        "X-Control: a\x00b\r\nContent-Length: 3",
    ],
)
def test_n054_a_body_whose_end_could_be_two_is_refused_and_the_connection_closed(whole, framing):
    with connected(whole, "wiki") as stream:
        stream.sendall(f"POST /login HTTP/1.1\r\n{GOOD}{framing}\r\n\r\nabc\r\n".encode())
        assert read(stream)[0] == 400
        assert stream.recv(65536) == b""


def test_n055_what_is_let_through_of_older_manners(wire, service):
    assert wire(service, "GET /login?form=1 HTTP/1.1\nHost: localhost\n\n")[0] == 200
    assert wire(service, "GET /login?form=1 HTTP/1.0\r\n\r\n")[0] in (400, 421)


def test_n056_a_header_over_16_kB_ends_the_connection(wire, service):
    assert wire(service, get(headers=GOOD + f"X-Long: {'x' * 17_000}\r\n"))[0] == 0


def test_n057_too_large_a_body_is_a_413_however_it_is_sent(wire, service):
    size = 1024 * 1024 + 1
    form = f"POST /login HTTP/1.1\r\n{GOOD}Content-Type: application/x-www-form-urlencoded\r\n"
    counted = wire(service, form + f"Content-Length: {size}\r\n\r\n" + "a" * size)
    chunked = wire(service, form + f"Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n{'a' * size}\r\n0\r\n\r\n")
    assert (counted[0], chunked[0]) == (413, 413)
    status, _, body = wire(service, f"POST /api/settings HTTP/1.1\r\n{GOOD}Content-Length: {size}\r\n\r\n" + "a" * size)
    assert status in (405, 413) and json.loads(body)["status"] == status
    assert wire(service, form + f"Content-Length: {60 * 1024 * 1024}\r\n\r\n")[0] == 400


def test_n060_very_many_parameters_and_cookies_cost_nothing(wire, service):
    began = time.monotonic()
    assert wire(service, get("/login?" + "&".join(f"a{n}=" for n in range(1000))))[0] in (200, 303)
    assert wire(service, get("/login?form=1", GOOD + f"Cookie: {'; '.join(f'c{n}=1' for n in range(1000))}\r\n"))[0] == 200
    assert wire(service, get("/login?" + "a&" * 10_000))[0] == 0
    assert wire(service, get("/login", GOOD + f"Cookie: a={'x' * 64_000}\r\n"))[0] == 0
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("path", ["/login?form=1", "/nothing", "/api/openapi.json", "/healthz", "/static/0000000000000000/hive.css"])
def test_n066_no_answer_names_its_software(wire, service, path):
    _, headers, body = wire(service, get(path))
    assert headers["server"] == "hm" and b"ornado" not in body and "x-powered-by" not in headers


def test_n065_a_part_of_an_answer_is_not_offered(whole):
    token = whole.token("alice")
    answer = whole.api("nexus", "/api/companies?limit=2", token=token, headers={"Range": "bytes=0-9"})
    assert answer.status_code == 200 and "Content-Range" not in answer.headers


def test_n058_a_slow_client_keeps_nobody_else_waiting(whole, wire):
    slow = [socket.create_connection(("127.0.0.1", whole.ports["wiki"]), timeout=5) for _ in range(50)]
    try:
        for connection in slow:
            connection.sendall(b"\x16\x03")
        began = time.monotonic()
        assert wire("wiki", get())[0] == 200 and time.monotonic() - began < 2
    finally:
        for connection in slow:
            connection.close()


@pytest.mark.parametrize(
    "path",
    ["/metrics", "/debug", "/docs", "/.git/config", "/.env", "/server-status", "/nexus.db", "/../nexus.db", "/static/../../nexus.db"],
)
def test_n181_nothing_of_the_inside_is_shown_outside(wire, service, path):
    assert wire(service, get(path))[0] in (400, 404)


SECRETS = {
    name: f"secret-in-{name}-hunter2" for name in ("cookie", "control", "basic", "bearer", "path", "query", "form", "json", "header")
}
HOSTILE = [
    get("/", GOOD + f"Cookie: __Host-hm_nexus={SECRETS['cookie']}; x=a\x01b\r\n"),
    get("/", GOOD + f"Authorization: Basic {SECRETS['basic']}\x01\r\n"),
    get("/api/companies", GOOD + f"Authorization: Bearer {SECRETS['bearer']}\r\n"),
    get(f"/{SECRETS['path']}\x01"),
    get(f"/companies/{SECRETS['path']}%ff"),
    get(f"/static/{SECRETS['path']}"),
    get(f"/login?code={SECRETS['query']}&code=2"),
    get(f"/login?code={SECRETS['query']}%ff"),
    get("/", GOOD + f"X-{SECRETS['header']}\r\n"),
    get("/", GOOD + f"Content-Length: {SECRETS['header']}\r\n"),
    get(
        "/login", GOOD + f"Content-Length: 60\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\npassword={SECRETS['form']}", "POST"
    ).ljust(400),
    get("/api/token", GOOD + f'Content-Type: application/json\r\nContent-Length: 60\r\n\r\n{{"password":"{SECRETS["json"]}', "POST").ljust(
        400
    ),
    f"{SECRETS['control']}\x01 / HTTP/1.1\r\n\r\n",
]


@pytest.mark.parametrize("raw", HOSTILE, ids=range(len(HOSTILE)))
def test_n193_what_is_sent_is_refused(wire, service, raw):
    assert wire(service, raw)[0] < 500


def test_n193_and_none_of_it_is_in_the_logs(whole, wire):
    for service in SERVICES:
        for raw in HOSTILE:
            wire(service, raw)
    time.sleep(1)
    assert "Malformed HTTP message from %s: %s" in whole.logs()  # the control: it was heard of
    assert not [name for name, secret in SECRETS.items() if secret in whole.logs()]
