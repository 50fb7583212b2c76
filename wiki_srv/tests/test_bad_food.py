"""Nothing that can be sent is an error of ours (N191), and whatever is stored can be shown."""

import pytest

from hmlib.tests import bad_food, role_matrix

pytestmark = pytest.mark.gen_test(timeout=600)


async def test_n191_n192_whatever_is_sent_is_answered_and_quoted_in_no_header(app, hub, http_client, base_url):
    person_of = role_matrix.module_people(app, hub, http_client, base_url)
    assert not await bad_food.refused_badly(app, person_of, ("alice",))
    assert not await bad_food.refused_badly(app, person_of, ("stranger", "bob", "carol", "dave", "service"), most=4)
