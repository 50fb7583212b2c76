"""Rendering: escaping, htmx attributes with their nonce, figures as a reader expects them, list addresses, icons."""

import datetime as dt
import re
from types import SimpleNamespace

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from hmlib.web import rendering
from hmlib.web.rendering import Formats, hx, list_url

US, DE = Formats("en_US", "Europe/Copenhagen"), Formats("de_DE", "Europe/Berlin")
ASK = SimpleNamespace(q="a&b", sort="name", sort_chosen=True, limit=25, filters={"status": "active"})


def test_a_services_template_comes_before_ours(tmp_path):
    (tmp_path / "error.html").write_text("{{ status }} here")
    assert rendering.environment(tmp_path).get_template("error.html").render(status=404) == "404 here"


def test_text_is_escaped_and_unknown_names_are_errors(tmp_path):
    (tmp_path / "a.html").write_text("{{ name }}{{ _('%(x)s too', x=name) }}")
    template = rendering.environment(tmp_path).get_template("a.html")
    assert template.render(name="<b>") == "&lt;b&gt;&lt;b&gt; too"
    with pytest.raises(UndefinedError):
        template.render()


def test_hx_names_its_attributes_and_always_ends_in_the_nonce():
    assert rendering.hx("n0", get="/a?b=1&c=2", push_url=True, include=None) == ' hx-get="/a?b=1&amp;c=2" hx-push-url="true" hx-nonce="n0"'
    assert rendering.hx("n0", status_422="swap:none") == ' hx-status:422="swap:none" hx-nonce="n0"'
    headers = rendering.hx("n0", headers_inherited=Markup('{"a":"b"}'))
    assert headers == ' hx-headers:inherited="{&#34;a&#34;:&#34;b&#34;}" hx-nonce="n0"'


def test_an_attribute_cannot_be_broken_out_of():
    assert '"><script>' not in rendering.hx("n", get='"><script>')


def test_the_xsrf_field_is_escaped():
    assert '<input type="hidden" name="_xsrf" value="a&#34;b">' in rendering.xsrf_field('a"b')


def test_each_form_has_a_key_of_its_own():
    first, second = (re.search(r'name="idempotency_key" value="([\w-]{22})"', rendering.xsrf_field("t"))[1] for _ in range(2))
    assert first != second


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (US.money(123456, "EUR"), "€1,234.56"),
        (DE.money(-123456, "EUR"), "-1.234,56\xa0€"),
        (US.money(5, "JPY"), "¥5"),
        (US.money(None, "EUR"), ""),
        (US.price(12345, "USD"), "$1.2345"),
        (US.price(120000, "USD"), "$12.00"),
        (DE.price(12340, "EUR"), "1,234\xa0€"),
        (US.price(None, "USD"), ""),
        (US.quantity(1_500_000), "1.5"),
        (US.quantity(1), "0.000001"),
        (US.quantity(12_000_000_000), "12,000"),
        (DE.number(1234567), "1.234.567"),
        (US.percent(0.125), "12.5%"),
        (US.bytes(999), "999 B"),
        (US.bytes(1_500_000), "1.5 MB"),
        (US.bytes(None), ""),
        (US.date("2026-11-22"), "Nov 22, 2026"),
        (US.date(dt.date(2026, 11, 22)), "Nov 22, 2026"),
        (US.date("2026-11-22T23:30:00.000000Z"), "Nov 23, 2026"),
        (DE.date("2026-11-22"), "22.11.2026"),
        (US.date(None), ""),
        (US.datetime("2026-07-01T10:00:00.000000Z"), "Jul 1, 2026, 12:00:00\u202fPM"),
        (US.datetime(""), ""),
        (US.month("2026-11"), "November 2026"),
        (US.relative("2026-11-22T12:00:00.000000Z", dt.datetime(2026, 11, 22, 12, 3, tzinfo=dt.UTC)), "3 minutes ago"),
        (US.relative("2026-11-23T12:00:00.000000Z", dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)), "in 1 day"),
        (US.relative(None), ""),
    ],
)
def test_figures(shown, expected):
    assert shown == expected


def test_a_list_address_holds_the_whole_state_and_nothing_empty():
    assert rendering.list_url("/companies", ASK) == "/companies?q=a%26b&status=active&sort=name&limit=25"
    assert rendering.list_url("/x?period=2026-10&q=old&format=csv", ASK).count("q=") == 1
    assert rendering.list_url("/x?period=2026-10&q=old", ASK) == "/x?period=2026-10&q=a%26b&status=active&sort=name&limit=25"
    assert rendering.list_url("/x?format=csv", ASK, q=None, status="", limit=None, sort="-name") == "/x?format=csv&sort=-name"


def test_icons_are_known_by_name():
    assert '#trash"' in rendering.icon("trash")
    with pytest.raises(ValueError, match="nosuch"):
        rendering.icon("nosuch")


def test_each_place_gets_a_letter_of_its_own():
    items = [{"label": name} for name in ("Companies", "Contacts", "Co", "Übersicht")]
    assert [key for _, key in rendering.with_keys(items)] == ["c", "o", "", "b"]


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/Los_Angeles"])
@pytest.mark.parametrize(
    "stored", ["9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00.000000Z", "9999-12-31", "0001-01-01", "no day", "2026-13"]
)
def test_whatever_is_stored_can_be_shown(zone, stored):
    formats = rendering.Formats("en_US", zone)
    for show in (formats.date, formats.datetime, formats.month, formats.relative):
        assert show(stored)


def test_what_somebody_types_at_length_is_not_remembered():
    rendering._attributes.cache_clear()
    rendering._with_query.cache_clear()
    list_query = type("ListQuery", (), {"q": "x" * 600, "filters": {}, "sort": "name", "sort_chosen": True, "limit": 25})
    for number in range(50):
        address = list_url("/companies", list_query, cursor=str(number))
        assert 'hx-get="/companies?' in hx("n", get=address)
    assert (rendering._attributes.cache_info().currsize, rendering._with_query.cache_info().currsize) == (0, 0)
    list_query.q = "acme"
    hx("n", get=list_url("/companies", list_query))
    assert (rendering._attributes.cache_info().currsize, rendering._with_query.cache_info().currsize) == (1, 1)
