CREATE TABLE article_search (
    article_id TEXT PRIMARY KEY REFERENCES article (id) ON DELETE CASCADE,
    document TSVECTOR NOT NULL
);
CREATE INDEX article_search_document ON article_search USING GIN (document);
