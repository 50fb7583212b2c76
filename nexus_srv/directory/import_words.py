"""What other tools call the columns of directory files and the words in them, by kind and column: what fields of kinds cannot say."""

from collections.abc import Mapping
from typing import Any

from hmlib.imports.reading import COMPANY
from hmlib.tables.columns import Column

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

_ACCOUNT: Mapping[str, Any] = {"key": True, "required": True}
_PHONE = ("Phone Number", "Phone Numbers", "Telephone", "Phone 1", "Business Phone", "Office Phone", "Work Phone", "Direct Phone")
_STREET = ("Address 1", "Address Line 1", "Street", "Street Address", "Address 2", "Address Line 2", "Address 3", "Address Line 3")
_PLACE: Mapping[str, Mapping[str, Any]] = {
    "address": {"joined": "\n", "also": _STREET},
    "city": {"also": ("Town", "Town/City", "City/Town", "Locality", "Suburb")},
    "region": {"also": ("State", "Province", "County", "State/Province", "State or Province")},
    "postal_code": {"also": ("Zip", "Zip Code", "Postcode", "Post Code", "ZIP/Postal Code", "Postal")},
    "country": {"also": ("Country/Region", "Country Code", "Country Name")},
}

MORE: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "companies": {
        "account_number": {"key": True},
        "name": {
            "required": False,
            "also": (
                *("Company Name", "Company", "Organization Name", "Organization", "Client Name", "Client", "Customer Name", "Customer"),
                "Account Name",
            ),
        },
        "status": {
            "also": ("Company Status", "Active", "Is Active", "Enabled", "Inactive", "Disabled"),
            "words": _STATUSES,
            "yes_is": {
                **dict.fromkeys(("Active", "Is Active", "Enabled"), ("active", "inactive")),
                **dict.fromkeys(("Inactive", "Disabled"), ("inactive", "active")),
            },
        },
        "main_phone": {"also": ("Phone", *_PHONE)},
        "website": {"also": ("Web Site", "Web Address", "URL", "Web", "Homepage")},
        "domains": {"also": ("Domain", "Email Domain", "Email Domains", "Domain Name")},
        **_PLACE,
        "external_id": {"also": ("Company RecID", "Company ID", "Organization ID", "Client ID", "Customer ID", "Account ID")},
    },
    "contacts": {
        COMPANY: _ACCOUNT,
        "first_name": {"also": ("First", "Given Name", "Forename")},
        "last_name": {"also": ("Last", "Surname", "Family Name")},
        "phone": {"also": (*_PHONE, "Mobile", "Mobile Phone", "Cell", "Cell Phone", "Mobile Number")},
        "title": {"also": ("Job Title", "Position")},
        "active": {"also": _IS_ACTIVE, "words": _ON_OFF, "yes_is": _ENDS},
        "billable": {"also": ("Is Billable", "Non-Billable"), "words": _BILLED, "yes_is": {"Non-Billable": ("no", "yes")}},
        "external_id": {"also": ("Contact ID", "User ID", "Object ID", "Contact RecID")},
    },
    "assets": {
        COMPANY: _ACCOUNT,
        "name": {
            "key": True,
            "also": (
                *("Hostname", "Host Name", "Device Name", "Computer", "Computer Name", "Device Hostname", "System Name", "Machine Name"),
                *("Device", "Machine", "Asset Name", "Endpoint", "Configuration Name"),
            ),
        },
        "type": {
            "also": ("Device Type", "Asset Type", "Device Class", "Device Role", "Configuration Type", "Node Class", "Class", "Role"),
            "words": _TYPES,
        },
        "serial": {"also": ("Serial Number", "Serial No", "Service Tag", "BIOS Serial Number", "Device Serial Number")},
        "operating_system": {"also": ("OS", "OS Name", "OS Version", "Platform")},
        "active_on": {"also": ("Install Date", "In Service Since")},
        "backup_bytes": {
            "also": (
                *("Backup Size", "Backup Usage", "Used Backup Storage", "Backup Storage Used", "Protected Size", "Protected Data"),
                *("Size on Disk", "Storage Used", "Used Storage", "Total Backup Size", "Backup Storage"),
            ),
        },
        "measured_at": {"also": ("Last Backup", "Last Successful Backup", "Backup Date", "Last Backup Date")},
        "last_seen_at": {
            "also": (
                *("Last Seen", "Last Contact", "Last Check-in", "Last Checkin", "Last Online", "Last Response", "Last Communication"),
                *("Last Contacted", "Last Connected", "Last Update", "Last Agent Response", "Last Heartbeat"),
            ),
        },
        "external_id": {"also": ("Device ID", "Device UID", "Agent ID", "Asset ID", "UID", "Configuration RecID")},
    },
    "locations": {
        COMPANY: _ACCOUNT,
        "name": {"key": True, "also": ("Location", "Location Name", "Site", "Site Name")},
        **_PLACE,
        "phone": {"also": _PHONE},
        "external_id": {"also": ("Location ID", "Site ID")},
    },
}
"""What other tools call the columns of fields, and how they say what stands in them."""
EMAIL = Column("email", key=True, kind="email", also=("Email Address", "E-mail", "Primary Email", "User principal name", "UPN", "Mail"))
WHOLE_NAME = Column(
    "name", aside=True, splits=("first_name", "last_name"), also=("Full Name", "Display Name", "Contact Name", "Contact", "User")
)
USER = Column("contact_email", kind="email", also=("Assigned User Email", "User Email", "Owner Email"))
