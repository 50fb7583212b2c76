"""Text as the search sees it: folded words, the same for both database engines. Pure: no I/O."""

import re
import unicodedata
from collections.abc import Iterable

SEARCHED_LENGTH = 250_000
"""Characters of an article that are searched; PostgreSQL takes at most 1 MB for one text."""
MOST_POSITIONS = 16_383
LONGEST_WORD = 60
_STOP_WORDS = """
a an and any are as at be been but by can could do does for from had has have he her his how i if in into is it its me my no not of on or
our out please she so than that the their them then there they this to up us was we were what when where which who will with would you your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
_WORD = re.compile(r"[^\W_]+")


class _Folding(dict[int, str]):
    """One character for one character, so that a place in the folded text is the same place in the text."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        base = unicodedata.normalize("NFKD", char)[0].lower()
        self[code] = base if len(base) == 1 else char
        return self[code]


_folding = _Folding()


def folded(text: str) -> str:
    """Lower case without diacritics, of the same length as `text`."""
    return text.lower() if text.isascii() else text.translate(_folding)


def words(text: str) -> list[str]:
    """The folded words of a text in order, each at most 60 characters."""
    return [word[:LONGEST_WORD] for word in _WORD.findall(folded(unicodedata.normalize("NFC", text)))]


def telling(text: str, most: int) -> list[str]:
    """The first `most` different words of a text that say something: no stop words, no single letters."""
    kept = (word for word in words(text) if len(word) > 1 and word not in STOP_WORDS)
    return list(dict.fromkeys(kept))[:most]


def facet(kind: str, value: str) -> str:
    """A word that stands for a property of an article, such as its company. It begins with a sign that no word of a text holds."""
    return "=" + kind + "".join(words(value))


def vector(title: str, tags: str, body: str, facets: Iterable[str]) -> str:
    """The text form of PostgreSQL's tsvector: title weighs A, tags B, body D; a facet has no place."""
    places: dict[str, list[str]] = {}
    at = 0
    for text, weight in ((title, "A"), (tags, "B"), (body[:SEARCHED_LENGTH], "D")):
        for word in words(text):
            at += 1
            if at <= MOST_POSITIONS and len(places.setdefault(word, [])) < 255:
                places[word].append(f"{at}{weight}")
            places.setdefault(word, [])
        at += 1
    lexemes = [f"'{word}':{','.join(found)}" if found else f"'{word}'" for word, found in places.items()]
    return " ".join([*lexemes, *(f"'{word}'" for word in facets)])
