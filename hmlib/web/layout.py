"""What every page of a service has around its content: navigation, modules, the caller, toasts and the banner."""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hmlib.auth.permissions import Caller, Mark, mark_of
from hmlib.config import HUB, Settings
from hmlib.keys import Unsealable
from hmlib.web import rendering, toasts
from hmlib.web.page_handler import PageHandler

AWAY = "Nexus is not answering. You can go on with your work here; signing in and what needs the directory will be back shortly."
MOST_PIECES, LONGEST_PIECE = 512, 8000
READ_ONLY = "Nexus is not answering and your sign-in has run out: you can read on for a while, but neither change nor export anything."


@dataclass(frozen=True)
class NavigationItem:
    """One entry of a service's side navigation; shown to those who hold ``permission`` (None: to everyone signed in).

    ``staff`` keeps it from clients.
    """

    label: str
    route: str
    icon: str
    permission: str | None = None
    staff: bool = False

    def concerns(self, caller: Caller) -> bool:
        return Mark(permission=self.permission, staff=self.staff).admits(caller)


class Later:
    """A list that is made only when somebody looks: pieces of a page have no navigation."""

    def __init__(self, make: Callable[[], list[dict[str, Any]]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._make())


class Pages:
    """A service's templates and the context they all share."""

    def __init__(self, settings: Settings, templates: Path, navigation: Sequence[NavigationItem], search_route: str | None) -> None:
        self._settings, self._navigation, self._search_route = settings, navigation, search_route
        self._environment = rendering.environment(templates)
        self._version = version("hivematrix")
        self._formats: dict[str, rendering.Formats] = {}
        self._url: Callable[..., str] | None = None
        self.nonce = secrets.token_urlsafe(18)
        """Stands in what is rendered where each answer puts a nonce of its own; known to nobody, so that no stored text can hold it."""
        self._pieces: OrderedDict[tuple[Any, ...], str] = OrderedDict()

    def render(self, handler: PageHandler, template: str | tuple[str, ...], context: Mapping[str, Any]) -> str:
        """The page, with ``nonce`` where an answer puts its own; of several templates the first that there is."""
        found = self._environment.select_template(template if isinstance(template, tuple) else (template,))
        return found.render({**self._shared(handler, self.nonce), "piece": self._piece, **context})

    def _piece(self, key: Sequence[Any], macro: Callable[..., str], *args: Any) -> str:
        """What a macro makes of its arguments, made once for what they depend on: the head of a table says the same to everybody."""
        name = _frozen(key)
        if name not in self._pieces:
            made = macro(*args)
            if len(made) > LONGEST_PIECE:
                return made
            self._pieces[name] = made
            if len(self._pieces) > MOST_PIECES:
                self._pieces.popitem(last=False)
        return self._pieces[name]

    def _shared(self, handler: PageHandler, nonce: str) -> dict[str, Any]:
        settings, caller = self._settings, handler.caller
        if self._url is None:
            self._url = lru_cache(maxsize=8192)(handler.application.reverse_url)
        return {
            **rendering.page_functions(nonce, handler.form_token, keyed=caller is not None),
            "url": self._url,
            "caller": caller,
            "me": caller,
            "service": settings.service,
            "service_title": settings.title,
            "modules": Later(self._modules),
            "navigation": Later(lambda: self._items(handler, caller)),
            "now": handler.now,
            "time_left": handler.time_left(),
            "banner": self._banner(handler, caller),
            "request_path": handler.request.path,
            "fmt": self._formats_of(handler),
            "toasts": _toasts(handler),
            "release": self._version,
            "account_url": f"{settings.nexus_url}/account",
            "search_url": self._search_url(handler, caller),
        }

    def _formats_of(self, handler: PageHandler) -> rendering.Formats:
        zone = handler.preferences.remembered(handler.db, "time_zone", "UTC")
        if zone not in self._formats:
            self._formats[zone] = rendering.Formats("en_US", zone)
        return self._formats[zone]

    def _modules(self) -> list[dict[str, Any]]:
        """Every service of the suite, Nexus first, as HM_MODULES lists them."""
        listed = [(HUB, self._settings.nexus_url), *((module.name, module.origin) for module in self._settings.modules)]
        return [
            {"name": name, "title": name.capitalize(), "origin": origin, "active": name == self._settings.service}
            for name, origin in listed
        ]

    def _items(self, handler: PageHandler, caller: Caller | None) -> list[dict[str, Any]]:
        shown = [item for item in self._navigation if caller and item.concerns(caller) and _may_open(handler, item.route, caller)]
        urls = {item.route: handler.reverse_url(item.route) for item in shown}
        here = max((url for url in urls.values() if _within(handler.request.path, url)), key=len, default="")
        return [{"label": item.label, "url": urls[item.route], "icon": item.icon, "active": urls[item.route] == here} for item in shown]

    def _search_url(self, handler: PageHandler, caller: Caller | None) -> str:
        """Where the box in the top bar leads; "" shows none, for a box is only for those who may have its answer."""
        route = self._search_route
        return handler.reverse_url(route) if route and _may_open(handler, route, caller) else ""

    def _banner(self, handler: PageHandler, caller: Caller | None) -> str:
        if caller and caller.read_only:
            return READ_ONLY
        nexus = handler.spine.nexus
        return AWAY if caller and nexus is not None and nexus.seems_down else ""


def _frozen(value: Any) -> Any:
    """As a key has it."""
    if isinstance(value, Mapping):
        return tuple((name, _frozen(one)) for name, one in value.items())
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def _may_open(handler: PageHandler, route: str, caller: Caller | None) -> bool:
    """Whether the page of that name would let the caller in: the mark above its GET says so."""
    rule = handler.application.wildcard_router.named_rules[route]
    mark = mark_of(rule.target.get, rule.target_kwargs.get("of"))
    return caller is not None and mark is not None and mark.admits(caller)


def _within(path: str, url: str) -> bool:
    return path == url or (url != "/" and path.startswith(url + "/"))


def _toasts(handler: PageHandler) -> list[toasts.Toast]:
    """What the answer before this one asked to be said, once."""
    name = f"{handler.hm.cookie}_toast"
    sealed = handler.get_cookie(name)
    if not sealed or handler.request.headers.get("HX-Request") == "true":
        return []
    handler.drop_cookie(name)
    try:
        text = handler.keys.unseal(sealed, table="cookie", column="toast", row_id=handler.xsrf_binding).decode()
    except Unsealable:
        return []
    return [toasts.read(text)]
