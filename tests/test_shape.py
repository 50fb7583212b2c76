"""What a machine can hold of the house rules: who imports whom, where SQL stands, that every method is marked."""

import ast
import importlib
import inspect
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any, TypeGuard

import pytest

ROOT = Path(__file__).parent.parent
SERVICES = sorted(path.name for path in ROOT.glob("*_srv"))
SHAPE = {
    "__init__.py",
    "__main__.py",
    "app.py",
    "settings.py",
    "commands.py",
    "demo.py",
    "pages",
    "api",
    "queries",
    "migrations",
    "templates",
    "tests",
}

# A package of hmlib imports only from those to its left; the modules at hmlib's root come first and import only each other.
ORDER = ["adapters", "db", "records", "auth", "nexus", "jobs", "web", "sso", "api", "tables"]
ORDER += ["kinds", "resources", "imports", "processes", "server", "backups", "cli", "testing"]
MOST_AT_THE_ROOT = 10
MOST_SIDE_BY_SIDE = 14
A_FILE_EACH = ("queries", "pages", "api", "directory")

# Whom nobody needs to be signed in for. A new name here is a decision.
OPEN = (ROOT / "tests" / "open_methods.txt").read_text().split()


def sources(*folders: str, tests: bool = False) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if tests or "tests" not in path.parts]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_only_itself_and_hmlib(service: str) -> None:
    others = [other for other in SERVICES if other != service]
    wrong = [(path.name, name) for path in sources(service, tests=True) for name in imported(path) if name.split(".")[0] in others]
    assert not wrong


def test_hmlib_imports_no_service() -> None:
    wrong = [(path.name, name) for path in sources("hmlib", tests=True) for name in imported(path) if name.split(".")[0].endswith("_srv")]
    assert not wrong


def test_hmlib_names_no_module_in_code() -> None:
    """A module may be named as a default of the environment and in examples, nowhere else."""
    wrong = []
    for path in sources("hmlib"):
        if path.name == "config.py" or path.parent.name == "testing":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and node.value in ("wiki", "treasury", "wiki_srv", "treasury_srv")
            ):
                wrong.append((path.name, node.lineno))
    assert not wrong


def modules() -> dict[str, Path]:
    """Every module of the sources by its name; a package goes by the name of its folder."""
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in sources("hmlib", *SERVICES)}


def package_rank(module: str) -> int:
    """Where a module of hmlib stands in ORDER: 0 for those at the root."""
    name = module.split(".")[1]
    return ORDER.index(name) + 1 if name in ORDER else 0


def test_every_package_of_hmlib_has_its_place() -> None:
    folders = {path.parent.name for path in (ROOT / "hmlib").glob("*/__init__.py")} - {"tests"}
    assert not sorted(folders - set(ORDER)), "give these their place in ORDER"


def test_hmlib_imports_only_to_its_left() -> None:
    here = {name: path for name, path in modules().items() if name.startswith("hmlib.")}
    wrong = [
        f"{name} imports {other}"
        for name, path in here.items()
        for other in imported(path) & here.keys()
        if package_rank(other) > package_rank(name)
    ]
    assert not wrong


def circles(edges: dict[str, set[str]]) -> list[str]:
    """Each way that leads back to where it began."""
    found, done = [], set()

    def follow(name: str, way: list[str]) -> None:
        if name in way:
            found.append(" -> ".join([*way[way.index(name) :], name]))
        elif name not in done:
            for other in sorted(edges.get(name, ())):
                follow(other, [*way, name])
            done.add(name)

    for name in sorted(edges):
        follow(name, [])
    return found


def test_no_imports_go_in_circles() -> None:
    known = modules()
    assert not circles({name: (imported(path) & known.keys()) - {name} for name, path in known.items()})


def test_control_a_circle_is_seen() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b -> c -> b"]


def test_folders_stay_small() -> None:
    """What is side by side is read at a glance; only a file for each kind of record may be more."""
    side_by_side = Counter(path.parent for path in sources("hmlib", *SERVICES, "bench"))
    assert not {
        str(folder.relative_to(ROOT)): count
        for folder, count in side_by_side.items()
        if count > MOST_SIDE_BY_SIDE and folder.name not in A_FILE_EACH
    }
    assert side_by_side[ROOT / "hmlib"] - 1 <= MOST_AT_THE_ROOT


