"""ConnectWise's time entries, by the hours that it invoices: an entry that is never shown on an invoice has none of them."""

from hmlib.imports.presets import Part, Preset, at

TIME = Preset(
    name="connectwise-time",
    label="ConnectWise time entries",
    source="connectwise",
    marks=("Time RecId", "Resource", "WIP Hrs", "Inv Hrs"),
    day_first=False,
    decimal="point",
    parts=(
        Part(
            "labour",
            {
                "external_id": at("Time RecId"),
                "company_account_number": at("Company"),
                "worked_at": at("Date"),
                "hours": at("Inv Hrs"),
                "billable": at("Bill"),
                "person": at("Resource"),
                "work_type": at("Work Type"),
                "description": at("Notes"),
                "ticket": at("Ticket #"),
            },
            needs=(("Inv Hrs",),),
        ),
    ),
)
