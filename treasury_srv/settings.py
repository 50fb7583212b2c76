"""What an operator of Treasury changes in daily life: whose invoices they are, in which time zone months begin, how pool years run."""

from hmlib.records.preference_kinds import Preference
from hmlib.records.preferences import Preferences

OFFERED_CURRENCIES = (
    *("USD", "EUR", "GBP", "CAD", "AUD", "NZD", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK"),
    *("HUF", "RON", "ISK", "JPY", "SGD", "HKD", "INR", "ZAR", "AED", "ILS", "MXN", "BRL"),
)

PREFERENCES = Preferences(
    [
        Preference("time_zone", "Time zone", "time_zone", "UTC", "Months begin and end in it, and work is dated in it."),
        Preference("legal_name", "Legal entity", "text", "", "The name that invoices are issued under.", maximum=200),
        Preference("letterhead", "Letterhead", "lines", "", "Address and contact lines at the top of an invoice."),
        Preference("tax_id", "Tax id", "text", "", "VAT or tax number, printed on each invoice.", maximum=50),
        Preference("bank", "Bank", "lines", "", "Account holder, IBAN or account number, BIC or routing number."),
        Preference(
            "default_currency", "Currency", "choice", "USD", "For agreements and prices that name none.", choices=OFFERED_CURRENCIES
        ),
        Preference("default_tax_percent", "Tax in percent", "decimal", "0", "For agreements that name none.", minimum=0, maximum=100),
        Preference(
            "default_due_days", "Days until an invoice is due", "int", "30", "For agreements that name none.", minimum=0, maximum=365
        ),
        Preference(
            "pool_year",
            "Yearly prepaid hours run",
            "choice",
            "anniversary",
            "From an agreement's anniversary, or from 1 January.",
            choices=("anniversary", "calendar"),
        ),
        Preference(
            "date_order",
            "Dates like 03/04/2026 in imported files",
            "choice",
            "month_first",
            "When the file itself leaves it open.",
            choices=("month_first", "day_first"),
        ),
        Preference("session_idle_minutes", "Sign out after (minutes)", "int", "60", "Without a click or a key.", minimum=5, maximum=720),
        Preference(
            "session_absolute_hours", "Sign in again after (hours)", "int", "12", "Whatever one does meanwhile.", minimum=1, maximum=24
        ),
        Preference(
            "read_on_minutes",
            "Reading while Nexus is away (minutes)",
            "int",
            "15",
            "How long signed-in people and programs can go on reading once their sign-in has run out and Nexus does not answer.",
            minimum=0,
            maximum=240,
        ),
    ]
)
