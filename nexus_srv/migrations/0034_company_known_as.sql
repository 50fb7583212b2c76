-- By which ids other systems know a company, beside the one that stands in its own row: three tools number the same company.
CREATE TABLE company_known_as (
    company_id TEXT NOT NULL CONSTRAINT company_known_as_company REFERENCES company (id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    external_id TEXT NOT NULL,
    PRIMARY KEY (source, external_id)
);
CREATE INDEX company_known_as_of_company ON company_known_as (company_id);
