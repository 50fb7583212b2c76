"""`python -m bench [NAME…]`: measures one thing after the other and prints every figure beside its limit."""

import sys
import time
from importlib import import_module

from bench.table import HEADER, machine, printed

NAMES = (
    "shared",
    "pages",
    "directory",
    "tokens",
    "sign_in",
    "oauth",
    "start",
    "first_paint",
    "job",
    "billing",
    "months",
    "lists",
    "long_answers",
    "search",
)


def main(names: list[str]) -> int:
    """0 when every limit is kept, 1 when one is not, 2 for a name that is not there."""
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"There is no bench {unknown[0]!r}. Benches are: {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    print(f"{time.strftime('%Y-%m-%d %H:%M')}  {machine()}\n{printed(HEADER)}", flush=True)
    good = True
    for name in names or NAMES:
        for figure in import_module(f"bench.measures.{name}").figures():
            print(printed(figure.line), flush=True)
            good = good and figure.good
    print(machine())
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
