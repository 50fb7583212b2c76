"""What to call a browser in a list of sessions."""

import re

# The order matters: most browsers also name those they descend from.
BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"), ("curl", "curl"))
SYSTEMS = (
    ("iPhone|iPad", "iOS"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X|Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux|X11", "Linux"),
)


def name(user_agent: str) -> str:
    """Such as "Firefox on Windows"; what cannot be told is left out."""
    browser, system = _first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)
    return " on ".join(part for part in (browser, system) if part) or "Unknown browser"


def _first(names: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((name for pattern, name in names if re.search(pattern, user_agent)), "")