def looked_up(tree: ast.AST) -> list[int]:
    """Lines that look something up by a word in an application's settings."""
    found = []
    for node in ast.walk(tree):
        given = node.value if isinstance(node, ast.Subscript) else node.func.value if _asks(node) else None
        word = node.slice if isinstance(node, ast.Subscript) else node.args[0] if isinstance(node, ast.Call) and node.args else None
        by_word = given is not None and isinstance(word, ast.Constant) and isinstance(word.value, str)
        if by_word and re.fullmatch(r"((self|handler)\.)?(self|app|application|handler)\.settings", ast.unparse(given)):
            found.append(node.lineno)
    return found


def _asks(node: ast.AST) -> TypeGuard[Any]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "setdefault", "pop")


def test_nothing_is_looked_up_by_a_word_in_an_applications_settings() -> None:
    """What handlers share is the spine, which is typed. (Import plans have settings of their own.)"""
    paths = [path for path in sources("hmlib", *SERVICES) if path.relative_to(ROOT).parts[:2] != ("treasury_srv", "imports")]
    assert not [f"{path.relative_to(ROOT)}:{line}" for path in paths for line in looked_up(ast.parse(path.read_text()))]


def test_control_a_look_up_by_a_word_is_seen() -> None:
    assert looked_up(ast.parse('self.settings["db"]\napp.settings.get("x")\nself.settings[kind]\nsettings["zone"]')) == [1, 2]


def remembered(tree: ast.Module) -> list[str]:
    """Names of a module, or of a class in it, that functions change: memory that outlives a request and belongs to no object."""
    names = {target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets if isinstance(target, ast.Name)}
    names |= {node.target.id for node in tree.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)}
    kinds = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    found = []
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]:
        own = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        for node in ast.walk(function):
            if isinstance(node, ast.Global):
                found += node.names
            elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
                holder = ast.unparse(node.value)
                found += [holder] if holder in (names - own if isinstance(node, ast.Subscript) else kinds) else []
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
                holder = ast.unparse(node.func.value)
                found += [holder] if holder in names - own else []
    return found


CHANGES = ("append", "add", "update", "setdefault", "pop", "popitem", "clear", "extend", "remove", "discard", "insert", "put")
REMEMBERED = {"hmlib/testing/fixtures.py": ["_templates", "_templates"]}  # the migrated databases of a test run


def test_modules_remember_nothing() -> None:
    found = {str(path.relative_to(ROOT)): remembered(ast.parse(path.read_text())) for path in sources("hmlib", *SERVICES)}
    assert {path: names for path, names in found.items() if names} == REMEMBERED


def test_control_memory_of_a_module_or_of_a_class_is_seen() -> None:
    code = "held = {}\nclass Page:\n    count = 0\ndef note(x):\n    held[x] = 1\n    held.update(x)\n    Page.count += 1\n"
    assert remembered(ast.parse(code)) == ["held", "held", "Page"]
    assert remembered(ast.parse("held = {}\ndef note(x):\n    held = {}\n    held[x] = 2\n")) == []


def test_sql_stands_only_in_queries_and_in_the_spine() -> None:
    """In a service, SQL is in queries/ and migrations/ alone."""
    pattern = re.compile(r"\b(SELECT\s.+\sFROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM)\b", re.DOTALL)
    wrong = []
    for path in sources(*SERVICES):
        if "queries" in path.relative_to(ROOT).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and pattern.search(node.value):
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not wrong


def test_migrations_only_expand_unless_their_name_says_so() -> None:
    """Old and new code run side by side on the new schema; what old code cannot live with is named (hmlib.db.migrate.BREAKING)."""
    breaks = re.compile(
        r"\bDROP\s+(TABLE|COLUMN)\b|\bRENAME\b|\bSET\s+NOT\s+NULL\b|\bADD\s+COLUMN\b(?![^;,]*\bDEFAULT\b)[^;,]*\bNOT\s+NULL\b", re.I
    )
    files = [path for folder in ("hmlib", *SERVICES) for path in sorted((ROOT / folder / "migrations").glob("*.sql"))]
    assert files
    assert not [str(path) for path in files if breaks.search(path.read_text()) and not path.name.split(".")[0].endswith("_breaks")]


