"""ConnectWise's list of companies."""

from hmlib.imports.presets import From, Part, Preset, at

COMPANIES = Preset(
    name="connectwise-companies",
    label="ConnectWise companies",
    source="connectwise",
    marks=("Company_RecID", "Company_ID", "Company Name"),
    day_first=False,
    decimal="point",
    parts=(
        Part(
            "companies",
            {
                "account_number": at(),
                "name": at("Company Name"),
                "external_id": at("Company_RecID"),
                "status": From(("Status",), words={"Imported": "active", "Solid": "active", "Problem": "active"}),
                "main_phone": at("Phone", "Phone Number"),
                "website": at("Website", "Web Site"),
                "address": From(("Address Line 1", "Address Line 2"), joined="\n"),
                "region": at("State"),
                "postal_code": at("Zip"),
            },
        ),
    ),
)
