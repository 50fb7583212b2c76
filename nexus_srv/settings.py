"""What an operator changes in daily life, with its defaults."""

from hmlib.preferences import Preference

PREFERENCES = (
    Preference("time_zone", "Time zone", "time_zone", "UTC", "In which times are shown."),
    Preference("session_idle_minutes", "Signed out after minutes without a click", "int", "60", minimum=5, maximum=1440),
    Preference("session_absolute_hours", "Signed out after hours in any case", "int", "12", minimum=1, maximum=168),
    Preference(
        "link_minutes",
        "A one-time link works for minutes",
        "int",
        "60",
        "With it a person sets their own password.",
        minimum=5,
        maximum=60,
    ),
)
