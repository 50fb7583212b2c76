"""How many of Wiki's own files it takes to save an article stands in docs/decisions.md, and is held there."""

import pytest

from hmlib.testing.touched import touched
from hmlib.tests.flows import check


@pytest.mark.gen_test
async def test_saving_an_article(bob, network):
    form = {"title": "Network overview", "body": "# Firewall\n\nTwo of them.\n", "tags": "network", "version": "1"}
    with touched("wiki_srv") as files:
        answer = await bob.fetch(f"/articles/{network}/edit", "POST", form)
        assert answer.code == 303, answer.text
    check("saving an article", files)
