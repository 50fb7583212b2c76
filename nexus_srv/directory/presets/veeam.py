"""Veeam's report of protected computers: it measures devices that are there, and makes none."""

from hmlib.imports.presets import Part, Preset, at

BACKUPS = Preset(
    name="veeam-backups",
    label="Veeam protected computers",
    source="veeam",
    marks=("Company", "Computer", "Backup Size", "Last Backup"),
    parts=(
        Part(
            "assets",
            {
                "company_account_number": at("Company"),
                "name": at("Computer"),
                "type": at(),
                "backup_bytes": at("Backup Size"),
                "measured_at": at("Last Backup"),
            },
            creates=False,
        ),
    ),
)