def test_only_the_runner_catches_everything() -> None:
    """Elsewhere a broad except may only clean up and raise again."""
    wrong = []
    for path in sources("hmlib", *SERVICES):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler) and path.name != "service.py":
                names = {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)} if node.type else {"bare"}
                last = node.body[-1]
                if names & {"Exception", "BaseException", "bare"} and not (isinstance(last, ast.Raise) and last.exc is None):
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not wrong


@pytest.mark.parametrize("service", SERVICES)
def test_services_have_the_same_names_inside(service: str) -> None:
    assert {path.name for path in (ROOT / service).iterdir()} >= SHAPE


def handlers() -> list[type]:
    from hmlib.api import openapi
    from hmlib.server import csp_reports
    from hmlib.sso import login, logout
    from hmlib.web.api_handler import ApiHandler
    from hmlib.web.handler import Handler
    from hmlib.web.page_handler import PageHandler

    routes = [*login.routes(), *logout.routes(), *openapi.routes()]
    for service in SERVICES:
        routes += importlib.import_module(f"{service}.app").ROUTES
    found = {route.target for route in routes} | {csp_reports.PolicyReport}
    assert all(issubclass(kind, Handler) and not (issubclass(kind, PageHandler) and issubclass(kind, ApiHandler)) for kind in found)
    return sorted(found, key=lambda kind: f"{kind.__module__}.{kind.__name__}")


def methods() -> list[tuple[type, str]]:
    from tornado.web import RequestHandler

    verbs = ("get", "post", "put", "patch", "delete")
    return [(kind, verb) for kind in handlers() for verb in verbs if getattr(kind, verb) is not getattr(RequestHandler, verb)]


def test_every_method_is_marked() -> None:
    from hmlib.auth.permissions import mark_of

    assert not [f"{kind.__module__}.{kind.__name__}.{verb}" for kind, verb in methods() if mark_of(getattr(kind, verb)) is None]


def test_every_open_method_is_named() -> None:
    from hmlib.auth.permissions import mark_of

    found = sorted(
        f"{kind.__module__}.{kind.__name__}.{verb}" for kind, verb in methods() if (mark := mark_of(getattr(kind, verb))) and mark.everyone
    )
    assert found == sorted(OPEN)


def test_pages_and_api_are_apart() -> None:
    from hmlib.web.api_handler import ApiHandler
    from hmlib.web.page_handler import PageHandler

    wrong = [kind for kind in handlers() if "_srv.pages." in kind.__module__ and not issubclass(kind, PageHandler)]
    wrong += [kind for kind in handlers() if "_srv.api." in kind.__module__ and not issubclass(kind, ApiHandler)]
    assert not wrong


def test_every_api_method_says_what_it_does() -> None:
    from hmlib.web.api_handler import ApiHandler

    assert not [f"{kind.__name__}.{verb}" for kind, verb in methods() if issubclass(kind, ApiHandler) and not getattr(kind, verb).__doc__]


@pytest.mark.parametrize("folder", ["hmlib", *SERVICES])
def test_every_template_is_used(folder: str) -> None:
    """Named by a handler, or by another template of the suite, or the one of a declared kind in the place of every kind's."""
    base = ROOT / folder / "templates"
    texts = [path.read_text() for path in sources("hmlib", *SERVICES)] + [path.read_text() for path in ROOT.glob("*/templates/**/*.html")]
    everything = "\n".join(texts)
    kinds = {f"{plural}/{name}.html" for plural in re.findall(r'plural="([a-z_-]+)"', everything) for name in ("list", "_rows", "page")}
    names = {str(path.relative_to(base)) for path in base.rglob("*.html")}
    assert not sorted(name for name in names - kinds if not re.search(rf"""["']{re.escape(name)}["']""", everything))


