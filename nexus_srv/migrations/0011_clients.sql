-- Programs that sign people in through Nexus or call the suite themselves. Lists are JSON arrays; exchange and service are JSON
-- objects that lead from an audience to the scopes that may be had for it, on a person's behalf or for the client itself.
CREATE TABLE client (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    module BOOLEAN NOT NULL DEFAULT FALSE,
    secret_mac TEXT,
    redirect_uris TEXT NOT NULL DEFAULT '[]',
    post_logout_uris TEXT NOT NULL DEFAULT '[]',
    logout_uri TEXT NOT NULL DEFAULT '',
    scopes TEXT NOT NULL DEFAULT '[]',
    exchange TEXT NOT NULL DEFAULT '{}',
    service TEXT NOT NULL DEFAULT '{}',
    disabled BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1
);

-- What people allowed clients that are not modules.
CREATE TABLE consent (
    account_id TEXT NOT NULL REFERENCES account (id),
    client_id TEXT NOT NULL REFERENCES client (id),
    scope TEXT NOT NULL,
    given_at TEXT NOT NULL,
    PRIMARY KEY (account_id, client_id)
);
