"""The shared macros without a browser: what comes back into a form, what a list says of itself, what an error page says."""

import re
from types import SimpleNamespace

import pytest

from hmlib.tests.gallery import ListQuery, Page
from hmlib.web import rendering


@pytest.fixture
def render(tmp_path):
    """Renders a text as a template with the least context that a page has."""

    def rendered(text: str, **context: object) -> str:
        (tmp_path / "page.html").write_text(text)
        shared = {
            **rendering.page_functions("n0", "t0"),
            "fmt": rendering.Formats(),
            "service_title": "Wiki",
            "release": "1",
            "caller": None,
        }
        return rendering.environment(tmp_path).get_template("page.html").render({**shared, **context})

    return rendered


FORM = "{% from 'macros/form.html' import form_start, form_end, field, select, checkbox, textarea, conflict with context %}"
TABLE = """{% from 'macros/table.html' import search_form, table with context %}
{{ search_form("things", page, "/things", "Search") }}
{% call(row) table("things", page, "/things", columns=[{"label": "Name", "sort": "name"}], caption="Things",
  empty={"title": "No things yet", "text": "Add one.", "actions": [("Add", "/things/new")]}, exports=[("CSV", "/things/export")]) %}
<tr><td>{{ row }}</td></tr>{% endcall %}"""


def test_a_field_shows_its_value_its_help_and_its_further_attributes(render):
    html = render(FORM + "{{ field('name', 'Name', value, help='Short.', maxlength=9, data_x=1) }}", value='a"<b')
    assert 'value="a&#34;&lt;b"' in html
    assert 'aria-describedby="name-help"' in html
    assert 'maxlength="9"' in html and 'data-x="1"' in html
    assert "aria-invalid" not in html and "autofocus" not in html


def test_the_typed_value_comes_back_with_its_message(render):
    html = render(
        FORM + "{{ field('a', 'A', 'old') }}{{ field('b', 'B', 'old') }}", values={"a": "new", "b": ""}, errors={"b": "Too <short>."}
    )
    assert 'value="new"' in html and "old" not in html
    assert re.search(r'id="b".*aria-invalid="true" autofocus="" aria-describedby="b-error"', html, re.S)
    assert '<div class="invalid-feedback d-block" id="b-error">Too &lt;short&gt;.</div>' in html


def test_a_password_is_never_sent_back(render):
    assert "secret" not in render(FORM + "{{ field('p', 'P', 'secret', type='password') }}", values={"p": "secret"})


@pytest.mark.parametrize(
    ("declared", "values", "ticked"),
    [(True, {}, True), (False, {}, False), (True, {"name": "x"}, False), (False, {"on": "on"}, True), (True, {"on": "false"}, False)],
)
def test_a_box_is_ticked_as_declared_or_as_sent(render, declared, values, ticked):
    assert (" checked" in render(FORM + "{{ checkbox('on', 'On', declared) }}", declared=declared, values=values)) is ticked


def test_a_choice_keeps_what_was_chosen(render):
    html = render(FORM + "{{ select('n', 'N', [(1, 'One'), ('a&b', 'Two')], 'a&b') }}")
    assert '<option value="a&amp;b" selected>Two</option>' in html and html.count("selected") == 1


def test_a_form_carries_its_token_its_version_and_the_message_for_the_whole(render):
    html = render(FORM + "{{ form_start('/things', version=3) }}{{ form_end('Save') }}", errors={"": "Nothing was saved."})
    assert '<input type="hidden" name="_xsrf" value="t0">' in html
    assert '<input type="hidden" name="version" value="3">' in html
    assert "Nothing was saved." in html


def test_a_conflict_proposes_mine_unless_only_they_changed_it(render):
    fields = [
        {"name": "a", "label": "A", "base": "1", "theirs": "2", "yours": "1"},
        {"name": "b", "label": "B", "base": "1", "theirs": "2", "yours": "3"},
    ]
    html = render(FORM + "{{ conflict('/x', 4, fields) }}", fields=fields)
    assert re.findall(r'name="(\w)" value="(\w)" checked', html) == [("a", "2"), ("b", "3")]


def page_of(rows: list[str], total: int | None = None, **list_query: object) -> Page:
    return Page(rows, total, 26 if rows else 0, "n+x", "p", ListQuery(**list_query))


def test_a_list_keeps_its_state_in_every_link(render):
    html = render(TABLE, page=page_of(["<i>"], 1000, q="a&b", sort="-name", filters={"status": "left"}))
    assert "26–26 of 1,000" in html and "<td>&lt;i&gt;</td>" in html
    assert 'href="/things?q=a%26b&amp;status=left&amp;sort=name&amp;limit=25" hx-get="/things/rows?q=a%26b' in html
    assert 'rel="next" href="/things?q=a%26b&amp;status=left&amp;sort=-name&amp;limit=25&amp;cursor=n%2Bx"' in html
    assert 'href="/things/export?q=a%26b&amp;status=left&amp;sort=-name" download' in html
    assert 'aria-sort="descending"' in html


def test_a_list_that_is_not_counted_says_only_where_it_is(render):
    assert 'data-announce="26–27"' in render(TABLE, page=page_of(["a", "b"]))


def test_an_empty_list_says_what_to_do_first(render):
    html = render(TABLE, page=page_of([], 0))
    assert "No things yet" in html and '<a class="btn btn-primary" href="/things/new">Add</a>' in html


def test_a_search_without_a_find_offers_the_whole_list(render):
    html = render(TABLE, page=page_of([], 0, q="x"))
    assert "Nothing matches" in html and "No things yet" not in html


@pytest.mark.parametrize(
    ("status", "words"), [(403, "You may not do this"), (404, "Not here"), (418, "I&#39;m a Teapot"), (500, "Something broke")]
)
def test_each_error_has_its_page(render, status, words):
    html = render("{% extends 'error.html' %}", status=status, title="I'm a Teapot", detail="", request_id="r1")
    assert f"<title>{words} · Wiki · HiveMatrix</title>" in html and "<code>r1</code>" in html


@pytest.mark.parametrize(("password_login", "link", "fields", "links"), [(True, "/other", 1, 1), (True, "", 1, 0), (False, "/other", 0, 1)])
def test_the_sign_in_page_shows_the_ways_there_are(render, password_login, link, fields, links):
    context = SimpleNamespace(
        action="/login", next="/a", error="", username="bob", notice="", nexus_login_url=link, password_login=password_login
    )
    html = render("{% extends 'login.html' %}", **vars(context))
    assert (html.count('type="password"'), html.count('href="/other"')) == (fields, links)
