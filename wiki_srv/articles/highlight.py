"""Colours code by its language, as spans with classes; pure, and only for languages that an MSP writes down."""

import functools

from markdown_it.common.utils import escapeHtml
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name

LONGEST = 20_000
"""Characters of code beyond which it is shown plain: colour is not worth a slow page."""

LANGUAGES = {
    "bash": "bash",
    "bat": "bat",
    "batch": "bat",
    "c": "c",
    "cmd": "bat",
    "console": "console",
    "csharp": "csharp",
    "css": "css",
    "diff": "diff",
    "dockerfile": "docker",
    "go": "go",
    "hcl": "hcl",
    "html": "html",
    "http": "http",
    "ini": "ini",
    "java": "java",
    "javascript": "javascript",
    "js": "javascript",
    "json": "json",
    "nginx": "nginx",
    "php": "php",
    "powershell": "powershell",
    "ps1": "powershell",
    "py": "python",
    "python": "python",
    "rust": "rust",
    "sh": "bash",
    "shell": "bash",
    "sql": "sql",
    "terraform": "terraform",
    "toml": "toml",
    "ts": "typescript",
    "typescript": "typescript",
    "vbnet": "vbnet",
    "xml": "xml",
    "yaml": "yaml",
    "yml": "yaml",
}


def highlighted(code: str, language: str) -> str:
    """The code as HTML: coloured where the language is known, escaped and plain otherwise."""
    name = LANGUAGES.get(language.lower())
    if name is None or len(code) > LONGEST:
        return escapeHtml(code)
    return str(highlight(code, _lexer(name), _formatter()))


@functools.cache
def _lexer(name: str) -> Lexer:
    return get_lexer_by_name(name, stripnl=False)


@functools.cache
def _formatter() -> HtmlFormatter[str]:
    return HtmlFormatter(nowrap=True, classprefix="hl-")
