"""Autotask's list of time worked."""

from hmlib.imports.presets import From, Part, Preset, at

TIME = Preset(
    name="autotask-time",
    label="Autotask time worked",
    source="autotask",
    marks=("Resource Name", "Date Worked", "Hours Worked"),
    day_first=False,
    decimal="point",
    parts=(
        Part(
            "labour",
            {
                "external_id": at("Time Entry ID", "ID"),
                "company_account_number": at("Organization Name", "Account Name", "Company Name", "Organization", "Account"),
                "worked_at": From(("Date Worked",), time=("Start Time",)),
                "hours": at("Hours to Bill", "Billable Hours", "Hours Worked"),
                "billable": From(("Billable", "Non-Billable"), yes_is={"Non-Billable": ("no", "yes")}),
                "person": at("Resource Name"),
                "work_type": at("Work Type Name", "Work Type", "Billing Code Name"),
                "description": at("Summary Notes", "Notes"),
                "ticket": at("Ticket Number", "Task or Ticket Number"),
            },
        ),
    ),
)
