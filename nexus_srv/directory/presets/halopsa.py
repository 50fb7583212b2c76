"""HaloPSA's lists of clients and of users."""

from hmlib.imports.presets import From, Part, Preset, at

CLIENTS = Preset(
    name="halopsa-clients",
    label="HaloPSA clients",
    source="halopsa",
    marks=("Client Name", "Top Level", "Account Manager"),
    parts=(
        Part(
            "companies",
            {
                "account_number": at(),
                "name": at("Client Name"),
                "external_id": at("Client ID", "ID"),
                "main_phone": at("Phone Number", "Main Phone"),
                "website": at("Website"),
                "domains": at("Email Domain", "Email Domains"),
                "status": From(("Inactive", "Is Prospect"), yes_is={"Inactive": ("inactive", "active")}),
            },
        ),
    ),
)
USERS = Preset(
    name="halopsa-users",
    label="HaloPSA users",
    source="halopsa",
    marks=("Client Name", "Site Name", "User Name", "Email Address"),
    parts=(
        Part(
            "contacts",
            {
                "company_account_number": at("Client Name"),
                "company_external_id": at("Client ID"),
                "name": at("User Name"),
                "first_name": at("First Name"),
                "last_name": at("Last Name", "Surname"),
                "email": at("Email Address"),
                "phone": at("Phone Number", "Mobile Number"),
                "title": at("Job Title"),
                "active": From(("Inactive",), yes_is={"Inactive": ("no", "yes")}),
                "external_id": at("User ID", "ID"),
            },
        ),
    ),
)
