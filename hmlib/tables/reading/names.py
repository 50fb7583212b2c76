"""Names of people as other tools write them in one column."""

_BEFORE_A_LAST_NAME = "van von der den de di da del della dos du la le ten ter zu al bin ibn"
_PARTICLES = frozenset(_BEFORE_A_LAST_NAME.split())


def parted(name: str) -> tuple[str | None, str | None]:
    """First and last name: "Gav Reed" and "Reed, Gav" are the same, a single word is a first name, and "Ludwig van Beethoven" is a van
    Beethoven. None where there is none."""
    if "," in name:
        last, _, first = name.partition(",")
        return first.strip() or None, last.strip() or None
    words = name.split()
    at = next((at for at, word in enumerate(words[1:-1], 1) if word in _PARTICLES), len(words) - 1 or 1)
    return " ".join(words[:at]) or None, " ".join(words[at:]) or None
