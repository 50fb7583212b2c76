-- FTS5 counts rows by number; the words are given to it already folded and it keeps no copy of the text.
CREATE TABLE article_number (
    number INTEGER PRIMARY KEY,
    article_id TEXT NOT NULL UNIQUE REFERENCES article (id) ON DELETE CASCADE
);
CREATE VIRTUAL TABLE article_search USING fts5 (
    title, tags, body, facets,
    content = '', contentless_delete = 1, prefix = '2 3',
    tokenize = "unicode61 remove_diacritics 2 tokenchars '='"
);
