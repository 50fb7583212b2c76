"""Every list that somebody may open is in the navigation, and no other."""

import re

import pytest

pytestmark = pytest.mark.gen_test


def labels(page):
    side = page.text.partition('class="hm-side')[2].partition("</nav>")[0]
    return re.findall(r'href="(/\w+)"', side)


async def test_the_navigation_has_what_one_may_open(alice, bob):
    directory = ["/companies", "/contacts", "/locations", "/assets", "/imports", "/users"]
    assert labels(await alice.fetch("/companies"))[:6] == directory and "/jobs" in labels(await alice.fetch("/companies"))
    assert labels(await bob.fetch("/companies")) == directory
