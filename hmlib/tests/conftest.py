"""A toy module, called wiki as a module needs a place in the suite; and databases of both engines, for what must be the same on both."""

import pytest

from hmlib.testing.fixtures import *  # noqa: F403
from hmlib.testing.fixtures import ServiceUnderTest
from hmlib.tests import toy
from hmlib.tests.engines import *  # noqa: F403


@pytest.fixture
def service() -> ServiceUnderTest:
    return ServiceUnderTest("wiki", toy.make_app, toy.MIGRATIONS)
