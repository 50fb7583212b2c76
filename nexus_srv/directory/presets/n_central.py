"""N-central's view of all devices."""

from hmlib.imports.presets import Part, Preset, at

DEVICES = Preset(
    name="n-central-devices",
    label="N-central devices",
    source="n-central",
    marks=("Customer", "Device Name", "Device Class"),
    parts=(
        Part(
            "assets",
            {
                "company_account_number": at("Customer"),
                "name": at("Device Name"),
                "type": at("Device Class"),
                "serial": at("Serial Number", "System Serial Number"),
                "operating_system": at("Operating System", "OS", "Supported OS"),
                "last_seen_at": at("Last Check-in", "Last Response", "Last Agent Check-in"),
                "external_id": at("Device ID"),
            },
        ),
    ),
)
