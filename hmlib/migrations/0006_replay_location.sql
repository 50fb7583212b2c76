-- Where what was made can be read, so that a repeated request is told too.
ALTER TABLE replay ADD COLUMN location TEXT NOT NULL DEFAULT '';
