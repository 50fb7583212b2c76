"""What may stand in a name (one rule for every name)."""

import pytest

from hmlib import text as texts

HIDDEN = {
    "right-to-left override": "evil\u202egpj.exe",
    "isolate": "a\u2066b\u2069",
    "line separator": "Evil\u2028x",
    "paragraph separator": "Evil\u2029x",
    "line break": "a\nb",
    "tab": "a\tb",
    "NUL": "a\0b",
    "DEL": "a\x7fb",
    "C1": "a\x85b",
    "zero-width space": "a\u200bb",
    "byte order mark in the middle": "a\ufeffb",
    "soft hyphen": "a\u00adb",
    "word joiner": "a\u2060b",
    "direction mark": "a\u200eb",
    "joiner between Latin letters": "a\u200db",
    "non-joiner at the end": "می\u200c",
    "tag letter": "a\U000e0061b",
    "Hangul filler": "\u3164",
    "Braille blank": "a\u2800b",
    "grapheme joiner": "a\u034fb",
    "lone surrogate": "a\ud800b",
    "private use": "a\ue000b",
    "never assigned": "a\uffffb",
}
GOOD = {
    "plain": "Alder Street Dental",
    "accents": "Zoë Müller-Çelik",
    "Persian": "می\u200cخواهم",
    "Hindi": "क्\u200dष",
    "Arabic": "شركة النور",
    "Japanese": "株式会社 山田",
    "picture": "Team 👩\u200d💻",
    "typographic": "O’Neil — “Sons” & Co. №5",
    "no-break space": "Acme\u00a0Ltd",
}


@pytest.mark.parametrize("text", HIDDEN.values(), ids=HIDDEN)
def test_what_nobody_sees_is_refused_in_words(text):
    with pytest.raises(texts.Unseen) as refusal:
        texts.one_line(text)
    sentence = str(refusal.value)
    assert sentence == "Write it in one line." or (sentence.endswith("Take it out.") and "U+" in sentence)
    assert sentence.isprintable()


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_names_of_every_script_stay_as_they_are(text):
    assert texts.one_line(f"  {text} ") == text == texts.visible(text)
    assert texts.lines(text) == text


def test_a_name_is_composed():
    assert texts.one_line("Zoe\u0308") == "Zoë"


def test_the_sentence_says_where():
    with pytest.raises(texts.Unseen, match=r"After “Acme” there is a character that cannot be seen \(U\+200B\)\. Take it out\."):
        texts.one_line("Acme\u200b Dental")


@pytest.mark.parametrize("text", HIDDEN.values(), ids=HIDDEN)
def test_what_is_left_when_it_is_dropped_is_a_name(text):
    assert texts.one_line(" ".join(texts.visible(text).split())).isprintable()


def test_running_text_keeps_its_lines_but_not_what_overrules_reading():
    assert texts.lines(" a\r\n\tb\rc ") == "a\n\tb\nc"
    for text in ("a\u202eb", "a\0b", "a\ud800b"):
        with pytest.raises(texts.Unseen):
            texts.lines(text)
