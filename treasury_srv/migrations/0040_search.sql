-- What line items are searched by, beside the name of their company, which the directory knows.
ALTER TABLE line_item ADD COLUMN search TEXT NOT NULL DEFAULT '';
UPDATE line_item SET search = folded;
