-- A space holds articles: one for each company that has any, and general ones (company_id is NULL).
-- `name` and `account_number` of a company's space follow the directory.
CREATE TABLE space (
    id TEXT PRIMARY KEY,
    company_id TEXT,
    account_number TEXT NOT NULL DEFAULT '',
    name TEXT NOT NULL,
    folded TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE UNIQUE INDEX space_company ON space (company_id);
CREATE UNIQUE INDEX space_general_name ON space (folded) WHERE company_id IS NULL;
CREATE INDEX space_name ON space (folded, id);

-- `path` names every folder above, with a slash between them.
CREATE TABLE folder (
    id TEXT PRIMARY KEY,
    space_id TEXT NOT NULL CONSTRAINT folder_space REFERENCES space (id),
    path TEXT NOT NULL,
    folded TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE UNIQUE INDEX folder_path ON folder (space_id, folded);

-- Its text is that of revision number `version`. `company_id` is its space's; `tags` a JSON list; `search` the folded title and tags.
CREATE TABLE article (
    id TEXT PRIMARY KEY,
    space_id TEXT NOT NULL CONSTRAINT article_space REFERENCES space (id),
    company_id TEXT,
    folder_id TEXT CONSTRAINT article_folder REFERENCES folder (id),
    title TEXT NOT NULL,
    folded TEXT NOT NULL,
    search TEXT NOT NULL,
    tags TEXT NOT NULL,
    audience TEXT NOT NULL CONSTRAINT article_audience CHECK (audience IN ('internal', 'client')),
    status TEXT NOT NULL DEFAULT 'published'
        CONSTRAINT article_status CHECK (status IN ('draft', 'in_review', 'published', 'needs_review', 'archived')),
    version BIGINT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_by_name TEXT NOT NULL
);
CREATE UNIQUE INDEX article_title ON article (space_id, COALESCE(folder_id, ''), folded);
CREATE INDEX article_by_title ON article (folded, id);
CREATE INDEX article_updated ON article (updated_at, id);
CREATE INDEX article_of_company ON article (company_id, updated_at, id);
CREATE INDEX article_counts ON article (company_id, status, audience, updated_at);
CREATE INDEX article_of_space ON article (space_id, status, audience, updated_at);
CREATE INDEX article_seen ON article (status, audience, company_id);

-- What decides who sees the article stands here too, so that tags are counted without a look at each article.
CREATE TABLE article_tag (
    article_id TEXT NOT NULL CONSTRAINT article_tag_article REFERENCES article (id) ON DELETE CASCADE,
    folded TEXT NOT NULL,
    company_id TEXT,
    audience TEXT NOT NULL,
    status TEXT NOT NULL,
    PRIMARY KEY (article_id, folded)
);
CREATE INDEX article_tag_folded ON article_tag (folded, article_id);
CREATE INDEX article_tag_seen ON article_tag (folded, status, audience, company_id);

CREATE TABLE revision (
    article_id TEXT NOT NULL CONSTRAINT revision_article REFERENCES article (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    tags TEXT NOT NULL,
    audience TEXT NOT NULL,
    message TEXT NOT NULL,
    author_id TEXT NOT NULL,
    author_name TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (article_id, number)
);
