-- A key is made as next, signs as active, is still published while retiring, and is kept as gone only to be known.
CREATE TABLE signing_key (
    kid TEXT PRIMARY KEY,
    state TEXT NOT NULL CONSTRAINT signing_key_state CHECK (state IN ('next', 'active', 'retiring', 'gone')),
    private_key TEXT,
    public_key TEXT NOT NULL,
    compromised BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TEXT NOT NULL,
    activated_at TEXT NOT NULL DEFAULT '',
    retired_at TEXT NOT NULL DEFAULT '',
    CONSTRAINT signing_key_gone CHECK (state <> 'gone' OR private_key IS NULL)
);
CREATE UNIQUE INDEX signing_key_one_next ON signing_key (state) WHERE state = 'next';
CREATE UNIQUE INDEX signing_key_one_active ON signing_key (state) WHERE state = 'active';
