-- companies: the list, searched and with every filter
SELECT company.id, company.name, company.account_number, company.status, company.compliance_level, company.main_phone, company.website, company.domains, company.address, company.postal_code, company.city, company.region, company.country, company.parent_id, company.source, company.external_id, company.notes, company.name_form, company.created_at, company.updated_at, company.version
    FROM company
    WHERE company.id IN :scope_ids
    AND (company.search LIKE :like_0 ESCAPE '\'
    AND company.search LIKE :like_1 ESCAPE '\' OR company.external_id = :said)
    AND company.status = :status
    AND company.compliance_level = :compliance_level
    AND company.parent_id = :parent_id
    AND company.updated_at >= :updated_since
    ORDER BY company.name_form, company.id LIMIT :cursor_limit;

-- companies: what stands first in a search
SELECT company.id AS id
    FROM company
    WHERE (company.name_form = :folded OR lower(company.account_number) = :lowered)
    AND company.id IN :scope_ids
    ORDER BY company.id LIMIT 5;

-- companies: some by their ids
SELECT company.id, company.name, company.account_number, company.status, company.compliance_level, company.main_phone, company.website, company.domains, company.address, company.postal_code, company.city, company.region, company.country, company.parent_id, company.source, company.external_id, company.notes, company.name_form, company.created_at, company.updated_at, company.version
    FROM company
    WHERE company.id IN :ids
    AND company.id IN :scope_ids
    ORDER BY company.id;

-- companies: a new one
INSERT INTO company (id, name, account_number, status, compliance_level, main_phone, website, domains, address, postal_code, city, region, country, parent_id, source, external_id, notes, search, name_form, created_at, updated_at, version)
    VALUES (:id, :name, :account_number, :status, :compliance_level, :main_phone, :website, :domains, :address, :postal_code, :city, :region, :country, :parent_id, :source, :external_id, :notes, :search, :name_form, :now, :now, 1);

-- companies: a change
UPDATE company
    SET name = :name, account_number = :account_number, status = :status, compliance_level = :compliance_level, main_phone = :main_phone, website = :website, domains = :domains, address = :address, postal_code = :postal_code, city = :city, region = :region, country = :country, parent_id = :parent_id, source = :source, external_id = :external_id, notes = :notes, search = :search, name_form = :name_form, updated_at = :now, version = version + 1
    WHERE id = :id
    AND version = :version;

-- companies: the end
DELETE
    FROM company
    WHERE id = :id
    AND version = :version;

-- companies sorted by
--   name: company.name_form
--   account_number: company.account_number
--   status: company.status
--   city: company.city
--   created_at: company.created_at
--   updated_at: company.updated_at
--   id: company.id


-- custom-fields: the list, searched and with every filter
SELECT custom_field.id, custom_field.kind, custom_field.label, custom_field.name, custom_field.type, custom_field.choices, custom_field.help, custom_field.place, custom_field.created_at, custom_field.updated_at, custom_field.version
    FROM custom_field
    WHERE TRUE
    AND (custom_field.search LIKE :like_0 ESCAPE '\'
    AND custom_field.search LIKE :like_1 ESCAPE '\')
    AND custom_field.kind = :kind
    AND custom_field.updated_at >= :updated_since
    ORDER BY custom_field.place, custom_field.id LIMIT :cursor_limit;

-- custom-fields: some by their ids
SELECT custom_field.id, custom_field.kind, custom_field.label, custom_field.name, custom_field.type, custom_field.choices, custom_field.help, custom_field.place, custom_field.created_at, custom_field.updated_at, custom_field.version
    FROM custom_field
    WHERE custom_field.id IN :ids
    AND TRUE
    ORDER BY custom_field.id;

-- custom-fields: a new one
INSERT INTO custom_field (id, kind, label, name, type, choices, help, place, search, created_at, updated_at, version)
    VALUES (:id, :kind, :label, :name, :type, :choices, :help, :place, :search, :now, :now, 1);

-- custom-fields: a change
UPDATE custom_field
    SET kind = :kind, label = :label, name = :name, type = :type, choices = :choices, help = :help, place = :place, search = :search, updated_at = :now, version = version + 1
    WHERE id = :id
    AND version = :version;

-- custom-fields: the end
DELETE
    FROM custom_field
    WHERE id = :id
    AND version = :version;

-- custom-fields sorted by
--   label: custom_field.label
--   name: custom_field.name
--   place: custom_field.place
--   created_at: custom_field.created_at
--   updated_at: custom_field.updated_at
--   id: custom_field.id


-- locations: the list, searched and with every filter
SELECT location.id, location.company_id, location.name, location.address, location.postal_code, location.city, location.region, location.country, location.phone, location.active, location.source, location.external_id, location.name_form, location.created_at, location.updated_at, location.version, company.name AS company_name, company.name_form AS company_form
    FROM location
    LEFT JOIN company company ON company.id = location.company_id
    WHERE location.company_id IN :scope_ids
    AND ((location.search LIKE :like_0 ESCAPE '\' OR location.company_id IN (SELECT company.id
    FROM company company
    WHERE company.name_form LIKE :like_0 ESCAPE '\'))
    AND (location.search LIKE :like_1 ESCAPE '\' OR location.company_id IN (SELECT company.id
    FROM company company
    WHERE company.name_form LIKE :like_1 ESCAPE '\')) OR location.external_id = :said)
    AND location.company_id = :company_id
    AND location.country = :country
    AND location.active = (:active = 'yes')
    AND location.updated_at >= :updated_since
    ORDER BY location.name_form, location.id LIMIT :cursor_limit;

-- locations: what stands first in a search
SELECT location.id AS id
    FROM location
    WHERE (location.name_form = :folded)
    AND location.company_id IN :scope_ids
    ORDER BY location.id LIMIT 5;

-- locations: some by their ids
SELECT location.id, location.company_id, location.name, location.address, location.postal_code, location.city, location.region, location.country, location.phone, location.active, location.source, location.external_id, location.name_form, location.created_at, location.updated_at, location.version, company.name AS company_name, company.name_form AS company_form
    FROM location
    LEFT JOIN company company ON company.id = location.company_id
    WHERE location.id IN :ids
    AND location.company_id IN :scope_ids
    ORDER BY location.id;

-- locations: a new one
INSERT INTO location (id, company_id, name, address, postal_code, city, region, country, phone, active, source, external_id, search, name_form, created_at, updated_at, version)
    VALUES (:id, :company_id, :name, :address, :postal_code, :city, :region, :country, :phone, :active, :source, :external_id, :search, :name_form, :now, :now, 1);

-- locations: a change
UPDATE location
    SET company_id = :company_id, name = :name, address = :address, postal_code = :postal_code, city = :city, region = :region, country = :country, phone = :phone, active = :active, source = :source, external_id = :external_id, search = :search, name_form = :name_form, updated_at = :now, version = version + 1
    WHERE id = :id
    AND version = :version;

-- locations: the end
DELETE
    FROM location
    WHERE id = :id
    AND version = :version;

-- locations sorted by
--   company: company.name_form
--   name: location.name_form
--   city: location.city
--   country: location.country
--   created_at: location.created_at
--   updated_at: location.updated_at
--   id: location.id

