"""Bare addresses in an article's text as links, after GitHub's rules, each looked for near its mark only. Pure: no I/O.

The library's own rules look through everything before and after each colon, which takes the square of a text's length.
"""

import re
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

LONGEST = 2000
"""Characters of an address that becomes a link."""

_BEFORE = frozenset(" \t\r\n*_~(")
_DOMAIN = re.compile(r"[\w.-]{1,255}")
_REST = re.compile(r"[^\s<\x00]*")
_DOMAIN_OF_MAIL = re.compile(r"@(?:[A-Za-z0-9_-]{1,63}\.){1,8}[A-Za-z0-9_-]{0,62}[A-Za-z0-9]")
_LOCAL_PART = re.compile(r"[A-Za-z0-9.+_-]{1,64}\Z")
_LOCAL_START = re.compile(r"[A-Za-z0-9.+_-]{1,64}")
_ENTITY_END = re.compile(r"&[A-Za-z]{1,40};\Z")
_SCHEMES = ("https", "http", "mailto", "xmpp")


def bounded_autolinks(md: MarkdownIt) -> None:
    """Put these rules in the places of gfm_autolink's."""
    for name, rule in (("www", _www), ("protocol", _protocol), ("email", _email)):
        md.inline.ruler.at(f"gfm_autolink_{name}", rule)


def _www(state: StateInline, silent: bool) -> bool:
    at = state.pos
    if state.linkLevel or silent or not state.src.startswith("www.", at) or not _begins(state, at):
        return False
    end = _end_of_address(state, at, at + 4, dotted=True)
    return end is not None and _link(state, at, end, "http://")


def _protocol(state: StateInline, silent: bool) -> bool:
    at = state.pos
    if state.linkLevel or silent or state.src[at] != ":":
        return False
    scheme = next((name for name in _SCHEMES if state.src.endswith(name, 0, at)), "")
    start = at - len(scheme)
    if not scheme or not _begins(state, start):
        return False
    if scheme in ("mailto", "xmpp"):
        local = _LOCAL_START.match(state.src, at + 1, state.posMax)
        domain = _DOMAIN_OF_MAIL.match(state.src, local.end(), state.posMax) if local else None
        return domain is not None and _link(state, start, domain.end(), "")
    end = _end_of_address(state, start, at + 3, dotted=False) if state.src.startswith("//", at + 1) else None
    return end is not None and _link(state, start, end, "")


def _email(state: StateInline, silent: bool) -> bool:
    at = state.pos
    if state.linkLevel or silent or state.src[at] != "@":
        return False
    local = _LOCAL_PART.search(state.src[max(0, at - 65) : at])
    domain = _DOMAIN_OF_MAIL.match(state.src, at, state.posMax) if local else None
    if local is None or domain is None or state.src.startswith("@", domain.end()):
        return False
    start = at - len(local[0])
    return _begins(state, start) and _link(state, start, domain.end(), "mailto:")


def _begins(state: StateInline, start: int) -> bool:
    """Whether an address may begin here: after a space or an opening mark, and after everything that is something else already."""
    return state.pos - start <= len(state.pending) and (start <= 0 or state.src[start - 1] in _BEFORE)


def _end_of_address(state: StateInline, start: int, host: int, *, dotted: bool) -> int | None:
    """Where the address ends whose domain begins at `host`, without the punctuation of the sentence around it."""
    most = min(state.posMax, start + LONGEST)
    domain = _DOMAIN.match(state.src, host, most)
    if domain is None or (dotted and "." not in domain[0]) or "_" in "".join(domain[0].split(".")[-2:]):
        return None
    rest = _REST.match(state.src, domain.end(), most)
    assert rest is not None
    end = start + _without_punctuation(state.src[start : rest.end()])
    return end if end > host else None


def _without_punctuation(address: str) -> int:
    """The length of the address: what ends the sentence does not belong to it, nor a bracket that it does not open."""
    open_brackets = address.count(")") - address.count("(")
    end = len(address)
    while end:
        last = address[end - 1]
        if last in "?!.,:*_~'\"[]":
            end -= 1
        elif last == ")" and open_brackets > 0:
            end, open_brackets = end - 1, open_brackets - 1
        elif last == ";":
            entity = _ENTITY_END.search(address, max(0, end - 42), end)
            end = entity.start() if entity else end - 1
        else:
            break
    return end


def _link(state: StateInline, start: int, end: int, scheme: str) -> bool:
    text = state.src[start:end]
    try:
        urlsplit(scheme + text)
    except ValueError:  # such as http://[, which no browser follows
        return False
    address = state.md.normalizeLink(scheme + text)
    if not state.md.validateLink(address):
        return False
    if start < state.pos:
        state.pending = state.pending[: start - state.pos]
    opened = state.push("link_open", "a", 1)
    opened.attrs = {"href": address}
    opened.markup, opened.info = "autolink", "auto"
    state.push("text", "", 0).content = state.md.normalizeLinkText(text)
    closed = state.push("link_close", "a", -1)
    closed.markup, closed.info = "autolink", "auto"
    state.pos = end
    return True
