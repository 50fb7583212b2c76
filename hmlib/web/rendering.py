"""Turns templates into pages: the Jinja environment and what every template may call."""

import datetime as dt
import functools
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

import babel
import babel.dates
import babel.numbers
from babel.support import NullTranslations, Translations
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from hmlib.web import idempotency, xsrf
from hmlib.web.static_files import static_files, static_url

TEMPLATES = Path(__file__).parent.parent / "templates"
LOCALES = Path(__file__).parent.parent / "locale"
LONGEST_REMEMBERED = 500  # characters: what somebody types into a search box may be longer, and is not kept

__all__ = ["Formats", "environment", "hx", "icon", "list_url", "page_functions", "static_url", "translations", "with_keys", "xsrf_field"]


@functools.cache
def environment(*folders: Path) -> Environment:
    """A service's templates first, hmlib's after them; escaping everywhere, and an unknown name is an error. One a process."""
    loaders = [FileSystemLoader(folder) for folder in (*folders, TEMPLATES)]
    env = Environment(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    env.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
    env.globals.update(static=static_url, icon=icon, list_url=list_url, with_keys=with_keys, _=_text, mark=_mark(), piece=_anew)
    return env


def _anew(key: Sequence[Any], macro: Callable[..., str], *args: Any) -> str:
    """What `piece` is where nobody remembers any: see layout.Pages."""
    return macro(*args)


def _mark() -> Markup:
    """HiveMatrix's own mark, to stand in the page itself: as a picture it would be fetched a second time, beside the tab's."""
    return Markup(static_files()["favicon.svg"].plain.decode().strip())  # noqa: S704  our own file


@pass_context
def _text(context: Context, message: str, /, **variables: Any) -> Any:
    """What `_` is in a template: the page's own gettext where it passes one, else the English text, escaped once and remembered."""
    own = context.resolve("gettext")
    if own is not context.environment.globals["gettext"]:
        return context.call(own, message, **variables)
    return _english(message) % variables if variables else _plain_english(message)


@functools.lru_cache(maxsize=4096)
def _english(message: str) -> Markup:
    return Markup(message)  # noqa: S704  messages are the templates' own


@functools.lru_cache(maxsize=4096)
def _plain_english(message: str) -> Markup:
    return _english(message) % {}


@functools.cache
def translations(locale: str) -> NullTranslations:
    """The texts of a language; English where there is no catalogue. A page passes its gettext and ngettext on."""
    return Translations.load(LOCALES, [locale])


def hx(nonce: str, /, **attributes: str | int | bool | None) -> Markup:
    """The htmx attributes of one element, with the nonce without which hx-csp refuses them.

    `push_url` is hx-push-url, `headers_inherited` is hx-headers:inherited, `status_422` is hx-status:422;
    None leaves an attribute out. The text begins with a space.
    """
    given = tuple((name, _attribute_value(value)) for name, value in attributes.items() if value is not None)
    written = _attributes if sum(len(value) for _, value in given) <= LONGEST_REMEMBERED else _attributes.__wrapped__
    return Markup(f'{written(given)} hx-nonce="{escape(nonce)}"')  # noqa: S704  every value was escaped


@functools.lru_cache(maxsize=1024)
def _attributes(given: tuple[tuple[str, str], ...]) -> str:
    return "".join(f'{_attribute(name)}"{escape(value)}"' for name, value in given)


@functools.cache
def _attribute(name: str) -> str:
    """The attribute's beginning, up to the equals sign; names are the templates' own."""
    if name.endswith("_inherited"):
        return " hx-" + name.removesuffix("_inherited").replace("_", "-") + ":inherited="
    if name.startswith("status_"):
        return " hx-status:" + name.removeprefix("status_") + "="
    return " hx-" + name.replace("_", "-") + "="


def _attribute_value(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@functools.cache
def icon(name: str) -> Markup:
    """One of the icons of static/icons.svg, for the eye only; ValueError for a name that is not there."""
    if name not in _icon_names():
        raise ValueError(f"static/icons.svg has no icon {name}")
    return Markup('<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>').format(static_url("icons.svg"), name)


@functools.cache
def _icon_names() -> frozenset[str]:
    return frozenset(re.findall(r'<symbol id="([^"]+)"', static_files()["icons.svg"].plain.decode()))


def list_url(base: str, list_query: Any, **changes: str | int | None) -> str:
    """The address of a list in the state of `list_query` with some of it changed; a change starts at the first page.

    Nothing that is empty is written, and None takes a part out. What `base` says itself gives way to the list's own: no parameter stands
    twice, which would be refused.
    """
    state: dict[str, Any] = {
        "q": list_query.q,
        **list_query.filters,
        "sort": list_query.sort if list_query.sort_chosen else None,
        "limit": list_query.limit,
        **changes,
    }
    given = tuple((name, value) for name, value in state.items() if value not in (None, ""))
    return (_with_query if sum(len(str(value)) for _, value in given) <= LONGEST_REMEMBERED else _with_query.__wrapped__)(base, given)


@functools.lru_cache(maxsize=1024)
def _with_query(base: str, state: tuple[tuple[str, str | int], ...]) -> str:
    address, _, fixed = base.partition("?")
    own = {name for name, _ in state}
    query = urlencode([*((name, value) for name, value in parse_qsl(fixed, keep_blank_values=True) if name not in own), *state])
    return f"{address}?{query}" if query else address


def with_keys(navigation: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], str]]:
    """Each item with the letter that follows `g` to go there: the first of its label's letters that is still free, or ""."""
    pairs: list[tuple[Mapping[str, Any], str]] = []
    for item in navigation:
        taken = {key for _, key in pairs}
        free = (letter for letter in item["label"].lower() if letter.isascii() and letter.isalpha() and letter not in taken)
        pairs.append((item, next(free, "")))
    return pairs


