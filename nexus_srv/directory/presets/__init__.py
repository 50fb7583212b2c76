"""What other tools export of companies, people and devices, told apart by its headings. How a preset is written: hmlib.imports.presets."""

from hmlib.imports.presets import Preset
from nexus_srv.directory.presets import (
    autotask,
    connectwise,
    datto_rmm,
    halopsa,
    microsoft_365,
    n_central,
    ninjaone,
    quickbooks,
    syncro,
    tactical_rmm,
    veeam,
    xero,
)

PRESETS: tuple[Preset, ...] = (
    autotask.BOTH,
    autotask.ORGANIZATIONS,
    autotask.CONTACTS,
    connectwise.COMPANIES,
    datto_rmm.DEVICES,
    halopsa.CLIENTS,
    halopsa.USERS,
    microsoft_365.USERS,
    n_central.DEVICES,
    ninjaone.DEVICES,
    quickbooks.CUSTOMERS,
    syncro.CUSTOMERS,
    tactical_rmm.AGENTS,
    veeam.BACKUPS,
    xero.CONTACTS,
)
