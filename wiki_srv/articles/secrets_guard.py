"""Finds what looks like a password, key, token or one-time-code seed in a text, and hides it. Pure: no I/O."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MASK = "[hidden]"
_LONGEST_NAME = 80
"""Characters of a column's heading that may name a secret; a longer cell is a sentence."""

_NAMES = (
    r"pass(?:word|wd|phrase|code)?s?|pwd|pw|pin|kennwort|passwort|mot de passe|contrase[nñ]a|wachtwoord|secret|client[ _-]?secret"
    r"|(?:access|account|api|license|private|secret|wpa2?|wi-?fi|pre-?shared)[ _-]?key|(?:(?:access|api|auth|bearer|refresh)[ _-]?)?token"
    r"|psk|shared[ _-]?secret|snmp[ _-]?community|community[ _-]?string|(?:totp|otp|2fa|mfa)(?:[ _-]?seed)?|recovery[ _-]?codes?"
)
_ORDINARY_WORDS = """
a an and any are as ask at below be by can changed check contact do each every expired expires expiry for from full get go has
have held if in is it its kept last length lives located manager managed min minimum must n/a na need needs never no none not of
off on one only open or our owner per policies policy protected provided recovery required reset resets rotated rotation same
saved see self-service set sent should store stored sync tbd that the their there they this to under unknown unchanged up use
used user users uses using vault via was we when where which who will with without you your yes true false null empty blank
default prompt keyvault keeper bitwarden 1password lastpass passportal
"""
_ORDINARY = frozenset(_ORDINARY_WORDS.split())

_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "private key",
        re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)", re.S),
    ),
    ("one-time-code seed", re.compile(r"otpauth://[^\s)>\"'`]+", re.I)),
    ("access key", re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    (
        "token",
        re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|glpat-[\w-]{18,}|xox[abeprs]-[\w-]{10,}|npm_[A-Za-z0-9]{30,})"),
    ),
    ("token", re.compile(r"\b(?:[sr]k_(?:live|test)_\w{16,}|sk-[\w-]{20,}|AIza[\w-]{30,}|SG\.[\w-]{16,}\.[\w-]{16,}|hvs\.[\w-]{20,})")),
    ("token", re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")),
)
_IN_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]{0,30}://[^\s:/@]*:([^\s/@]+)@", re.I)
_IN_HEADER = re.compile(r"\b(?:authorization[\"'`]?\s*:\s*[\"'`]?)?(?:bearer|basic)\s+([\w+/.~=-]{16,})", re.I)
_NAMED = re.compile(
    rf"(?<![\w-])(?:{_NAMES})\b[\s*_`\"'’)]{{0,6}}(?:\([^)\n]{{0,60}}\)\s*)?(?:[:=|]|\bis\b|->|=>)"
    r"(?P<rest>[ \t*_]{0,40}\n\s{0,9}[^\s|]{1,200}[ \t]*(?=\n|\Z)|[^\n]{0,200})",
    re.I,
)
_QUOTED = re.compile(r"[\s*_|>:=]*+([`\"'“])(?P<value>[^`\"'”\s][^`\"'”\n]{0,200})[`\"'”]")
_WORD = re.compile(r"[\s*_|>:=]*+(?P<value>[^\s|]+)")
_PHRASE = re.compile(r"[\s*_|>:=]*+(?P<value>[^\s|]++(?: [^\s|,;(:=]++){1,4})[ \t]*+(?=[|,;(\n]|\Z)")
_NAME = re.compile(rf"\W*(?:[\w/ -]+\s)?(?:{_NAMES})\W*", re.I)


@dataclass(frozen=True)
class Finding:
    """One thing that looks secret: what it is, the line it begins on (from 1), and the characters it takes."""

    kind: str
    line: int
    start: int
    end: int


