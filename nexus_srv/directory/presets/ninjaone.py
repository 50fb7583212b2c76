"""NinjaOne's list of devices."""

from hmlib.imports.presets import Part, Preset, at

DEVICES = Preset(
    name="ninjaone-devices",
    label="NinjaOne devices",
    source="ninjaone",
    marks=("Organization", "Display Name", "System Name"),
    parts=(
        Part(
            "assets",
            {
                "company_account_number": at("Organization"),
                "name": at("System Name", "Display Name"),
                "type": at("Device Type", "Device Role", "Type", "Node Class"),
                "serial": at("Serial Number", "BIOS Serial Number"),
                "operating_system": at("OS Name", "OS", "Operating System"),
                "last_seen_at": at("Last Contact", "Last Contact (Unix)", "Last Online", "Last Seen"),
                "external_id": at("Device ID", "ID"),
            },
        ),
    ),
)
