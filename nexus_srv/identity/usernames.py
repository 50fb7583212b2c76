"""The one canonical form of usernames and e-mail addresses, and which usernames are refused."""

import re
import unicodedata

LONGEST = 100

# Letters of Cyrillic and Greek that most fonts draw like a Latin one (the lower-case part of Unicode's UTS 39 confusables that matters
# here): a name made of nothing else could be taken for a Latin name.
LATIN_TWINS = frozenset("аԁеһіјӏоорԛѕԝхуүѵсѡπαεικνορτυχωϲϳ")
PUNCTUATION = frozenset("._-@+")
EMAIL = re.compile(r"[^\s@<>(),;:\\\"\[\]]{1,64}@[^\s@<>(),;:\\\"\[\]]+\.[^\s@<>(),;:\\\"\[\].]{2,63}")


class Refused(ValueError):
    """The name cannot be used; the text says why, for the person who typed it."""


def canonical(name: str) -> str:
    """The form that is unique and looked up: without surrounding spaces, NFKC, casefold, NFKC again for what casefolding decomposed."""
    folded = unicodedata.normalize("NFKC", name).strip().casefold()
    return unicodedata.normalize("NFKC", folded)


def checked(name: str) -> str:
    """`name` without surrounding spaces, fit to be a username; raises Refused."""
    name = unicodedata.normalize("NFC", name.strip())
    if not name:
        raise Refused("Enter a username.")
    if len(name) > LONGEST:
        raise Refused(f"A username has at most {LONGEST} characters.")
    form = canonical(name)
    if not all(_is_plain(letter) for letter in name + form):
        raise Refused("Use letters, digits and . _ - @ + only.")
    if not form[0].isalnum():
        raise Refused("Begin with a letter or a digit.")
    if len({_script(letter) for letter in form if letter.isalpha()}) > 1:
        raise Refused("Use the letters of one alphabet only.")
    if _passes_for_latin(form):
        raise Refused("This name could be mistaken for another one.")
    return name


def checked_email(address: str) -> str:
    """`address` without surrounding spaces, fit to be mailed to; '' stays ''. Raises Refused."""
    address = unicodedata.normalize("NFC", address.strip())
    if not address:
        return ""
    controls = any(unicodedata.category(letter)[0] in "CZ" for letter in address)
    if len(address) > 254 or controls or not EMAIL.fullmatch(address):
        raise Refused("Enter an e-mail address such as name@example.com.")
    return address


def _is_plain(letter: str) -> bool:
    return letter in PUNCTUATION or unicodedata.category(letter) in {"Ll", "Lu", "Lt", "Lo", "Lm", "Nd", "Mn", "Mc"}


def _script(letter: str) -> str:
    """The alphabet of a letter, by the first word of its Unicode name; the three of Japanese count as one."""
    script = unicodedata.name(letter, "UNKNOWN").split(" ", 1)[0].split("-", 1)[0]
    return "CJK" if script in {"HIRAGANA", "KATAKANA", "CJK"} else script


def _passes_for_latin(form: str) -> bool:
    letters = [letter for letter in form if letter.isalpha()]
    return bool(letters) and all(letter in LATIN_TWINS for letter in letters)
