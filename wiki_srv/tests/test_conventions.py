"""The wiki refuses as every service does, and does once what is sent twice."""

import pytest

from hmlib.tests.conventions import Endpoint, check, check_form

pytestmark = pytest.mark.gen_test
ARTICLES = Endpoint(
    "/api/articles", {"title": "Wi-Fi", "body": "One"}, {"title": "Printers", "body": "Two"},
    {"title": "WI-FI"}, {"title": ""}, {"body": "Three"}, removed=False,
)  # fmt: skip


async def test_n020_n021_the_api_answers_as_everywhere(bob):
    await check(bob, ARTICLES)


async def test_n021_the_archive_goes_by_version_too(bob):
    path = (await bob.api("/api/articles", "POST", dict(ARTICLES.one))).location + "/archive"
    given = [{}, {"If_Match": '"2"'}, {"If_Match": "*"}, {"If_Match": '"9", "2"'}]
    assert [(await bob.api(path, verb, **headers)).code for verb, headers in zip(("PUT", "PUT", "PUT", "DELETE"), given, strict=True)] == [
        428,
        412,
        200,
        200,
    ]


async def test_a_form_sent_eight_times_writes_one_article(bob, db):
    fields = {"title": "Wi-Fi", "body": "Three access points.", "space": "General", "audience": "internal"}
    assert (await check_form(bob, "/articles/new", fields)).code == 303
    assert await db.value("SELECT COUNT(*) FROM article") == 1
