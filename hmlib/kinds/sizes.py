"""Sizes and decimals as text. Pure: no I/O."""


def exact_size(count: int) -> str:
    """Bytes in the largest unit in which three decimals say them exactly, else as a bare number: it is read as ``count`` again."""
    for unit, factor in (("TB", 2**40), ("GB", 2**30), ("MB", 2**20)):
        if count >= factor and count * 1000 % factor == 0:
            return f"{decimal_text(count * 1000 // factor, 3)} {unit}"
    return str(count)


def rounded_size(count: int) -> str:
    """Bytes in the unit that people use for so many, to one decimal: 1.5 TB."""
    for unit, factor in (("TB", 2**40), ("GB", 2**30), ("MB", 2**20), ("kB", 2**10)):
        if count >= factor:
            return f"{count / factor:.1f}".removesuffix(".0") + f" {unit}"
    return f"{count} B"


def decimal_text(value: int, places: int, least: int = 0) -> str:
    """An integer of ``places`` decimals as text, with ``least`` of them at least: 12500 of 4 places is "1.25"."""
    whole, rest = divmod(abs(value), 10**places)
    decimals = f"{rest:0{places}d}".rstrip("0").ljust(least, "0") if places else ""
    return f"{'-' if value < 0 else ''}{whole}{'.' if decimals else ''}{decimals}"
