"""What may stand in a name: one rule for every name of every service, whichever way it comes."""

import unicodedata

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that are drawn as nothing."""
_JOINERS = frozenset("\u200c\u200d")
_JOINING = frozenset({
    *("ARABIC", "SYRIAC", "NKO", "MONGOLIAN", "DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA", "TAMIL", "TELUGU"),
    *("KANNADA", "MALAYALAM", "SINHALA", "KHMER", "MYANMAR", "TIBETAN", "BALINESE", "JAVANESE", "TAI"),
})  # fmt: skip
"""Scripts whose letters a joiner or non-joiner shapes, by the first word of their letters' Unicode names."""
_PARTS_OF_PICTURES = frozenset({"So", "Sk"})


class Unseen(ValueError):
    """A text holds a character that nobody would see; the sentence names it and where it is, for the person who typed it."""


def one_line(text: str) -> str:
    """A name in the form it is stored: NFC, without spaces at its ends. "" stays "".

    Raises Unseen for line breaks, control characters, marks of direction, zero-width and other characters that cannot be seen, lone
    surrogates among them. Joiners stay between letters of scripts, and parts of pictures, that need them (Unicode UTS 39 3.1.1).
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    text = unicodedata.normalize("NFC", text.strip())
    _check(text)
    return text


def visible(text: str) -> str:
    """A text without what one_line() would refuse, for names that are looked up or made out of other people's words."""
    text = unicodedata.normalize("NFC", text)
    return "".join(letter for place, letter in enumerate(text) if letter in "\t\n" or not _is_unseen(text, place))


def lines(text: str) -> str:
    """The same for a text of several lines: plain line ends, tabs and line breaks stay. Raises Unseen.

    Marks of direction may stand in running text of two scripts; only those that overrule how letters are read may not.
    """
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n").strip())
    for place, letter in enumerate(text):
        category = unicodedata.category(letter)
        if (category in ("Cc", "Cs") and letter not in "\n\t") or letter in "\u202d\u202e":
            raise Unseen(_sentence(text, place))
    return text


def _check(text: str) -> None:
    for place in range(len(text)):
        if _is_unseen(text, place):
            raise Unseen(_sentence(text, place))


def _is_unseen(text: str, place: int) -> bool:
    letter = text[place]
    unseen = letter in _BLANK or unicodedata.category(letter) in _UNSEEN
    return unseen and not (letter in _JOINERS and _joins(text, place))


def _joins(text: str, place: int) -> bool:
    """Whether a joiner stands where a script or a picture needs one: between two letters or marks, or two parts of a picture."""
    if not 0 < place < len(text) - 1:
        return False
    return _is_joined(text[place - 1]) and _is_joined(text[place + 1])


def _is_joined(letter: str) -> bool:
    if letter == "\ufe0f" or unicodedata.category(letter) in _PARTS_OF_PICTURES:
        return True
    return unicodedata.name(letter, "").partition(" ")[0] in _JOINING


def _sentence(text: str, place: int) -> str:
    letter = text[place]
    if letter in "\r\n\u2028\u2029":
        return "Write it in one line."
    before = text[max(0, place - 20) : place].strip()
    where = f"After “{before}”" if before else "At the beginning"
    return f"{where} there is a character that cannot be seen (U+{ord(letter):04X}). Take it out."