def test_every_variable_is_in_the_docs() -> None:
    docs = "\n".join(path.read_text() for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
    code = "\n".join(path.read_text() for path in sources("hmlib", *SERVICES)) + (ROOT / "supervisord.conf").read_text()
    used = set(re.findall(r"\bHM_[A-Z][A-Z_]*[A-Z]\b", code))
    assert not sorted(name for name in used if name not in docs)


def test_no_verification_is_switched_off() -> None:
    wrong = re.compile(r"verify\s*=\s*False|validate_cert\s*=\s*False|CERT_NONE|check_hostname\s*=\s*False")
    assert not [path.name for path in sources("hmlib", *SERVICES) if wrong.search(path.read_text())]


def test_nothing_is_read_at_import(monkeypatch: pytest.MonkeyPatch) -> None:
    for path in sources("hmlib", *SERVICES):
        for node in ast.parse(path.read_text()).body:
            calls = [n for n in ast.walk(node) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "os"]
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr) and path.parent.name != "testing":
                assert not [n for n in calls if n.attr in ("environ", "getenv")], path
    assert os.environ is not None


def test_files_and_functions_stay_small() -> None:
    """House rule: files under 400 lines, functions under 40; a few long ones may be listed here with their reason."""
    long_files = [
        str(path.relative_to(ROOT)) for path in sources("hmlib", *SERVICES) if path.read_text().count("\n") > LONGEST.get(path.name, 400)
    ]
    long_functions = []
    for path in sources("hmlib", *SERVICES):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 40:
                long_functions.append(f"{path.relative_to(ROOT)}:{node.name}")
    assert not long_files
    assert not long_functions


LONGEST = {
    "cells.py": 310,  # one reader a kind of cell
    "markup.py": 300,  # one renderer, a method a kind of token
}


# Where a page or an API opens a transaction that keeps no answer: nobody is known yet by whom a request could be repeated, what comes in is
# good once by itself (a code, a ticket, a token), or a file goes out and is noted.
KEEPS_NO_ANSWER = {
    *("nexus_srv/api/announcement.py", "nexus_srv/api/oauth_status.py", "nexus_srv/api/session.py", "nexus_srv/api/token.py"),
    *("nexus_srv/pages/adopt.py", "nexus_srv/pages/consent.py", "nexus_srv/pages/end_session.py", "nexus_srv/pages/login.py"),
    *("treasury_srv/pages/agreements.py", "treasury_srv/pages/companies.py", "treasury_srv/pages/labour.py", "hmlib/server/admin.py"),
}


