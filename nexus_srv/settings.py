"""What an operator changes in daily life, with its defaults."""

from hmlib.preferences import Preference

PREFERENCES = (
    Preference("time_zone", "Time zone", "time_zone", "UTC", "In which times are shown."),
    Preference("session_idle_minutes", "Signed out after minutes without a click", "int", "60", minimum=5, maximum=1440),
    Preference("session_absolute_hours", "Signed out after hours in any case", "int", "12", minimum=1, maximum=168),
    Preference("sessions_at_most", "Sign-ins of one person at a time", "int", "20", "The oldest ends.", minimum=1, maximum=1000),
    Preference("argon2_memory_mib", "Memory for one password (MiB)", "int", "19", "More makes guessing slower.", minimum=19, maximum=1024),
    Preference("argon2_passes", "Passes over that memory", "int", "2", "Hashes are made anew at sign-in.", minimum=2, maximum=10),
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
