"""Hours of a bill: the month's entries, the allowance, and the yearly pool as a ledger (rule 2.5 of billing)."""

from treasury_srv.billing.facts import PREPAID, Agreement, Entry, Rules
from treasury_srv.billing.figures import CountedEntry, Hours, PoolRow
from treasury_srv.billing.periods import following, pool_year, preceding
from treasury_srv.billing.pricing import prepaid_on

Finalised = dict[str, dict[str, int]]
MONTHLY, YEARLY = PREPAID
POOL_LINE = "hours:pool"


def weighed(hours_e6: int, agreement: Agreement) -> int:
    """What an entry counts: at least the minimum, then up to the next rounding step."""
    counted = max(hours_e6, agreement.minimum_hours_e6)
    step = agreement.rounding_hours_e6
    return -(-counted // step) * step if step else counted


def history_from(agreement: Agreement, rules: Rules) -> str:
    """The first month whose entries a bill needs: with a yearly pool the first of the pool year, on an anniversary of the one before."""
    key = rules.period.key
    if not _has_pool(agreement):
        return key
    year = pool_year(agreement.start_on, key, rules.pool_year)
    if year == key and key > agreement.start_on[:7]:
        return pool_year(agreement.start_on, preceding(key), rules.pool_year)
    return year


def hours(agreement: Agreement, entries: tuple[Entry, ...], finalised: Finalised, rules: Rules) -> Hours:
    """The hours of the rules' period; `entries` reach back to `history_from`, and hold every late one."""
    key = rules.period.key
    own, late, listed = _sorted_out(agreement, entries, finalised, key)
    allowance = prepaid_on(agreement, MONTHLY, max(rules.period.first, agreement.start_on))
    worked = sum(weighed(entry.hours_e6, agreement) for entry in own.get(key, ()))
    if not _has_pool(agreement) and not finalised:
        return Hours(worked, allowance, max(0, worked - allowance), entries=tuple(listed))
    ledger = _Ledger(agreement, rules.pool_year)
    drawn = late_drawn = 0
    month = agreement.start_on[:7] if finalised else history_from(agreement, rules)
    while month <= key:
        ledger.open(month)
        drawn = late_drawn = 0
        if month in finalised:
            for year, hours_e6 in finalised[month].items():
                ledger.draw(month, year, hours_e6, "draw")
        else:
            drawn = ledger.draw(month, ledger.year, _excess(agreement, own.get(month, []), month), "draw")
            late_drawn = sum(_draw_late(ledger, agreement, entry, month, rules.pool_year) for entry in late.get(month, ()))
        month = following(month)
    late_hours = sum(weighed(entry.hours_e6, agreement) for entry in late.get(key, ()))
    excess = max(0, worked - allowance)
    return Hours(worked, allowance, excess, drawn, late_hours, late_drawn, ledger.left(ledger.year), tuple(listed), tuple(ledger.rows))


def _has_pool(agreement: Agreement) -> bool:
    return agreement.prepaid_hours_yearly_e6 > 0 or any(one.what == YEARLY and one.number > 0 for one in agreement.overrides)


def _sorted_out(
    agreement: Agreement, entries: tuple[Entry, ...], finalised: Finalised, key: str
) -> tuple[dict[str, list[Entry]], dict[str, list[Entry]], list[CountedEntry]]:
    """Entries by the month that charges them, on time and late, and the list for the bill of the month `key`."""
    own: dict[str, list[Entry]] = {}
    late: dict[str, list[Entry]] = {}
    listed: list[CountedEntry] = []
    first, over = agreement.start_on, agreement.over_on
    for entry in sorted(entries, key=_by_day):
        worked_on, hours_e6 = entry.worked_on, entry.hours_e6
        if not first <= worked_on < over:
            continue
        month = worked_on[:7]
        reason = "not billable" if not entry.billable else "already invoiced" if entry.invoice_id else ""
        counted, is_late = 0, False
        if not reason:
            is_late = month in finalised
            if is_late:
                month = _next_open(month, finalised)
            (late if is_late else own).setdefault(month, []).append(entry)
            counted = weighed(hours_e6, agreement)
        if month == key:
            listed.append(CountedEntry(entry.id, worked_on, hours_e6, counted, is_late, reason, entry.description, entry.ticket))
    return own, late, listed


def _by_day(entry: Entry) -> tuple[str, str]:
    return entry.worked_on, entry.id


def _next_open(month: str, finalised: Finalised) -> str:
    while month in finalised:
        month = following(month)
    return month


def _excess(agreement: Agreement, entries: list[Entry], month: str) -> int:
    worked = sum(weighed(entry.hours_e6, agreement) for entry in entries)
    return max(0, worked - prepaid_on(agreement, MONTHLY, max(f"{month}-01", agreement.start_on)))


def _draw_late(ledger: "_Ledger", agreement: Agreement, entry: Entry, month: str, runs: str) -> int:
    year = pool_year(agreement.start_on, entry.worked_on[:7], runs)
    return ledger.draw(month, year, weighed(entry.hours_e6, agreement), "late draw")


class _Ledger:
    """The pool's postings, month after month; what is left of a year is never negative."""

    def __init__(self, agreement: Agreement, runs: str) -> None:
        self.agreement, self.runs, self.year = agreement, runs, ""
        self.granted: dict[str, int] = {}
        self.drawn: dict[str, int] = {}
        self.expired: set[str] = set()
        self.rows: list[PoolRow] = []

    def left(self, year: str) -> int:
        return max(0, self.granted.get(year, 0) - self.drawn.get(year, 0))

    def open(self, month: str) -> None:
        """Begin a month: expiry and deposit at an anniversary, else the difference that a changed value makes."""
        year = pool_year(self.agreement.start_on, month, self.runs)
        if self.year and year != self.year and self.left(self.year):
            self.rows.append(PoolRow(month, self.year, "expiry", -self.left(self.year), 0))
            self.expired.add(self.year)
        what = "change" if year == self.year else "deposit"
        before = self.left(year)
        self.year = year
        self.granted[year] = prepaid_on(self.agreement, YEARLY, max(f"{month}-01", self.agreement.start_on))
        after = self.left(year)
        if after != before:
            self.rows.append(PoolRow(month, year, what, after - before, after))

    def draw(self, month: str, year: str, wanted_e6: int, what: str) -> int:
        """Take what is left, up to what is wanted; returns what was taken."""
        taken = min(wanted_e6, self.left(year))
        if not taken:
            return 0
        self.drawn[year] = self.drawn.get(year, 0) + taken
        if year in self.expired:
            self.rows.append(PoolRow(month, year, "reinstated", taken, taken))
        self.rows.append(PoolRow(month, year, what, -taken, 0 if year in self.expired else self.left(year), POOL_LINE))
        return taken
