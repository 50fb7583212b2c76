"""docs/any-language.md shows a module in Flask; here its file runs against the running suite, for longer than a token lives."""

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from tests.whole import PASSWORD, free_ports

ROOT = Path(__file__).parent.parent
CODE = re.search(r"^`companies.py`\n\n```python\n(.*?)```", (ROOT / "docs" / "any-language.md").read_text(), re.DOTALL | re.MULTILINE)[1]

pytestmark = pytest.mark.journey


class Module:
    """The module of the docs, in a process of its own."""

    def __init__(self, whole, folder):
        port = free_ports(1)[0]
        self.origin, self.sessions, tls = f"https://localhost:{port}", folder / "sessions.db", whole.home / "tls"
        scope = "openid profile offline_access directory:read"
        made = whole.hm("client", "add", "companies", "--redirect-uri", f"{self.origin}/callback", "--scope", scope, "--json")
        client = json.loads(made)
        (folder / "companies.py").write_text(CODE.replace("port=5010", f"port={port}"))
        environ = {
            "NEXUS_URL": whole.origins["nexus"], "OWN_URL": self.origin, "CLIENT_ID": client["client_id"], "SESSIONS": str(self.sessions),
            "CLIENT_SECRET": client["client_secret"], "CERTIFICATE": str(tls / "server.pem"), "KEY": str(tls / "server.key"),
            "REQUESTS_CA_BUNDLE": whole.ca,
        }  # fmt: skip
        command = [sys.executable, str(folder / "companies.py")]
        self.log = (folder / "log").open("w")
        self.process = subprocess.Popen(command, env={**os.environ, **environ}, stdout=self.log, stderr=subprocess.STDOUT)
        for _ in range(100):
            try:
                requests.get(self.origin, verify=whole.ca, allow_redirects=False, timeout=5)
                return
            except requests.ConnectionError:
                time.sleep(0.1)
        raise AssertionError((folder / "log").read_text())

    def change(self, **values):
        """Change what the module keeps of the one session that is signed in; what it kept before."""
        with sqlite3.connect(self.sessions) as table:
            id, kept = next((id, json.loads(kept)) for id, kept in table.execute("SELECT id, kept FROM session") if "access_token" in kept)
            table.execute("UPDATE session SET kept = ? WHERE id = ?", [json.dumps({**kept, **values}), id])
        table.close()
        return kept

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


@pytest.fixture
def module(whole, tmp_path):
    running = Module(whole, tmp_path)
    yield running
    running.close()


def sign_in(module, visitor, username="bob"):
    page = visitor.get(module.origin + "/")
    page = visitor.send(page, {"username": username, "password": PASSWORD}, contains='name="password"')
    return visitor.send(page, {"answer": "allow"}, contains="allow") if "<h1>Companies of" not in page.text else page


def test_a_module_in_flask_works_for_its_sessions_life(whole, visitor, module):
    page = sign_in(module, visitor)
    known = whole.api("nexus", "/api/companies", token=whole.token("bob")).json()
    assert len(known) > 30 and all(company["account_number"] in page.text for company in known)
    assert visitor.get(module.origin + "/names").json()["names"] == sorted((one["name"] for one in known), key=str.casefold)

    first = module.change(expires_at=time.time() - 1)  # as after 300 s
    assert visitor.get(module.origin + "/").text == page.text
    second = module.change(access_token=first["access_token"] + "x")  # Nexus refuses it, whatever the module's clock says
    assert second["access_token"] != first["access_token"] and second["refresh_token"] != first["refresh_token"]
    assert visitor.get(module.origin + "/").text == page.text
    assert module.change()["access_token"] not in (first["access_token"], second["access_token"])


def test_when_the_session_is_over_the_module_leads_to_sign_in(visitor, module):
    sign_in(module, visitor)
    module.change(expires_at=0, refresh_token="none")
    kept = visitor.get(module.origin + "/", allow_redirects=False)
    assert kept.status_code == 302 and "/oauth/authorize?" in kept.headers["Location"]
    with sqlite3.connect(module.sessions) as table:
        assert not [kept for _, kept in table.execute("SELECT id, kept FROM session") if "access_token" in kept]
    table.close()


def test_a_callback_that_nobody_asked_for_is_refused(whole, visitor, module):
    assert visitor.get(f"{module.origin}/callback?code=x&state=y&iss={whole.origins['nexus']}").status_code == 400
