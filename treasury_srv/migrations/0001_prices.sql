-- Unit prices are ten-thousandths of the currency unit (_e4), quantities millionths (_e6), days ISO text; "until" days are the first that no longer count.
CREATE TABLE plan (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    folded TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX plan_name ON plan (folded);

CREATE TABLE plan_feature (
    plan_id TEXT NOT NULL CONSTRAINT plan_feature_plan REFERENCES plan (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    label TEXT NOT NULL,
    PRIMARY KEY (plan_id, name)
);

CREATE TABLE price_version (
    id TEXT PRIMARY KEY,
    plan_id TEXT NOT NULL CONSTRAINT price_version_plan REFERENCES plan (id),
    term TEXT NOT NULL CONSTRAINT price_version_term CHECK (term IN ('month_to_month', '1_year', '2_year', '3_year')),
    valid_from TEXT NOT NULL,
    currency TEXT NOT NULL,
    per_user_e4 BIGINT NOT NULL CONSTRAINT price_version_per_user CHECK (per_user_e4 >= 0),
    per_workstation_e4 BIGINT NOT NULL CONSTRAINT price_version_per_workstation CHECK (per_workstation_e4 >= 0),
    per_server_e4 BIGINT NOT NULL CONSTRAINT price_version_per_server CHECK (per_server_e4 >= 0),
    per_vm_e4 BIGINT NOT NULL CONSTRAINT price_version_per_vm CHECK (per_vm_e4 >= 0),
    per_switch_e4 BIGINT NOT NULL CONSTRAINT price_version_per_switch CHECK (per_switch_e4 >= 0),
    per_firewall_e4 BIGINT NOT NULL CONSTRAINT price_version_per_firewall CHECK (per_firewall_e4 >= 0),
    per_hour_e4 BIGINT NOT NULL CONSTRAINT price_version_per_hour CHECK (per_hour_e4 >= 0),
    backup_base_workstation_e4 BIGINT NOT NULL CONSTRAINT price_version_base_workstation CHECK (backup_base_workstation_e4 >= 0),
    backup_base_server_e4 BIGINT NOT NULL CONSTRAINT price_version_base_server CHECK (backup_base_server_e4 >= 0),
    backup_included_tb_e6 BIGINT NOT NULL CONSTRAINT price_version_included_tb CHECK (backup_included_tb_e6 >= 0),
    backup_per_tb_e4 BIGINT NOT NULL CONSTRAINT price_version_per_tb CHECK (backup_per_tb_e4 >= 0),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX price_version_of_day ON price_version (plan_id, term, valid_from);
