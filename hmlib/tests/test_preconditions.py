"""Entity tags: an entry's version within the database's epoch, so that a restore leaves no tag of before good."""

import pytest

from hmlib.web.requests import IfMatch, entity_tag


def test_a_tag_names_epoch_and_version():
    assert entity_tag(7, "3f9a1c2e") == '"3f9a1c2e-7"' and entity_tag(7, "") == '"7"'


@pytest.mark.parametrize(
    ("header", "admitted"),
    [
        ('"b-7"', True),
        ('"a-7", "b-7"', True),
        ("*", True),
        ('"a-7"', False),
        ('"7"', False),
        ('"b-8"', False),
        ('"b-77"', False),
        ('W/"b-7"', False),
    ],
)
def test_only_a_tag_of_this_epoch_and_version_admits_a_write(header, admitted):
    assert IfMatch.read(header, "b").admits(7) is admitted
