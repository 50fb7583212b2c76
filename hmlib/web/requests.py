"""What comes in with a request, read strictly: queries, forms, tokens, entity tags, addresses, and where a person may go next."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from tornado.httputil import HTTPFile, HTTPInputError, HTTPServerRequest, parse_multipart_form_data

from hmlib import text as texts

MAX_FIELDS = 5000


class BadRequest(Exception):
    """A request that cannot be taken as it is; ``status`` is HTTP's, ``code`` a word for programs, the text one sentence."""

    def __init__(self, code: str, detail: str, status: int = 400) -> None:
        super().__init__(detail)
        self.code, self.detail, self.status = code, detail, status


class BadTokenUse(BadRequest):
    """A token sent in a way that RFC 6750 does not know, or twice."""

    def __init__(self, detail: str) -> None:
        super().__init__("invalid_request", detail)


@dataclass(frozen=True)
class Form:
    """The fields and files of a posted form."""

    fields: dict[str, str]
    files: dict[str, HTTPFile]
    lists: dict[str, list[str]]


def storable(text: str) -> str:
    """The text itself. Raises BadRequest for a NUL character, which is no text: databases and headers cut it off or refuse it."""
    if "\0" in text:
        raise BadRequest("invalid_value", "A text holds a NUL character.")
    return text


def query(request: HTTPServerRequest) -> dict[str, str]:
    """The address's parameters, each at most once. Raises BadRequest for a duplicate, a NUL or what is not UTF-8."""
    return _single(_pairs(request.query))


