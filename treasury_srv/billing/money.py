"""Exact money: scaled integers, rounding half away from zero, and decimal text in and out."""

from decimal import Decimal, InvalidOperation
from functools import lru_cache

from babel.numbers import get_currency_precision, list_currencies

PRICE_PLACES = 4
QUANTITY_PLACES = 6
ONE_E6 = 10**QUANTITY_PLACES
LARGEST = 2**53
_LARGEST_EXPONENT = 20
_LONGEST = 60


def half_up(numerator: int, denominator: int) -> int:
    """The nearest integer to numerator / denominator, halves away from zero; the denominator is positive."""
    if numerator >= 0:
        return (2 * numerator + denominator) // (2 * denominator)
    return -((denominator - 2 * numerator) // (2 * denominator))


@lru_cache(maxsize=256)
def minor_digits(currency: str) -> int:
    """Digits of a currency's minor unit: 2 for USD, 0 for JPY."""
    return get_currency_precision(currency)


@lru_cache(maxsize=1)
def currencies() -> frozenset[str]:
    """Every ISO 4217 code that an agreement or a price may name."""
    return frozenset(list_currencies())


def divisor(currency: str) -> int:
    """What quantity_e6 * unit_price_e4 is divided by to give minor units of the currency."""
    return int(10 ** (PRICE_PLACES + QUANTITY_PLACES - minor_digits(currency)))


def amount_cents(quantity_e6: int, unit_price_e4: int, currency: str) -> int:
    """Quantity times unit price in minor units, rounded half away from zero."""
    return half_up(quantity_e6 * unit_price_e4, divisor(currency))


def tax_cents(base_cents: int, percent_e4: int) -> int:
    """The tax on a base, both in minor units; 19 % is 190000."""
    return half_up(base_cents * percent_e4, 100 * 10**PRICE_PLACES)


class TooLarge(ValueError):
    """A number that no column holds."""

    def __init__(self) -> None:
        super().__init__("is too large")


def scaled(value: Decimal | str, places: int) -> int:
    """A decimal number as an integer of `places` decimals. Raises ValueError when it is no number or has more decimals, and TooLarge,
    saying so after "The value"."""
    if isinstance(value, str) and len(value) > _LONGEST:
        raise ValueError("is not a number")
    try:
        exact = Decimal(value)
    except (InvalidOperation, ValueError) as problem:
        raise ValueError("is not a number") from problem
    if not exact.is_finite():
        raise ValueError("is not a number")
    # Both bounds come before the exact ratio, whose integers would be as long as the exponent is large.
    if exact.adjusted() > _LARGEST_EXPONENT:
        raise TooLarge
    if exact.adjusted() < -_LARGEST_EXPONENT and exact:
        raise ValueError(f"has more than {places} decimals")
    numerator, denominator = exact.as_integer_ratio()
    scale: int = 10**places
    whole, rest = divmod(numerator * scale, denominator)
    if rest:
        raise ValueError(f"has more than {places} decimals")
    if abs(whole) > LARGEST:
        raise TooLarge
    return whole


def decimal_text(number: int, places: int, least: int = 0) -> str:
    """A scaled integer as decimal text with at least `least` decimals: (13500, 2, 2) is "135.00", (2500000, 6) is "2.5"."""
    sign, digits = ("-", str(-number)) if number < 0 else ("", str(number))
    if not places:
        return sign + digits
    digits = digits.rjust(places + 1, "0")
    whole, fraction = digits[:-places], digits[-places:]
    kept = fraction.rstrip("0").ljust(least, "0")
    return f"{sign}{whole}.{kept}" if kept else sign + whole


def quantity_text(quantity_e6: int) -> str:
    """A quantity without needless zeros."""
    return decimal_text(quantity_e6, QUANTITY_PLACES)


def price_text(price_e4: int) -> str:
    """A unit price with two to four decimals."""
    return decimal_text(price_e4, PRICE_PLACES, 2)


def amount_text(cents: int, currency: str) -> str:
    """An amount in the currency's own decimals."""
    digits = minor_digits(currency)
    return decimal_text(cents, digits, digits)
