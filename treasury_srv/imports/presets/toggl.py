"""Toggl Track's detailed report."""

from hmlib.imports.presets import From, Part, Preset, at

DETAILED = Preset(
    name="toggl-detailed",
    label="Toggl Track detailed report",
    source="toggl",
    marks=("User", "Client", "Start date", "Start time", "Duration", "Tags"),
    decimal="point",
    parts=(
        Part(
            "labour",
            {
                "company_account_number": at("Client"),
                "worked_at": From(("Start date",), time=("Start time",)),
                "hours": at("Duration"),
                "billable": at("Billable"),
                "person": at("User"),
                "work_type": at("Project"),
                "description": at("Description"),
                "ticket": at("Task"),
            },
        ),
    ),
)
