"""Autotask's organizations and contacts, exported in the form of its own import templates."""

from hmlib.imports.presets import From, Part, Preset, at

_ORGANIZATION = {
    "account_number": at(),
    "name": at("Organization: Name", "Organization Name", "Name"),
    "external_id": at("Organization: ID", "Organization ID (updates only)", "Organization ID"),
    "main_phone": at("Organization: Phone", "Phone"),
    "website": at("Organization: Web", "Organization: Web Site", "Web"),
    "address": From(("Organization: Address 1", "Organization: Address 2", "Address 1", "Address 2"), joined="\n"),
    "city": at("Organization: City", "City"),
    "region": at("Organization: State", "State"),
    "postal_code": at("Organization: Zip Code", "Zip Code"),
    "country": at("Organization: Country", "Country"),
    "status": From(
        ("Organization: Type", "Type", "Active"),
        words={"Customer": "active", "Vendor": "active", "Partner": "active", "Dead": "inactive", "Cancelation": "inactive"},
        yes_is={"Active": ("active", "inactive")},
    ),
}
_CONTACT = {
    "company_account_number": at("Organization: Name", "Organization Name"),
    "company_external_id": at("Organization: ID", "Organization ID"),
    "email": at("Contact: Email Address", "Email Address"),
    "first_name": at("Contact: First Name", "First Name"),
    "last_name": at("Contact: Last Name", "Last Name"),
    "phone": at("Contact: Phone", "Contact: Mobile Phone", "Phone", "Mobile Phone"),
    "title": at("Contact: Title", "Title"),
    "active": at("Contact: Active", "Active"),
    "external_id": at("Contact: ID", "Contact ID (updates only)", "Contact ID"),
}

BOTH = Preset(
    name="autotask",
    label="Autotask organizations and contacts",
    source="autotask",
    marks=("Organization: Name", "Contact: First Name", "Contact: Last Name"),
    day_first=False,
    decimal="point",
    parts=(
        Part("companies", _ORGANIZATION, needs=(("Organization: Name",),), first_of=("name",)),
        Part("contacts", _CONTACT, needs=(("Contact: First Name", "Contact: Last Name"),)),
    ),
)
ORGANIZATIONS = Preset(
    name="autotask-organizations",
    label="Autotask organizations",
    source="autotask",
    marks=("Organization ID (updates only)", "Name", "Zip Code"),
    day_first=False,
    decimal="point",
    parts=(Part("companies", _ORGANIZATION),),
)
CONTACTS = Preset(
    name="autotask-contacts",
    label="Autotask contacts",
    source="autotask",
    marks=("Contact ID (updates only)", "Organization Name", "First Name", "Last Name"),
    day_first=False,
    decimal="point",
    parts=(Part("contacts", _CONTACT),),
)
