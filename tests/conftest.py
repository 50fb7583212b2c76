"""The whole suite, started once and shared by the journeys."""

import os

import pytest

from tests.whole import Whole


@pytest.fixture(scope="session")
def whole():
    """The suite with its demo MSP. Journeys leave it as they found it: running, with the cast as it was."""
    suite = Whole(os.environ.get("HM_TEST_DB", "sqlite"))
    yield suite
    suite.close()


@pytest.fixture
def visitor(whole):
    return whole.visitor()