def xsrf_field(token: str, *, keyed: bool = True) -> Markup:
    """The hidden fields of a form: where it comes from, and a key of its own, by which it is done once however often it is sent. Nobody
    is known by whom a form of somebody signed out could be done once: it has no key."""
    hidden = Markup('<input type="hidden" name="{}" value="{}">')
    key = hidden.format(idempotency.FIELD, secrets.token_urlsafe(16)) if keyed else Markup()
    return hidden.format(xsrf.FIELD, token) + key


Show = TypeVar("Show", bound=Callable[..., str])


def _or_as_stored(show: Show) -> Show:
    """Show a value that the calendar or the reader's time zone cannot take as it is stored: no page fails for one cell."""

    @functools.wraps(show)
    def or_stored(self: Any, value: Any, *args: Any, **kwargs: Any) -> str:
        try:
            return show(self, value, *args, **kwargs)
        except (ValueError, OverflowError):
            return str(value)

    return cast(Show, or_stored)


class Formats:
    """Dates, numbers and money as one reader expects them; templates know it as `fmt`."""

    def __init__(self, locale: str = "en_US", time_zone: str = "UTC") -> None:
        self.locale = babel.Locale.parse(locale)
        self.zone = ZoneInfo(time_zone)
        self._whole = functools.lru_cache(maxsize=1024)(self._decimal)

    @_or_as_stored
    def date(self, value: str | dt.date | None, size: str = "medium") -> str:
        """A day from `YYYY-MM-DD`, or the reader's day of a UTC time; "" for None."""
        if not value:
            return ""
        return babel.dates.format_date(self._day(value), size, self.locale)

    @_or_as_stored
    def datetime(self, value: str | dt.datetime | None, size: str = "medium") -> str:
        """A UTC time in the reader's time zone, to the second; "" for None."""
        if not value:
            return ""
        return babel.dates.format_datetime(_moment(value), size, self.zone, self.locale)

    @_or_as_stored
    def month(self, value: str) -> str:
        """`2026-11` as November 2026."""
        return babel.dates.format_skeleton("yMMMM", dt.date.fromisoformat(value[:7] + "-01"), locale=self.locale)

    @_or_as_stored
    def relative(self, value: str | dt.datetime | None, now: dt.datetime | None = None) -> str:
        """How long ago, or in how long: "3 minutes ago"; "" for None."""
        if not value:
            return ""
        gap = _moment(value) - (now or dt.datetime.now(dt.UTC))
        if abs(gap) < dt.timedelta(seconds=1):
            gap = dt.timedelta(seconds=-1)
        return babel.dates.format_timedelta(gap, add_direction=True, locale=self.locale)

    def money(self, cents: int | None, currency: str) -> str:
        """An amount in the currency's minor units: 123456 of EUR is €1,234.56; "" for None."""
        if cents is None:
            return ""
        digits = babel.numbers.get_currency_precision(currency)
        return babel.numbers.format_currency(Decimal(cents).scaleb(-digits), currency, locale=self.locale)

    def price(self, value_e4: int | None, currency: str) -> str:
        """A unit price in ten-thousandths of the currency unit, with two to four decimals; "" for None."""
        if value_e4 is None:
            return ""
        amount = Decimal(value_e4).scaleb(-4)
        digits = max(babel.numbers.get_currency_precision(currency), -int(amount.normalize().as_tuple().exponent))
        pattern = self.locale.currency_formats["standard"].pattern.replace(".00", "." + "0" * digits if digits else "")
        return babel.numbers.format_currency(amount, currency, pattern, locale=self.locale, currency_digits=False)

    def quantity(self, value_e6: int | None) -> str:
        """A quantity in millionths, without trailing zeros: 1500000 is 1.5; "" for None."""
        return "" if value_e6 is None else self.number(Decimal(value_e6).scaleb(-6))

    def number(self, value: int | float | Decimal | None) -> str:
        """A number with the reader's separators; "" for None."""
        if isinstance(value, int):
            return self._whole(value)
        return "" if value is None else self._decimal(value)

    def percent(self, value: float | Decimal | None) -> str:
        """A share of one as a percentage with at most two decimals; "" for None."""
        return "" if value is None else babel.numbers.format_percent(value, "#,##0.##%", locale=self.locale)

    def bytes(self, value: int | None) -> str:
        """A size in bytes, in the largest decimal unit that leaves at least one; "" for None."""
        if value is None:
            return ""
        size, unit = Decimal(value), 0
        while abs(size) >= 1000 and unit < 5:
            size, unit = size / 1000, unit + 1
        return f"{self.number(size.quantize(Decimal('0.1')) if unit else size)} {('B', 'kB', 'MB', 'GB', 'TB', 'PB')[unit]}"

    def _decimal(self, value: int | float | Decimal) -> str:
        return babel.numbers.format_decimal(value, locale=self.locale, decimal_quantization=False)

    def _day(self, value: str | dt.date) -> dt.date:
        if isinstance(value, str) and len(value) == 10:
            return dt.date.fromisoformat(value)
        if isinstance(value, str | dt.datetime):
            return _moment(value).astimezone(self.zone).date()
        return value


def _moment(value: str | dt.datetime) -> dt.datetime:
    moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def page_functions(nonce: str, token: str, *, keyed: bool = True) -> dict[str, Any]:
    """What the context of one answer needs from here: hx and xsrf_field, bound to that answer's nonce and token."""
    fields = functools.partial(xsrf_field, token, keyed=keyed)
    return {"nonce": nonce, "hx": functools.partial(hx, nonce), "xsrf": token, "xsrf_field": fields}
