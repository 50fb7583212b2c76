"""A PgBouncer that pools transactions before a PostgreSQL of the tests."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

SETTINGS = """
[databases]
* = host={server} user={user}
[pgbouncer]
unix_socket_dir = {folder}
listen_addr =
listen_port = 6432
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
"""


@contextmanager
def pooler(url, connections=2):
    """The address of the same database through PgBouncer, which has so many connections to it."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("PgBouncer is not installed (Debian: pgbouncer)")
        pytest.skip("PgBouncer is not installed (Debian: pgbouncer)")
    parts = urlsplit(url)
    folder = Path(tempfile.mkdtemp(prefix="hm-pool-"))
    user = next(name for name in ("postgres", "nobody") if _exists(name)) if os.geteuid() == 0 else None
    (folder / "ini").write_text(
        SETTINGS.format(server=parse_qs(parts.query)["host"][0], user=parts.username, folder=folder, connections=connections)
    )
    for path in (folder, folder / "ini"):
        if user:
            shutil.chown(path, user)
    as_user = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, str(folder / "ini")], stdout=log, stderr=log, cwd="/", **as_user)
    try:
        deadline = time.monotonic() + 10
        while not (folder / ".s.PGSQL.6432").exists():
            assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.02)
        yield parts._replace(query=f"host={quote(str(folder), safe='')}&port=6432").geturl()
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _exists(name):
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
