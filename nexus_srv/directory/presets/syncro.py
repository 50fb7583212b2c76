"""Syncro's customers: a company with its person in one row. A customer without a business name is a person of no company."""

from hmlib.imports.presets import From, Part, Preset, at

CUSTOMERS = Preset(
    name="syncro-customers",
    label="Syncro customers",
    source="syncro",
    marks=("business_name", "firstname", "lastname", "get_sms"),
    day_first=False,
    decimal="point",
    parts=(
        Part(
            "companies",
            {
                "account_number": at(),
                "name": at("business_name"),
                "external_id": at("id"),
                "main_phone": at("office_phone", "phone"),
                "address": From(("address", "address_2"), joined="\n"),
                "city": at("city"),
                "region": at("state"),
                "postal_code": at("zip"),
                "status": From(("disabled",), yes_is={"disabled": ("inactive", "active")}),
            },
            needs=(("business_name",),),
        ),
        Part(
            "contacts",
            {
                "company_account_number": at("business_name"),
                "company_external_id": at("id"),
                "external_id": at(),
                "first_name": at("firstname"),
                "last_name": at("lastname"),
                "email": at("email"),
                "phone": at("mobile_phone", "phone"),
                "active": From(("disabled",), yes_is={"disabled": ("no", "yes")}),
            },
            needs=(("business_name",), ("firstname", "lastname")),
        ),
    ),
)
