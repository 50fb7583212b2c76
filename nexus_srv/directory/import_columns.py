"""The columns of each kind of file that can be imported; those marked key are the natural key. What other tools call them stands beside."""

from hmlib.imports.reading import COMPANY_CALLED, COMPANY_ID_COLUMN
from hmlib.tables.columns import Column
from nexus_srv.directory.assets import TYPES
from nexus_srv.directory.companies import COMPLIANCE, STATUSES
from nexus_srv.directory.contacts import ROLES

_WORKSTATION = (
    *(
        "Desktop",
        "Laptop",
        "Notebook",
        "PC",
        "Windows Desktop",
        "Windows Laptop",
        "Windows Workstation",
        "Mac",
        "Macbook",
        "iMac",
        "Tablet",
    ),
    *("Workstations", "Workstations - Windows", "Workstations - Mac", "Workstations - Generic", "Laptop - Windows", "Laptops - Windows"),
    *("Workstation - Windows", "Workstation - macOS", "Windows", "macOS", "Linux Workstation", "Main System Chassis", "Thin Client"),
)
_SERVER = (
    *(
        "Servers",
        "Windows Server",
        "Linux Server",
        "Mac Server",
        "Servers - Windows",
        "Servers - Linux",
        "Servers - Generic",
        "Domain Controller",
    ),
    *(
        "Server - Windows",
        "Server - Linux",
        "Member Server",
        "File Server",
        "ESXi Host",
        "Hyper-V Host",
        "VMware Host",
        "Hypervisor",
        "NAS",
    ),
    *("VMM Host", "Physical Server", "Rackmount"),
)
_VM = ("Virtual Machine", "VM Guest", "Virtual Server", "VMware Guest", "Hyper-V Guest", "VMM Guest", "Guest", "Virtual")
_SWITCH = ("Network Device (Switch)", "Network Switch", "Switch/Router", "Managed Switch", "NMS Switch", "Switches")
_FIREWALL = (
    "Network Device (Firewall)",
    "Firewalls",
    "Router",
    "Network Device (Router)",
    "Security Appliance",
    "UTM",
    "NMS Firewall",
    "NMS Router",
)
_OTHER = (
    *(
        "Printer",
        "Network Device (Printer)",
        "Printers",
        "Access Point",
        "Network Device (Wireless)",
        "Wireless",
        "Phone",
        "Mobile",
        "Smartphone",
    ),
    *(
        "Network Device",
        "UPS",
        "Camera",
        "Scanner",
        "Scanner/Camera",
        "Storage",
        "IoT",
        "Unknown",
        "Cloud Monitor",
        "NMS Other",
        "Generic SNMP",
    ),
)
_TYPES = {
    **dict.fromkeys(_WORKSTATION, "workstation"),
    **dict.fromkeys(_SERVER, "server"),
    **dict.fromkeys(_VM, "vm"),
    **dict.fromkeys(_SWITCH, "switch"),
    **dict.fromkeys(_FIREWALL, "firewall"),
    **dict.fromkeys(_OTHER, "other"),
}
_STATUSES = {
    **dict.fromkeys(("Not-Approved", "Lead", "Prospective", "Suspect", "Opportunity"), "prospect"),
    **dict.fromkeys(("Enabled", "Approved", "Current", "Client", "Customer", "Delinquent", "Credit Hold", "Inactive: FALSE"), "active"),
    **dict.fromkeys(("Disabled", "Archived", "Former", "Cancelled", "Canceled", "Closed", "Lost", "Inactive: TRUE"), "inactive"),
}
_ON_OFF = {
    **dict.fromkeys(("Enabled", "Active", "Current", "Inactive: FALSE"), "yes"),
    **dict.fromkeys(("Disabled", "Inactive", "Blocked", "Former", "Inactive: TRUE"), "no"),
}
_IS_ACTIVE = (
    "Is Active",
    "Enabled",
    "Account Enabled",
    "Account Status",
    "Status",
    "Inactive",
    "Disabled",
    "Blocked",
    "Block credential",
    "Archived",
)
_ENDS = {heading: ("no", "yes") for heading in ("Inactive", "Disabled", "Blocked", "Block credential", "Archived")}
_BILLED = {
    **dict.fromkeys(("Billable: Yes", "Non-Billable: No", "Billed"), "yes"),
    **dict.fromkeys(("Non-Billable: Yes", "Billable: No", "Non-Billable", "Not billable", "Not billed"), "no"),
}

_ACCOUNT = Column("company_account_number", key=True, required=True, kind="reference", also=COMPANY_CALLED)
_PHONE = ("Phone Number", "Phone Numbers", "Telephone", "Phone 1", "Business Phone", "Office Phone", "Work Phone", "Direct Phone")
_PLACE = (
    Column(
        "address",
        max_length=500,
        lines=True,
        joined="\n",
        also=("Address 1", "Address Line 1", "Street", "Street Address", "Address 2", "Address Line 2", "Address 3", "Address Line 3"),
    ),
    Column("city", max_length=100, also=("Town", "Town/City", "City/Town", "Locality", "Suburb")),
    Column("region", max_length=100, also=("State", "Province", "County", "State/Province", "State or Province")),
    Column("postal_code", max_length=20, also=("Zip", "Zip Code", "Postcode", "Post Code", "ZIP/Postal Code", "Postal")),
    Column("country", max_length=60, also=("Country/Region", "Country Code", "Country Name")),
)

