"""Every page of the suite as an administrator without JavaScript: no dead button, and no deletion without a question."""

import re
from html.parser import HTMLParser

import pytest

from tests.test_browser import SKIPPED, shape_of
from tests.whole import SERVICES

pytestmark = pytest.mark.journey
VOID = {"input", "br", "img", "meta", "link", "hr", "use", "path", "wbr", "source", "col"}
SCRIPTED = ("data-look", "data-opens", "data-dismiss", "data-stay", "data-restore", "data-discard")
"""What only a script can do, and what is hidden (hm-js) or in a closed dialog or template without one."""


class Element:
    def __init__(self, tag, attributes, parent):
        self.tag, self.attributes, self.parent, self.children, self.text = tag, dict(attributes), parent, [], ""

    def __getitem__(self, name):
        return self.attributes.get(name) or ""

    def within(self, *tags):
        above = self.parent
        while above is not None:
            if above.tag in tags:
                return above
            above = above.parent
        return None

    @property
    def everything(self):
        yield self
        for child in self.children:
            yield from child.everything

    @property
    def hidden(self):
        above = self
        while above is not None:
            if "hm-js" in above["class"].split() or above.tag in ("template", "dialog"):
                return True
            above = above.parent
        return False


class Tree(HTMLParser):
    """The elements of a page, each with its parent."""

    def __init__(self, text):
        super().__init__()
        self.root = self.here = Element("root", {}, None)
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        made = Element(tag, attrs, self.here)
        self.here.children.append(made)
        if tag not in VOID:
            self.here = made

    def handle_startendtag(self, tag, attrs):
        self.here.children.append(Element(tag, attrs, self.here))

    def handle_endtag(self, tag):
        above = self.here
        while above is not None and above.tag != tag:
            above = above.parent
        if above is not None and above.parent is not None:
            self.here = above.parent

    def handle_data(self, data):
        self.here.text += data


def dead(tree):
    """The buttons and htmx elements of a page that do nothing without a script."""
    found, forms = [], {form["id"] for form in tree.root.everything if form.tag == "form" and form["id"]}
    for element in tree.root.everything:
        if element.hidden:
            continue
        if element.tag == "button" and not (element.within("form") or element["form"] in forms or element["popovertarget"]):
            found.append(f"button {element.attributes}")
        if element.tag == "button" and element["type"] == "button" and not element["popovertarget"]:
            found.append(f"button that sends nothing {element.attributes}")
        if any(name in element.attributes for name in SCRIPTED):
            found.append(f"scripted and not hidden: {element.attributes}")
        found += [f"{element.tag} {name}" for name in element.attributes if not works(element, name)]
    return found


def works(element, name):
    """Whether what an htmx attribute asks for can be had without it."""
    if name == "hx-get" and element.tag == "input" and element["name"] and element.within("form"):
        return True  # a picker: what is typed is looked up again when the form is sent
    if name == "hx-get":
        return element["href"] or element["action"] or (element["hx-trigger"].startswith("every") and "Look again" in words(element))
    if name in ("hx-post", "hx-put", "hx-delete", "hx-patch"):
        helps = element["name"] == "body" and name == "hx-post"  # the preview beside an article's text; saving does not need it
        return helps or (element.tag == "form" and element["method"] == "post" and element["action"])
    return True


def words(element):
    return " ".join(one.text for one in element.everything)


def pages(visitor, origin):
    """Every page of a service that links lead to, one of each shape."""
    waiting, seen = [origin + "/"], {shape_of(origin + "/")}
    while waiting:
        answer = visitor.get(waiting.pop(0))
        if "text/html" not in answer.headers["Content-Type"]:
            continue
        yield answer
        for link in re.findall(r'href="([^"#]+)"', answer.text):
            url = origin + link.replace("&amp;", "&") if link.startswith("/") else link
            if url.startswith(origin + "/") and not SKIPPED.search(url) and "/static/" not in url and shape_of(url) not in seen:
                seen.add(shape_of(url))
                waiting.append(url)


@pytest.mark.parametrize("service", SERVICES)
def test_no_button_is_dead_without_scripts(whole, visitor, service):
    visitor.sign_in(service, "alice")
    objections, visited = [], 0
    for answer in pages(visitor, whole.origins[service]):
        objections += [f"{answer.url}: {one}" for one in dead(Tree(answer.text))]
        visited += 1
    assert not objections, "\n".join(objections)
    assert visited >= 15


@pytest.mark.parametrize("service", SERVICES)
def test_every_page_and_every_download_that_a_page_offers_comes(whole, visitor, service):
    visitor.sign_in(service, "alice")
    dead_ends, downloads = [], set()
    for answer in pages(visitor, whole.origins[service]):
        links = [one["href"] for one in Tree(answer.text).root.everything if one.tag == "a" and "download" in one.attributes]
        downloads |= {whole.origins[service] + link for link in links}
        dead_ends += [f"{answer.status_code} {answer.url}"] if answer.status_code >= 400 else []
    dead_ends += [f"{answer.status_code} {answer.url}" for answer in map(visitor.get, sorted(downloads)) if answer.status_code >= 400]
    assert not dead_ends and downloads, "\n".join(dead_ends)


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_final_happens_without_a_question(whole, visitor, service):
    """Every form that a script would ask about is sent as a browser without scripts sends it: a question comes, or the box is missed."""
    visitor.sign_in(service, "alice")
    asked = 0
    for answer in pages(visitor, whole.origins[service]):
        forms = [form for form in Tree(answer.text).root.everything if form.tag == "form" and form["data-confirm"]]
        for form in forms:
            fields = [one for one in form.everything if one["name"] and one["type"] not in ("checkbox", "file")]
            sent = {one["name"]: one["value"] for one in fields}
            files = {one["name"]: ("x.json", b"{}") for one in form.everything if one["type"] == "file"}
            url = whole.origins[service] + form["action"]
            headers = {"Origin": whole.origins[service]}
            said = visitor.session.post(url, data=sent, files=files or None, headers=headers, timeout=30)
            asks = 'name="confirmed" value="yes"' in said.text or "Tick the box" in said.text or 'name="password"' in said.text
            assert asks, f"{answer.url}: {form.attributes}"
            asked += 1
    assert asked >= 1


def test_the_walk_finds_what_is_dead():
    page = """<form id="a"><button>fine</button></form><button form="a">fine</button><button popovertarget="x">fine</button>
        <button class="hm-js" data-dismiss>hidden</button><button>dead</button><form><button type="button">dead</button></form>
        <button hx-delete="/x">dead twice</button><span hx-get="/y">dead</span><a href="/y" hx-get="/y/rows">fine</a>"""
    assert len(dead(Tree(page))) == 5
