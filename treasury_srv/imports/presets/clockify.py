"""Clockify's detailed report."""

from hmlib.imports.presets import From, Part, Preset, at

DETAILED = Preset(
    name="clockify-detailed",
    label="Clockify detailed report",
    source="clockify",
    marks=("User", "Client", "Start Date", "Duration (h)", "Duration (decimal)"),
    decimal="point",
    totals=True,
    parts=(
        Part(
            "labour",
            {
                "company_account_number": at("Client"),
                "worked_at": From(("Start Date",), time=("Start Time",)),
                "hours": at("Duration (h)", "Duration (decimal)"),
                "billable": at("Billable"),
                "person": at("User"),
                "work_type": at("Project"),
                "description": at("Description"),
                "ticket": at("Task"),
            },
        ),
    ),
)