COLUMNS: dict[str, tuple[Column, ...]] = {
    "companies": (
        Column("account_number", key=True, max_length=6),
        Column(
            "name",
            also=(
                "Company Name",
                "Company",
                "Organization Name",
                "Organization",
                "Client Name",
                "Client",
                "Customer Name",
                "Customer",
                "Account Name",
            ),
        ),
        Column(
            "status",
            kind="choice",
            choices=tuple(STATUSES),
            also=("Company Status", "Active", "Is Active", "Enabled", "Inactive", "Disabled"),
            words=_STATUSES,
            yes_is={
                **dict.fromkeys(("Active", "Is Active", "Enabled"), ("active", "inactive")),
                **dict.fromkeys(("Inactive", "Disabled"), ("inactive", "active")),
            },
        ),
        Column("main_phone", max_length=50, also=("Phone", *_PHONE)),
        Column("website", max_length=300, also=("Web Site", "Web Address", "URL", "Web", "Homepage")),
        Column("domains", kind="list", max_length=253, also=("Domain", "Email Domain", "Email Domains", "Domain Name")),
        Column("compliance_level", kind="choice", choices=tuple(COMPLIANCE)),
        *_PLACE,
        Column("external_id", also=("Company RecID", "Company ID", "Organization ID", "Client ID", "Customer ID", "Account ID")),
    ),
    "contacts": (
        _ACCOUNT,
        Column("email", key=True, kind="email", also=("Email Address", "E-mail", "Primary Email", "User principal name", "UPN", "Mail")),
        Column("first_name", max_length=100, also=("First", "Given Name", "Forename")),
        Column("last_name", max_length=100, also=("Last", "Surname", "Family Name")),
        Column("phone", max_length=50, also=(*_PHONE, "Mobile", "Mobile Phone", "Cell", "Cell Phone", "Mobile Number")),
        Column("title", max_length=100, also=("Job Title", "Position")),
        Column("role", kind="choice", choices=tuple(ROLES)[1:]),
        Column("active", kind="bool", also=_IS_ACTIVE, words=_ON_OFF, yes_is=_ENDS),
        Column("billable", kind="bool", also=("Is Billable", "Non-Billable"), words=_BILLED, yes_is={"Non-Billable": ("no", "yes")}),
        Column("exclusion_reason"),
        Column("active_on", kind="date"),
        Column("ended_on", kind="date"),
        Column("external_id", also=("Contact ID", "User ID", "Object ID", "Contact RecID")),
    ),
    "assets": (
        _ACCOUNT,
        Column(
            "name",
            key=True,
            required=True,
            also=(
                *("Hostname", "Host Name", "Device Name", "Computer", "Computer Name", "Device Hostname", "System Name", "Machine Name"),
                *("Device", "Machine", "Asset Name", "Endpoint", "Configuration Name"),
            ),
        ),
        Column(
            "type",
            kind="choice",
            choices=tuple(TYPES),
            also=("Device Type", "Asset Type", "Device Class", "Device Role", "Configuration Type", "Node Class", "Class", "Role"),
            words=_TYPES,
        ),
        Column("serial", max_length=100, also=("Serial Number", "Serial No", "Service Tag", "BIOS Serial Number", "Device Serial Number")),
        Column("operating_system", max_length=100, also=("OS", "OS Name", "OS Version", "Platform")),
        Column("active_on", kind="date", also=("Install Date", "In Service Since")),
        Column("retired_on", kind="date"),
        Column(
            "backup_bytes",
            kind="size",
            minimum=0,
            maximum=2**60,
            measured=True,
            also=(
                *("Backup Size", "Backup Usage", "Used Backup Storage", "Backup Storage Used", "Protected Size", "Protected Data"),
                *("Size on Disk", "Storage Used", "Used Storage", "Total Backup Size", "Backup Storage"),
            ),
        ),
        Column(
            "last_seen_at",
            kind="datetime",
            measured=True,
            also=(
                *("Last Seen", "Last Contact", "Last Check-in", "Last Checkin", "Last Online", "Last Response", "Last Communication"),
                *("Last Contacted", "Last Connected", "Last Update", "Last Agent Response", "Last Heartbeat"),
            ),
        ),
        Column("contact_email", kind="email", also=("Assigned User Email", "User Email", "Owner Email")),
        Column("external_id", also=("Device ID", "Device UID", "Agent ID", "Asset ID", "UID", "Configuration RecID")),
    ),
    "locations": (
        _ACCOUNT,
        Column("name", key=True, required=True, also=("Location", "Location Name", "Site", "Site Name")),
        *_PLACE,
        Column("phone", max_length=50, also=_PHONE),
        Column("external_id", also=("Location ID", "Site ID")),
    ),
}

BESIDE: dict[str, tuple[Column, ...]] = {
    "companies": (),
    "contacts": (
        COMPANY_ID_COLUMN,
        Column(
            "name", aside=True, splits=("first_name", "last_name"), also=("Full Name", "Display Name", "Contact Name", "Contact", "User")
        ),
    ),
    "assets": (
        COMPANY_ID_COLUMN,
        Column(
            "measured_at", kind="datetime", measured=True, also=("Last Backup", "Last Successful Backup", "Backup Date", "Last Backup Date")
        ),
    ),
    "locations": (COMPANY_ID_COLUMN,),
}
"""What files of other tools say besides: the company's id in their system, a person's whole name, when a backup was measured."""
READ = {kind: (*columns, *BESIDE[kind]) for kind, columns in COLUMNS.items()}
"""All that is read of such files."""