def form(request: HTTPServerRequest) -> Form:
    """The posted form, exactly as typed: nothing stripped, nothing rewritten, each field once unless its name ends in ``[]``.

    Raises BadRequest: 415 for another media type, 400 for a duplicate, a NUL, bad encoding, or a field that is also in the address.
    """
    content_type = request.headers.get("Content-Type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if not request.body and not kind:
        return Form({}, {}, {})
    if kind == "application/x-www-form-urlencoded":
        pairs, files = _pairs(_text(request.body)), dict[str, HTTPFile]()
    elif kind == "multipart/form-data":
        pairs, files = _multipart(content_type, request.body)
    else:
        raise BadRequest("unsupported_media_type", "A form is expected here.", 415)
    many: dict[str, list[str]] = {}
    for name, value in pairs:
        if name.endswith("[]"):
            many.setdefault(name, []).append(value)
    fields = _single([pair for pair in pairs if not pair[0].endswith("[]")])
    if fields.keys() & {name for name, _ in _pairs(request.query)}:
        raise BadRequest("invalid_request", "A field stands in the address and in the form.")
    return Form(fields, files, many)


def one_way(value: str) -> str:
    """A field's text with one kind of line end: a browser may write them in its own way when it sends the same form again."""
    return value.replace("\r\n", "\n").replace("\r", "\n")


def bearer(request: HTTPServerRequest) -> str | None:
    """The one bearer token of a request, or None. Raises BadRequest for two, or for one in the address (RFC 6750, RFC 9700)."""
    given = request.headers.get_list("Authorization")
    if "access_token=" in request.query:
        raise BadTokenUse("A token does not belong into an address.")
    if len(given) > 1:
        raise BadTokenUse("There is more than one Authorization header.")
    if not given:
        return None
    scheme, _, token = given[0].partition(" ")
    if scheme.lower() != "bearer":
        return None
    if " " in token.strip() or "," in token:
        raise BadTokenUse("There is more than one token.")
    return token.strip()


def cookies(headers: list[str], name: str) -> list[str]:
    """Every value that the Cookie headers give for a name: a sibling host may have tossed in another."""
    pairs = (pair.strip().partition("=") for header in headers for pair in header.split(";"))
    return [value for key, _, value in pairs if key == name]


def address(request: HTTPServerRequest) -> str:
    """The peer's address; a proxy's word counts only where the server was started to trust it."""
    try:
        return str(ipaddress.ip_address(request.remote_ip or ""))
    except ValueError:
        return ""


def next_path(text: str, origin: str) -> str:
    """Where to go after signing in: a path of our own, or "/" for anything else (CWE-601).

    A browser reads backslashes as slashes and drops control characters, so both are refused outright.
    """
    path = text.removeprefix(origin) if text.startswith(origin + "/") else text
    if not re.fullmatch(r"/[\x21-\x5b\x5d-\x7e]*", path) or path.startswith("//"):
        return "/"
    decoded = path.lower().partition("?")[0]
    if "%5c" in decoded or "%2f" in decoded or "%09" in decoded or "//" in decoded or "/.." in decoded:
        return "/"
    parts = urlsplit(path)
    return "/" if parts.scheme or parts.netloc else path


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise BadRequest("invalid_request", "The parameters cannot be read.") from None
    if "%00" in text or "\0" in text:
        storable("".join(name + value for name, value in pairs))
    return pairs


def _single(pairs: list[tuple[str, str]]) -> dict[str, str]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise BadRequest("invalid_request", "A parameter is given more than once.")
    return fields


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("invalid_request", "The form is not UTF-8.") from None


def _multipart(content_type: str, body: bytes) -> tuple[list[tuple[str, str]], dict[str, HTTPFile]]:
    boundary = re.search(r'boundary="?([^";,]{1,200})"?', content_type)
    if boundary is None:
        raise BadRequest("invalid_request", "The form has no boundary.")
    arguments: dict[str, list[bytes]] = {}
    files: dict[str, list[HTTPFile]] = {}
    try:
        parse_multipart_form_data(boundary.group(1).encode(), body, arguments, files)
    except (HTTPInputError, UnicodeDecodeError) as error:
        raise BadRequest("invalid_request", "The form cannot be read.") from error
    if any(len(several) > 1 for several in files.values()):
        raise BadRequest("invalid_request", "A file is given more than once.")
    pairs = [(storable(name), storable(_text(value))) for name, values in arguments.items() for value in values]
    return pairs, {storable(name): _named(several[0]) for name, several in files.items()}


def _named(file: HTTPFile) -> HTTPFile:
    """The file under a name that can be shown: where it comes from people may call it anything."""
    storable(file.filename + file.content_type)
    return HTTPFile({**file, "filename": " ".join(texts.visible(file.filename).split())})


_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


def entity_tag(version: int, epoch: str) -> str:
    """The tag of an entry of this version, in its quotation marks.

    ``epoch`` is the database's: after a restore the same number may stand for other content, and a tag of before must not match it. A
    database without an epoch (in tests) has the number alone.
    """
    return f'"{epoch}-{version}"' if epoch else f'"{version}"'


@dataclass(frozen=True)
class IfMatch:
    """The strong entity tags of an If-Match header; None stands for ``*``, which is true for whatever exists (RFC 9110 13.1.1)."""

    tags: frozenset[str] | None
    epoch: str = ""

    @classmethod
    def read(cls, header: str, epoch: str = "") -> "IfMatch":
        """What a request to a database of this epoch is based on. Raises ValueError for what is neither ``*`` nor a list of entity tags.

        Weak tags are read, and match nothing, as the comparison is the strong one (RFC 9110 8.8.3.2).
        """
        if header.strip() == "*":
            return cls(None, epoch)
        found = [_TAG.fullmatch(part) for part in _split(header)]
        if not found or None in found:
            raise ValueError("no entity tags")
        return cls(frozenset(tag[2] for tag in found if tag is not None and tag[1] is None), epoch)

    def admits(self, version: int) -> bool:
        """Whether an entry of this version may be written."""
        return self.tags is None or entity_tag(version, self.epoch)[1:-1] in self.tags


def _split(header: str) -> list[str]:
    """The list's members; a comma may stand inside a tag, and empty members are skipped (RFC 9110 5.6.1)."""
    parts = re.findall(r'\s*((?:W/)?"[^"]*"|[^,]*)\s*(?:,|$)', header)
    return [part.strip() for part in parts if part.strip()]
