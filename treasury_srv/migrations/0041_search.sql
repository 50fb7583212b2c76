-- What plans, prices, agreements and their parts are searched by, beside the name of their company, which the directory knows.
ALTER TABLE plan ADD COLUMN search TEXT NOT NULL DEFAULT '';
UPDATE plan SET search = folded;
ALTER TABLE price_version ADD COLUMN search TEXT NOT NULL DEFAULT '';
UPDATE price_version SET search = lower(term || ' ' || currency);
ALTER TABLE agreement ADD COLUMN search TEXT NOT NULL DEFAULT '';
ALTER TABLE agreement_override ADD COLUMN search TEXT NOT NULL DEFAULT '';
UPDATE agreement_override SET search = lower(what);
ALTER TABLE manual_item ADD COLUMN search TEXT NOT NULL DEFAULT '';
UPDATE manual_item SET search = lower(name || ' ' || note);
