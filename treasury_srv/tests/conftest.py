"""Treasury under test: its database, and a directory with two companies."""

from pathlib import Path

import pytest

import hmlib
import treasury_srv
from hmlib.testing.fixtures import *  # noqa: F403
from hmlib.testing.fixtures import ServiceUnderTest

MIGRATIONS = [(package.__name__.removesuffix("_srv"), Path(package.__file__).parent / "migrations") for package in (hmlib, treasury_srv)]


@pytest.fixture
def service():
    def make_app(*parts):
        from treasury_srv.app import make_app as made  # the arithmetic and the statements are tested without the application

        return made(*parts)

    return ServiceUnderTest("treasury", make_app, MIGRATIONS)
