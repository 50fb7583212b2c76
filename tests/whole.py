"""The whole suite with its demo MSP, run as an operator runs it, for journeys that no single service can test."""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from html import unescape
from pathlib import Path

import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hmlib.processes.operations import Suite
from tests.running import free_ports

ROOT = Path(__file__).parent.parent
PASSWORD = "orange tractor windows seven"
SERVICES = ("nexus", "wiki", "treasury")


class Whole:
    """One suite in a folder of its own. ``origins`` are its three addresses; everybody's password is PASSWORD."""

    def __init__(self, engine="sqlite", demo=True, name="h", start=True, folder=None, **environ):
        self.home = Path(folder or tempfile.mkdtemp(prefix="hm")) / name
        ports = free_ports(6)
        self.ports = dict(zip(SERVICES, ports, strict=False))
        self.origins = {name: f"https://localhost:{port}" for name, port in self.ports.items()}
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "HM_HOME": str(self.home),
            "HM_LOG": "json",
            "HM_ADMIN_PASSWORD": PASSWORD,
            "HM_DEMO_PASSWORD": PASSWORD,
            **{f"HM_{name.upper()}_PORT": str(port) for name, port in self.ports.items()},
            **{f"HM_{name.upper()}_METRICS_PORT": str(port) for name, port in zip(SERVICES, ports[3:], strict=False)},
            **self._databases(engine),
            **environ,
        }
        self.suite = Suite(self.environ)
        if start:
            self.said = self.hm("init", *(["--demo"] if demo else []))
            self.hm("up", "--detach")

    @staticmethod
    def _databases(engine):
        if engine != "postgresql":
            return {}
        from hmlib.testing import postgres_fixture

        return {f"HM_{name.upper()}_DB": postgres_fixture.fresh_url() for name in SERVICES}

    @property
    def ca(self):
        return str(self.home / "tls" / "ca.pem")

    @property
    def pin(self):
        """The server key's hash, by which Chromium may know this suite and no other."""
        certificate = x509.load_pem_x509_certificate((self.home / "tls" / "server.pem").read_bytes())
        key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(hashlib.sha256(key).digest()).decode()

    def hm(self, *arguments, check=True, **environ):
        """Run `hm` and answer what it printed."""
        command = [sys.executable, "-c", "from hmlib.cli.main import main; main()", *arguments]
        done = subprocess.run(command, cwd=ROOT, env={**self.environ, **environ}, capture_output=True, text=True, timeout=300)
        if check and done.returncode:
            raise AssertionError(f"hm {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def processes(self, service):
        return [process for process in self.suite.processes() if process.group == service]

    def logs(self):
        return "\n".join(file.read_text() for file in sorted((self.home / "logs").glob("*.log")))

    def visitor(self):
        return Visitor(self)

    def token(self, username, audience=None, password=PASSWORD):
        """A bearer token for a program, as the README gets one."""
        body = {"username": username, "password": password} | ({"audience": audience} if audience else {})
        answer = requests.post(self.origins["nexus"] + "/api/token", json=body, verify=self.ca, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["token"]

    def person(self, username, level="technician"):
        """A new person, who follows their one-time link and sets PASSWORD."""
        code = re.search(r"#([\w-]+)", self.hm("user", "add", username, "--level", level))[1]
        visitor = self.visitor()
        page = visitor.send(visitor.get(self.origins["nexus"] + "/setup"), {"code": code})
        assert "/login" in visitor.send(page, {"new": PASSWORD}, contains='name="new"').url
        time.sleep(1.1)  # a new password ends the tokens of the same second, as a token knows whole seconds only; nobody types that fast

    def api(self, service, path, method="GET", token=None, **options):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= options.pop("headers", {})
        return requests.request(method, self.origins[service] + path, headers=headers, verify=self.ca, timeout=60, **options)

    def close(self):
        self.hm("down", check=False)
        shutil.rmtree(self.home.parent, ignore_errors=True)


class Visitor:
    """Someone with a browser without JavaScript: follows redirects, keeps cookies, presses the buttons of forms."""

    def __init__(self, whole):
        self.whole = whole
        self.session = requests.Session()
        self.session.verify = whole.ca
        self.session.trust_env = False  # else REQUESTS_CA_BUNDLE would win over verify
        self.shown = []

    def get(self, url, **options):
        answer = self.session.get(url, timeout=30, **options)
        self.shown = [*answer.history, answer]
        return self._onward(answer) if options.get("allow_redirects", True) else answer

    def _onward(self, answer):
        """Go on where a page leads by itself, as every browser does."""
        refresh = re.search(r'<meta http-equiv="refresh" content="0;url=([^"]*)">', answer.text)
        return self.get(requests.compat.urljoin(answer.url, unescape(refresh[1]))) if refresh else answer

    def send(self, answer, fields=None, contains="", follow=True):
        """Fill in and send a form of a page; ``contains`` chooses among several."""
        forms = re.findall(r"<form\b.*?</form>", answer.text, re.DOTALL)
        form = next(form for form in forms if contains in form and 'method="post"' in form.lower())
        action = unescape(re.search(r'action="([^"]*)"', form)[1])
        given = {}
        for field in re.findall(r"<input\b[^>]*>", form):
            name = re.search(r'\bname="([^"]*)"', field)
            if name:
                value = re.search(r'\bvalue="([^"]*)"', field)
                given[unescape(name[1])] = unescape(value[1]) if value else ""
        origin = "/".join(answer.url.split("/")[:3])
        url = requests.compat.urljoin(answer.url, action)
        sent = self.session.post(url, data={**given, **(fields or {})}, headers={"Origin": origin}, timeout=30, allow_redirects=follow)
        self.shown = [*sent.history, sent]
        return self._onward(sent) if follow else sent

    def sign_in(self, service, username, password=PASSWORD, path="/"):
        """Through the module's own form, and over the hand-over page to Nexus and back."""
        page = self.get(self.whole.origins[service] + path)
        assert 'name="password"' in page.text, page.text
        handover = self.send(page, {"username": username, "password": password}, contains='name="password"')
        if "/sso/adopt" not in handover.text:
            return handover
        return self.send(handover, contains="/sso/adopt")

    def needs_form(self, service, path="/"):
        return 'name="password"' in self.get(self.whole.origins[service] + path).text


def within(seconds, condition):
    """Whether a condition comes true in time; answers how long it took."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if condition():
            return time.monotonic() - began
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")