def find(text: str) -> list[Finding]:
    """What looks secret, in order, without overlaps. The value is never part of the answer."""
    spans = sorted([*_shaped(text), *_named(text), *_in_tables(text)], key=lambda span: (span[0], -span[1]))
    found: list[Finding] = []
    line, counted = 1, 0
    for start, end, kind in spans:
        if found and end <= found[-1].end:
            continue
        begin = max(start, found[-1].end) if found else start
        line, counted = line + text.count("\n", counted, begin), begin
        found.append(Finding(kind, line, begin, end))
    return found


def mask(text: str) -> str:
    """The text with everything that looks secret replaced by `[hidden]`."""
    parts, at = [], 0
    for finding in find(text):
        parts += [text[at : finding.start], MASK]
        at = finding.end
    return "".join([*parts, text[at:]])


def _shaped(text: str) -> Iterator[tuple[int, int, str]]:
    for kind, shape in _SHAPES:
        for match in shape.finditer(text):
            yield match.start(), match.end(), kind
    for kind, shape in (("password in an address", _IN_ADDRESS), ("token", _IN_HEADER)):
        for match in shape.finditer(text):
            yield match.start(1), match.end(1), kind


def _named(text: str) -> Iterator[tuple[int, int, str]]:
    """`Password: hunter2`, `**PSK:** "two words"`, `| PIN | 4711 |`, or the value alone on the line below."""
    at = 0
    while match := _NAMED.search(text, at):
        rest, start = match["rest"], match.start("rest")
        at = start if _NAMED.search(rest) else match.end()
        if span := _quoted(rest) or _first_word(rest):
            yield start + span[0], start + span[1], "password or key"


def _quoted(rest: str) -> tuple[int, int] | None:
    quoted = _QUOTED.match(rest)
    return quoted.span("value") if quoted and _secret_like(quoted["value"].split()[0]) else None


def _first_word(rest: str) -> tuple[int, int] | None:
    """The first word, or the few words that are all there is: a pass phrase is a password too."""
    word = _PHRASE.match(rest) or _WORD.match(rest)
    if word is None or not _secret_like(word["value"].split()[0]):
        return None
    trailing = len(word["value"]) - len(word["value"].rstrip(".,;*_`\"'"))
    return word.start("value"), word.end("value") - min(trailing, len(word["value"]) - 1)


def _in_tables(text: str) -> Iterator[tuple[int, int, str]]:
    """The cells under a column that is called password, key and the like."""
    columns: frozenset[int] = frozenset()
    before: list[str] = []
    at = 0
    for line in text.split("\n"):
        cells = re.split(r"(?<!\\)\|", line) if "|" in line else []
        if "-" in line and cells and re.fullmatch(r"[\s|:-]+", line):
            columns = frozenset(index for index, cell in enumerate(before) if _names_a_secret(cell.strip()))
        elif not cells:
            columns = frozenset()
        if columns:
            yield from _cells(cells, columns, at)
        before, at = cells, at + len(line) + 1


def _names_a_secret(title: str) -> bool:
    return len(title) <= _LONGEST_NAME and _NAME.fullmatch(title) is not None


def _cells(cells: list[str], columns: frozenset[int], start: int) -> Iterator[tuple[int, int, str]]:
    for index, cell in enumerate(cells):
        if index in columns and (value := cell.strip()) and _secret_like(value.split(maxsplit=1)[0]):
            begin = start + cell.index(value)
            yield begin, begin + len(value), "password or key"
        start += len(cell) + 1


def _secret_like(value: str) -> bool:
    """Whether a word after `password:` may be the password: not an ordinary word, a placeholder, a link or a mask."""
    bare = value.strip("*_`\"'“”.,;()[]").lower()
    if not bare or bare in _ORDINARY or len(bare) < 3:
        return False
    return not re.match(r"[<{\[$%]|\*+$|x+$|•+$|\.+$|-+$|https?://", value.strip("`\"'").lower()) and bare != MASK.strip("[]")
