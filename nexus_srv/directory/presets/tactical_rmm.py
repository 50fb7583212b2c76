"""Tactical RMM's agents."""

from hmlib.imports.presets import Part, Preset, at

AGENTS = Preset(
    name="tactical-rmm-agents",
    label="Tactical RMM agents",
    source="tactical-rmm",
    marks=("hostname", "client", "site", "monitoring_type"),
    decimal="point",
    parts=(
        Part(
            "assets",
            {
                "company_account_number": at("client"),
                "name": at("hostname"),
                "type": at("monitoring_type"),
                "serial": at("serial_number"),
                "operating_system": at("operating_system"),
                "last_seen_at": at("last_seen"),
                "external_id": at("agent_id"),
            },
        ),
    ),
)
