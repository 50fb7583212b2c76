"""The columns of a file of hours worked, what other tools call them, and what their files say besides."""

from dataclasses import replace

from hmlib.imports.reading import COMPANY_CALLED, COMPANY_ID_COLUMN
from hmlib.tables.columns import Column
from treasury_srv.billing.money import QUANTITY_PLACES

_BILLED = {
    **dict.fromkeys(("B", "Billable", "Billed", "Chargeable", "Billable: Yes", "Non-Billable: No"), "yes"),
    **dict.fromkeys(("NB", "NC", "Non-Billable", "Not billable", "Non-Billable: Yes", "Billable: No"), "no"),
    **dict.fromkeys(("No Charge", "Do Not Bill", "Not Billed", "Non Chargeable", "Unbillable"), "no"),
}
_NOT_BILLED = ("Non-Billable", "Non Billable", "No Charge", "Not Billable")
COLUMNS = (
    Column("external_id", key=True, required=True, also=("Time RecId", "Time Entry ID", "Entry ID", "Timer ID", "Timesheet ID")),
    Column("company_account_number", required=True, kind="reference", also=COMPANY_CALLED),
    Column(
        "worked_at",
        required=True,
        kind="datetime",
        also=("Start", "Started At", "Start Date", "Date Worked", "Work Date", "Worked On", "Entry Date", "Date", "Day"),
        time_also=("Start Time", "Time Started", "Time Start", "From"),
    ),
    Column(
        "hours",
        required=True,
        kind="duration",
        minimum=0,
        maximum=1_000_000,
        places=QUANTITY_PLACES,
        also=(
            "Duration",
            "Hours Worked",
            "Worked Hours",
            "Actual Hours",
            "Time Taken",
            "Time Spent",
            "Total Time",
            "Time",
            "Hrs",
            "Minutes",
        ),
        between=("worked_at", "ended_at"),
    ),
    Column(
        "billable",
        kind="bool",
        also=("Bill", "Billing", "Is Billable", "Chargeable", "Billable?", "Bill Option", "Billable Option", *_NOT_BILLED),
        words=_BILLED,
        yes_is=dict.fromkeys(_NOT_BILLED, ("no", "yes")),
    ),
    Column("description", max_length=2000, lines=True, also=("Notes", "Note", "Summary", "Summary Notes", "Work Performed", "Memo")),
    Column("ticket", also=("Ticket #", "Ticket Number", "Ticket ID", "Ticket No", "Task or Ticket Number", "Case Number")),
    Column("hours_confirmed", kind="bool"),
)
BESIDE = (
    COMPANY_ID_COLUMN,
    Column("person", also=("User", "Resource", "Resource Name", "Technician", "Tech", "Agent", "Member", "Employee", "Worked By", "Staff")),
    Column("work_type", also=("Work Role", "Activity", "Project", "Charge Type")),
    Column(
        "ended_at",
        kind="datetime",
        aside=True,
        also=("End", "Ended At", "End Date", "Finish", "Finished At", "Stop"),
        time_also=("End Time", "Time Ended", "Time End", "Finish Time", "Stop Time", "To"),
    ),
)
"""What makes an id for a row that brings none, and hours out of a start and an end."""
READ = (*(replace(column, required=False) if column.name == "external_id" else column for column in COLUMNS), *BESIDE)
"""All that is read of such a file; see hmlib.imports.row_ids for rows without an external id."""
