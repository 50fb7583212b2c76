"""Syncro's ticket timers."""

from hmlib.imports.presets import Part, Preset, at

TIMERS = Preset(
    name="syncro-timers",
    label="Syncro ticket timers",
    source="syncro",
    marks=("ticket_number", "customer", "tech", "start_time", "end_time"),
    day_first=False,
    decimal="point",
    parts=(
        Part(
            "labour",
            {
                "external_id": at("id", "timer_id"),
                "company_account_number": at("customer", "business_name"),
                "worked_at": at("start_time"),
                "ended_at": at("end_time"),
                "billable": at("billable"),
                "person": at("tech"),
                "description": at("notes"),
                "ticket": at("ticket_number"),
            },
        ),
    ),
)
