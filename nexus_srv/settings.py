"""What an operator changes in daily life, with its defaults."""

from hmlib.records.preference_kinds import Preference

PREFERENCES = (
    Preference("time_zone", "Time zone", "time_zone", "UTC", "Times are shown in it."),
    Preference("session_idle_minutes", "Sign out after (minutes)", "int", "60", "Without a click or a key.", minimum=5, maximum=1440),
    Preference(
        "session_absolute_hours", "Sign in again after (hours)", "int", "12", "Whatever one does meanwhile.", minimum=1, maximum=168
    ),
    Preference("sessions_at_most", "Sign-ins of one person at a time", "int", "20", "The oldest ends.", minimum=1, maximum=1000),
    Preference("argon2_memory_mib", "Memory for one password (MiB)", "int", "19", "More makes guessing slower.", minimum=19, maximum=1024),
    Preference("argon2_passes", "Passes over that memory", "int", "2", "Hashes are made anew at sign-in.", minimum=2, maximum=10),
    Preference(
        "link_minutes",
        "One-time links work for (minutes)",
        "int",
        "60",
        "With one a person sets their own password.",
        minimum=5,
        maximum=60,
    ),
)
