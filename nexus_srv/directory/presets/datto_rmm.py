"""Datto RMM's list of devices."""

from hmlib.imports.presets import Part, Preset, at

DEVICES = Preset(
    name="datto-rmm-devices",
    label="Datto RMM devices",
    source="datto-rmm",
    marks=("Hostname", "Site", "Device Type", "Last User"),
    decimal="point",
    parts=(
        Part(
            "assets",
            {
                "company_account_number": at("Site"),
                "name": at("Hostname"),
                "type": at("Device Type"),
                "serial": at("Serial Number"),
                "operating_system": at("Operating System"),
                "last_seen_at": at("Last Seen"),
                "external_id": at("Device UID", "UID"),
            },
        ),
    ),
)
