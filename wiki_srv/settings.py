"""What an operator of Wiki changes in daily life."""

from hmlib.preferences import Preference, Preferences

PREFERENCES = Preferences(
    [
        Preference("time_zone", "Time zone", "time_zone", "UTC", "Times are shown in it."),
        Preference("session_idle_minutes", "Sign out after", "int", "60", "Minutes without a click or a key.", minimum=5, maximum=720),
        Preference(
            "session_absolute_hours", "Sign in again after", "int", "12", "Hours, whatever one does meanwhile.", minimum=1, maximum=24
        ),
        Preference(
            "ageing_after_days",
            "An article is ageing after",
            "int",
            "180",
            "Days since it was last saved. Context for machines trusts it less from then on.",
            minimum=1,
            maximum=3650,
        ),
        Preference(
            "stale_after_days",
            "An article is stale after",
            "int",
            "365",
            "Days since it was last saved. It comes after all others in context for machines.",
            minimum=1,
            maximum=3650,
        ),
    ]
)
