"""Xero's contacts: a customer with the person one writes to. Its days until payment are kept beside, for they belong to agreements."""

from hmlib.imports.presets import From, Part, Preset, at

CONTACTS = Preset(
    name="xero-contacts",
    label="Xero contacts",
    source="xero",
    marks=("ContactName", "AccountNumber", "POAddressLine1"),
    noted=("DueDateSalesDay", "DueDateSalesTerm"),
    parts=(
        Part(
            "companies",
            {
                "account_number": at(),
                "name": at("ContactName"),
                "external_id": at("AccountNumber"),
                "main_phone": at("PhoneNumber", "DDINumber"),
                "website": at("Website"),
                "address": From(("POAddressLine1", "POAddressLine2", "POAddressLine3", "POAddressLine4"), joined="\n"),
                "city": at("POCity"),
                "region": at("PORegion"),
                "postal_code": at("POPostalCode"),
                "country": at("POCountry"),
            },
            first_of=("name",),
        ),
        Part(
            "contacts",
            {
                "company_account_number": at("ContactName"),
                "company_external_id": at("AccountNumber"),
                "first_name": at("FirstName"),
                "last_name": at("LastName"),
                "email": at("EmailAddress"),
                "phone": at("MobileNumber", "PhoneNumber"),
            },
            needs=(("FirstName", "LastName"),),
        ),
    ),
)
