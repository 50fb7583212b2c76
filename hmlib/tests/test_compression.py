"""Answers are compressed for who takes it, and never where their length could tell of a secret."""

import gzip

import pytest

pytestmark = pytest.mark.gen_test


async def encoding(who, path, **headers):
    answer = await who.send(path, "GET", None, {"Accept-Encoding": "gzip", "Cookie": cookie(who), **headers}, decompress=False)
    return answer.headers.get("Content-Encoding", ""), answer


def cookie(who):
    return "; ".join(f"{name}={value}" for name, value in who.cookies.items())


async def test_a_page_is_compressed_for_who_takes_it(alice):
    named, answer = await encoding(alice, "/settings")
    assert named == "gzip" and b"<html" in gzip.decompress(answer.body)
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    assert "Content-Encoding" not in (await alice.fetch("/settings")).headers


@pytest.mark.parametrize(("site", "named"), [("same-origin", "gzip"), ("none", "gzip"), ("cross-site", ""), ("same-site", "")])
async def test_an_answer_that_another_site_asked_for_stays_plain(alice, site, named):
    assert (await encoding(alice, "/settings", **{"Sec-Fetch-Site": site}))[0] == named


async def test_short_answers_and_static_files_are_left_alone(alice):
    assert (await encoding(alice, "/names?ids=x"))[0] == ""


async def test_each_answer_masks_the_token_anew(alice):
    first, second = (await alice.fetch("/settings")).text, (await alice.fetch("/settings")).text
    token = lambda page: page.partition('name="_xsrf" value="')[2].partition('"')[0]  # noqa: E731
    assert token(first) and token(first) != token(second)
