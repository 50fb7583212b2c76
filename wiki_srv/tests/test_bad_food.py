"""Nothing that can be sent is an error of ours (N191), and whatever is stored can be shown."""

import pytest

from hmlib.tests import bad_food, role_matrix

pytestmark = pytest.mark.gen_test(timeout=600)


async def test_n191_n192_whatever_is_sent_is_answered_and_quoted_in_no_header(app, hub, http_client, base_url):
    person_of = role_matrix.module_people(app, hub, http_client, base_url)
    assert not await bad_food.refused_badly(app, person_of, ("alice",))
    assert not await bad_food.refused_badly(app, person_of, ("stranger", "bob", "carol", "dave", "service"), most=4)


FILES = [
    b"# Title\n\nText a\0b",
    b"---\ntitle: a\0b\n---\n\ntext",
    b'---\ntitle: "a\\0b"\n---\n\ntext',
    b'---\ntitle: "a\\ud800b"\n---\n\ntext',
    b'---\ntitle: x\nspace: "a\\0b"\nfolder: "a\\0b"\ntags: ["x\\0y"]\n---\n\ntext',
    b"---\ntitle: x\ntags: [1e400, 0001-01-01, 9999-12-31, 99999999999999999999999]\n---\n\ntext",
]


@pytest.mark.parametrize("raw", FILES)
async def test_n191_a_file_is_imported_or_refused_by_name(alice, raw):
    tried, done = [
        await alice.api(f"/api/imports/articles?space=General&name=x.md&dry_run={dry_run}", "POST", raw=raw, Content_Type="text/markdown")
        for dry_run in ("true", "false")
    ]
    assert (tried.code, done.code) in ((200, 200), (200, 422))
    assert (done.code == 422) == bool(tried.json["errors"])
