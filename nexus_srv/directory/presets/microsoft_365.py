"""Microsoft 365's list of users. It names no company: one is chosen for the whole file."""

from hmlib.imports.presets import From, Part, Preset, at

USERS = Preset(
    name="microsoft-365-users",
    label="Microsoft 365 users",
    source="microsoft-365",
    marks=("Block credential", "Licenses", "User principal name"),
    decimal="point",
    parts=(
        Part(
            "contacts",
            {
                "email": at("User principal name"),
                "name": at("Display name", "DisplayName"),
                "first_name": at("First name"),
                "last_name": at("Last name"),
                "phone": at("Phone number", "Mobile Phone"),
                "title": at("Title"),
                "active": From(("Block credential",), yes_is={"Block credential": ("no", "yes")}),
                "billable": From(("Licenses",), words={"Unlicensed": "no", "*": ""}),
                "exclusion_reason": From(("Licenses",), words={"Unlicensed": "Unlicensed", "*": ""}),
                "external_id": at("Object Id"),
            },
        ),
    ),
)
