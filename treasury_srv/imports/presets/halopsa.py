"""HaloPSA's report of time that was logged on tickets."""

from hmlib.imports.presets import From, Part, Preset, at

TIME = Preset(
    name="halopsa-time",
    label="HaloPSA time entries",
    source="halopsa",
    marks=("Agent", "Client", "Ticket ID", "Time Taken"),
    parts=(
        Part(
            "labour",
            {
                "external_id": at("Action ID", "Timesheet Event ID"),
                "company_account_number": at("Client"),
                "worked_at": From(("Action Date", "Date", "Start Date"), time=("Start Time",)),
                "hours": at("Time Taken"),
                "billable": at("Billable", "Chargeable"),
                "person": at("Agent"),
                "work_type": at("Charge Type", "Charge Rate"),
                "description": at("Note", "Summary"),
                "ticket": at("Ticket ID"),
            },
        ),
    ),
)
