"""What an operator of Wiki changes in daily life."""

from hmlib.records.preference_kinds import Preference
from hmlib.records.preferences import Preferences

PREFERENCES = Preferences(
    [
        Preference("time_zone", "Time zone", "time_zone", "UTC", "Times are shown in it."),
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
        Preference(
            "ageing_after_days",
            "An article is ageing after (days)",
            "int",
            "180",
            "Counted from its last change. Context for machines trusts it less from then on.",
            minimum=1,
            maximum=3650,
        ),
        Preference(
            "stale_after_days",
            "An article is stale after (days)",
            "int",
            "365",
            "Counted from its last change. It comes after all others in context for machines.",
            minimum=1,
            maximum=3650,
        ),
    ]
)
