"""The cast at Wiki, and a shelf of articles to find them in."""

import pytest

from hmlib.nexus.directory import Company
from hmlib.records.audit import Actor
from hmlib.testing.fixtures import *  # noqa: F403
from hmlib.testing.fixtures import ServiceUnderTest
from hmlib.testing.hub import ACME, CAST, GLOBEX
from wiki_srv.app import MIGRATIONS, make_app
from wiki_srv.articles import editing
from wiki_srv.articles.drafts import Draft
from wiki_srv.articles.editing import Target

ACME_COMPANY = Company(ACME, "100001", "Acme Dental", "active")
GLOBEX_COMPANY = Company(GLOBEX, "100002", "Globex Freight", "active")
EARLIER = "2026-11-01T08:00:00.000000Z"
BOB = Actor(CAST["bob"].id, "bob")


@pytest.fixture
def service():
    return ServiceUnderTest("wiki", make_app, MIGRATIONS)


@pytest.fixture
def write(db):
    """Writes an article in the past, straight into the database: await write("Title", "Text", company=…); its id."""

    async def written(title, body="Some text.", *, company=None, space="General", tags=(), audience="internal", folder="", at=EARLIER):
        draft = Draft(title, body if body.endswith("\n") else body + "\n", tuple(tags), audience, "First version")
        async with db.write() as tx:
            return await editing.create(tx, draft, Target(company, space, folder), BOB, at)

    return written


@pytest.fixture
def network(io_loop, write):
    """Acme's internal network article."""
    text = "# Firewall\n\nA FortiGate 60F.\n\n# Wi-Fi\n\nThree access points."
    return io_loop.run_sync(lambda: write("Network overview", text, company=ACME_COMPANY, tags=["network"]))


@pytest.fixture
def welcome(io_loop, write):
    """An article of Acme for Acme's own people."""
    return io_loop.run_sync(
        lambda: write("How to reach us", "Call the **help desk**.", company=ACME_COMPANY, audience="client", tags=["help"])
    )


@pytest.fixture
def freight(io_loop, write):
    """Globex's article, which nobody of Acme may ever see."""
    text = "The crane controller Zanzibar needs a reboot."
    return io_loop.run_sync(lambda: write("Globex crane controller", text, company=GLOBEX_COMPANY, audience="client", tags=["crane"]))


@pytest.fixture
def runbook(io_loop, write):
    """A general runbook."""
    text = "Open the printer, remove the paper."
    return io_loop.run_sync(lambda: write("Printer jam runbook", text, space="Runbooks", tags=["printer"], folder="Hardware/Printers"))