def test_a_request_has_one_transaction_that_keeps_its_answer() -> None:
    faces = [path for service in SERVICES for face in ("api", "pages") for path in sources(f"{service}/{face}")]
    opening = {
        str(path.relative_to(ROOT))
        for path in (*faces, ROOT / "hmlib" / "server" / "admin.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "write"
        if isinstance(node.func.value, ast.Attribute) and node.func.value.attr == "db"
    }
    assert opening <= KEEPS_NO_ANSWER


# What a POST or PUT may be that is not done in such a transaction: a question, or one of those of KEEPS_NO_ANSWER.
ASKS_OR_KEEPS_NO_ANSWER = {
    *("/login$", "/logout$", "/confirm$", "/setup$", "/setup/password$", "/sso/adopt$", "/sso/switch$"),
    *(
        "/oauth/authorize$",
        "/oauth/consent$",
        "/oauth/logout$",
        "/oauth/token$",
        "/oauth/userinfo$",
        "/oauth/revoke$",
        "/oauth/introspect$",
    ),
    *("/api/token$", "/api/announcement$", "/api/context$", "/articles/preview$"),
}


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_posted_is_done_once(service: str) -> None:
    """A handler, or what it inherits from its service, opens the transaction of the request; a lookup is a question."""
    routes = importlib.import_module(f"{service}.app").ROUTES
    without = set()
    for route in routes:
        own = [each for each in route.target.__mro__ if each.__module__.split(".")[0] == service]
        does = any(verb in vars(each) for each in own for verb in ("post", "put"))
        text = "".join(inspect.getsource(each) for each in own)
        if does and ".transaction" not in text and not re.search(r"await _change\(self", text):
            without.add(route.regex.pattern)
    assert {pattern for pattern in without if not pattern.endswith(":lookup$")} <= ASKS_OR_KEEPS_NO_ANSWER


def words_decide(tree: ast.AST) -> list[int]:
    """Lines at which the text of an error that was caught is looked into: `"taken" in str(error)`, `error.detail.startswith(…)`."""
    found = []
    for caught in [node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.name]:
        for node in ast.walk(caught):
            looked_into: list[ast.expr] = []
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
                looked_into = node.comparators
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("startswith", "endswith"):
                looked_into = [node.func.value]
            found += [node.lineno for part in looked_into if is_text_of(part, str(caught.name))]
    return found


def is_text_of(node: ast.expr, error: str) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str":
        return any(isinstance(part, ast.Name) and part.id == error for part in ast.walk(node))
    told = isinstance(node, ast.Attribute) and node.attr in ("detail", "args", "message", "reason")
    return told and any(isinstance(part, ast.Name) and part.id == error for part in ast.walk(node))


def test_an_errors_kind_decides_and_not_its_words() -> None:
    assert [(path.name, line) for path in sources("hmlib", *SERVICES) for line in words_decide(ast.parse(path.read_text()))] == []


@pytest.mark.parametrize("wrong", ["'large' in str(e)", "e.detail.startswith('No')", "'x' not in e.args"])
def test_control_words_that_decide_are_seen(wrong: str) -> None:
    assert words_decide(ast.parse(f"try:\n    pass\nexcept ValueError as e:\n    x = {wrong}")) == [4]


def test_what_only_reads_asks_for_no_right_to_write() -> None:
    """Who may only read, or reads on while Nexus is away, gets every list and every entry that a program can ask for."""
    wrong = []
    for path in sources(*SERVICES):
        if "api" not in path.relative_to(ROOT).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                wrong += [f"{path.relative_to(ROOT)}:{node.name}" for body in node.body if _reads_by_writing(node.name, body)]
    assert not wrong


def _reads_by_writing(kind: str, node: ast.stmt) -> bool:
    reads = isinstance(node, ast.AsyncFunctionDef) and (node.name == "get" or (node.name == "post" and kind.endswith("Lookup")))
    marks = [ast.unparse(mark) for mark in node.decorator_list] if reads and isinstance(node, ast.AsyncFunctionDef) else []
    return any(mark.startswith("allowed(") and ":write" in mark for mark in marks)


def test_every_export_is_marked_as_one() -> None:
    """A list as a file is no reading on: the mark above it says so."""
    exports, unmarked = 0, []
    for path in sources("hmlib", *SERVICES):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and node.name.endswith("Export"):
                marks = [ast.unparse(mark) for body in node.body if isinstance(body, ast.AsyncFunctionDef) for mark in body.decorator_list]
                exports += bool(marks)
                unmarked += [
                    f"{path.relative_to(ROOT)}:{node.name}" for mark in marks if mark.startswith("allowed(") and "export=True" not in mark
                ]
    assert exports > 3 and not unmarked  # most lists are of declared kinds, which share one


OTHER_SCRIPTS = re.compile(r"\.(?:isdigit|isnumeric|isdecimal)\(|\\d|\bstrptime\(")
DIGITS_OF_OURS = {  # what no stranger writes
    ("hmlib/backups/creating.py", "if pid.isdigit() and not"),  # the system's list of processes
    ("hmlib/db/postgres.py", 'text.lstrip("-").isdecimal()'),  # PostgreSQL's own numbers
    ("hmlib/db/postgres.py", "last.isdecimal()"),
    ("hmlib/db/migrate.py", "_FILE = re.compile("),  # names of our files
    ("hmlib/json.py", "_STEP = re.compile("),  # msgspec's paths
    ("nexus_srv/directory/companies.py", "_DOMAIN = re.compile("),  # takes letters of every script, and is no number
    ("wiki_srv/search/query_text.py", "(?:#{1,6}|>|[-+*]|"),  # only passed over
    ("wiki_srv/demo.py", "_COMPANY = re.compile("),
    ("wiki_srv/articles/markup.py", "ARTICLE_ID = re.compile("),
}


def test_numbers_are_read_from_ascii_digits() -> None:
    r"""``\d``, ``isdigit`` and their like take the digits of every script, which ``int`` reads and nothing else does."""
    found = [
        (str(path.relative_to(ROOT)), line)
        for path in sources("hmlib", *SERVICES)
        for line in path.read_text().splitlines()
        if OTHER_SCRIPTS.search(line) and "isascii" not in line
    ]
    assert not [(path, line) for path, line in found if not any(path == known and words in line for known, words in DIGITS_OF_OURS)]
