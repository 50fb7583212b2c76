"""QuickBooks Online's report "Customer Contact List": titles above, a total below, and a person where one is named."""

from hmlib.imports.presets import From, Part, Preset, at

CUSTOMERS = Preset(
    name="quickbooks-customers",
    label="QuickBooks customers",
    source="quickbooks",
    marks=("Customer", "Phone Numbers", "Billing Address"),
    totals=True,
    parts=(
        Part(
            "companies",
            {
                "account_number": at(),
                "name": at("Customer"),
                "main_phone": From(("Phone Numbers",), after=("Phone:", "Mobile:")),
                "address": at("Billing Address", "Shipping Address"),
            },
            first_of=("name",),
        ),
        Part(
            "contacts",
            {
                "company_account_number": at("Customer"),
                "name": at("Full Name"),
                "email": at("Email"),
                "phone": From(("Phone Numbers",), after=("Mobile:", "Phone:")),
            },
            needs=(("Full Name",),),
        ),
    ),
)
