-- A key, what it was used for and the answer are now written in the transaction of the change itself, so no row waits for its answer.
-- Rows from before have no digest: they were compared by request_hash, which is written on for processes of the release before.
ALTER TABLE replay ADD COLUMN digest TEXT NOT NULL DEFAULT '';
ALTER TABLE replay ADD COLUMN headers TEXT NOT NULL DEFAULT '';
ALTER TABLE replay ADD COLUMN body_form TEXT NOT NULL DEFAULT 'plain';
