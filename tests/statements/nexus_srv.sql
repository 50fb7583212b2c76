-- assets: the list, searched and with every filter
SELECT asset.id, asset.company_id, asset.name, asset.type, asset.operating_system, asset.serial, asset.manufacturer, asset.model, asset.contact_id, asset.location_id, asset.ip_addresses, asset.mac_addresses, asset.active_on, asset.retired_on, asset.purchased_on, asset.warranty_until, asset.backup_bytes, asset.measured_at, asset.last_seen_at, asset.tags, asset.source, asset.external_id, asset.notes, asset.name_form, asset.created_at, asset.updated_at, asset.version, company.name AS company_name, company.name_form AS company_form, contact.name AS contact_name, contact.name_form AS contact_form, location.name AS location_name, location.name_form AS location_form
    FROM asset JOIN company company ON company.id = asset.company_id
    LEFT JOIN contact contact ON contact.id = asset.contact_id
    LEFT JOIN location location ON location.id = asset.location_id
    WHERE asset.company_id IN :scope_ids
    AND asset.company_id = :company_id
    AND asset.type = :type
    AND asset.contact_id = :contact_id
    AND asset.location_id = :location_id
    AND CASE WHEN asset.retired_on IS NULL THEN 'in_use' ELSE 'retired' END = :status
    AND replace(lower(asset.operating_system), lower(:operating_system), '') <> lower(asset.operating_system)
    AND replace(' ' || asset.tags || ' ', ' ' || :tag || ' ', '') <> ' ' || asset.tags || ' '
    AND asset.updated_at >= :since
    AND ((asset.search LIKE :like_0 ESCAPE '\' OR asset.company_id IN (SELECT company.id
    FROM company company
    WHERE company.name_form LIKE :like_0 ESCAPE '\'))
    AND (asset.search LIKE :like_1 ESCAPE '\' OR asset.company_id IN (SELECT company.id
    FROM company company
    WHERE company.name_form LIKE :like_1 ESCAPE '\')) OR asset.external_id = :said)
    ORDER BY asset.name_form, asset.id LIMIT :cursor_limit;

-- assets: what stands first in a search
SELECT asset.id AS id
    FROM asset
    WHERE (asset.name_form = :folded OR lower(asset.serial) = :lowered)
    AND asset.company_id IN :scope_ids
    AND asset.company_id = :company_id
    AND asset.type = :type
    AND asset.contact_id = :contact_id
    AND asset.location_id = :location_id
    AND CASE WHEN asset.retired_on IS NULL THEN 'in_use' ELSE 'retired' END = :status
    AND replace(lower(asset.operating_system), lower(:operating_system), '') <> lower(asset.operating_system)
    AND replace(' ' || asset.tags || ' ', ' ' || :tag || ' ', '') <> ' ' || asset.tags || ' '
    ORDER BY asset.id LIMIT 5;

-- assets: some by their ids
SELECT asset.id, asset.company_id, asset.name, asset.type, asset.operating_system, asset.serial, asset.manufacturer, asset.model, asset.contact_id, asset.location_id, asset.ip_addresses, asset.mac_addresses, asset.active_on, asset.retired_on, asset.purchased_on, asset.warranty_until, asset.backup_bytes, asset.measured_at, asset.last_seen_at, asset.tags, asset.source, asset.external_id, asset.notes, asset.name_form, asset.created_at, asset.updated_at, asset.version, company.name AS company_name, company.name_form AS company_form, contact.name AS contact_name, contact.name_form AS contact_form, location.name AS location_name, location.name_form AS location_form
    FROM asset JOIN company company ON company.id = asset.company_id
    LEFT JOIN contact contact ON contact.id = asset.contact_id
    LEFT JOIN location location ON location.id = asset.location_id
    WHERE asset.id IN :ids
    AND asset.company_id IN :scope_ids
    ORDER BY asset.id;

-- assets: a new one
INSERT INTO asset (id, company_id, name, type, operating_system, serial, manufacturer, model, contact_id, location_id, ip_addresses, mac_addresses, active_on, retired_on, purchased_on, warranty_until, backup_bytes, measured_at, last_seen_at, tags, source, external_id, notes, search, name_form, created_at, updated_at, version)
    VALUES (:id, :company_id, :name, :type, :operating_system, :serial, :manufacturer, :model, :contact_id, :location_id, :ip_addresses, :mac_addresses, :active_on, :retired_on, :purchased_on, :warranty_until, :backup_bytes, :measured_at, :last_seen_at, :tags, :source, :external_id, :notes, :search, :name_form, :now, :now, 1);

-- assets: a change
UPDATE asset
    SET company_id = :company_id, name = :name, type = :type, operating_system = :operating_system, serial = :serial, manufacturer = :manufacturer, model = :model, contact_id = :contact_id, location_id = :location_id, ip_addresses = :ip_addresses, mac_addresses = :mac_addresses, active_on = :active_on, retired_on = :retired_on, purchased_on = :purchased_on, warranty_until = :warranty_until, backup_bytes = :backup_bytes, measured_at = :measured_at, last_seen_at = :last_seen_at, tags = :tags, source = :source, external_id = :external_id, notes = :notes, search = :search, name_form = :name_form, updated_at = :now, version = version + 1
    WHERE id = :id
    AND version = :version;

-- assets: the end
DELETE
    FROM asset
    WHERE id = :id
    AND version = :version;

-- assets sorted by
--   company: company.name_form
--   name: asset.name_form
--   type: asset.type
--   backup_bytes: asset.backup_bytes
--   created_at: asset.created_at
--   updated_at: asset.updated_at
--   id: asset.id


-- companies: the list, searched and with every filter
SELECT company.id, company.name, company.account_number, company.status, company.compliance_level, company.main_phone, company.website, company.domains, company.address, company.postal_code, company.city, company.region, company.country, company.parent_id, company.source, company.external_id, company.notes, company.name_form, company.created_at, company.updated_at, company.version
    FROM company
    WHERE company.id IN :scope_ids
    AND company.status = :status
    AND company.compliance_level = :compliance_level
    AND company.parent_id = :parent_id
    AND company.updated_at >= :since
    AND (company.search LIKE :like_0 ESCAPE '\'
    AND company.search LIKE :like_1 ESCAPE '\' OR company.external_id = :said)
    ORDER BY company.name_form, company.id LIMIT :cursor_limit;

-- companies: what stands first in a search
SELECT company.id AS id
    FROM company
    WHERE (company.name_form = :folded OR lower(company.account_number) = :lowered)
    AND company.id IN :scope_ids
    AND company.status = :status
    AND company.compliance_level = :compliance_level
    AND company.parent_id = :parent_id
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


-- contacts: the list, searched and with every filter
SELECT contact.id, contact.name, contact.first_name, contact.last_name, contact.phone, contact.mobile_phone, contact.title, contact.active, contact.billable, contact.exclusion_reason, contact.active_on, contact.ended_on, contact.source, contact.external_id, contact.notes, contact.name_form, contact.email, contact.more_emails, contact.created_at, contact.updated_at, contact.version
    FROM contact
    WHERE contact.id IN (SELECT link.contact_id
    FROM contact_company link
    WHERE link.company_id IN :scope_ids)
    AND contact.id IN (SELECT link.contact_id
    FROM contact_company link
    WHERE link.company_id = :company_id
    AND link.company_id IN :scope_ids)
    AND contact.active = (:active = 'yes')
    AND contact.billable = (:billable = 'yes')
    AND EXISTS (SELECT 1
    FROM contact_company link
    WHERE link.contact_id = contact.id
    AND link.role = :role
    AND link.company_id IN :scope_ids
    AND link.company_id = :company_id)
    AND contact.updated_at >= :since
    AND (contact.search LIKE :like_0 ESCAPE '\'
    AND contact.search LIKE :like_1 ESCAPE '\' OR contact.external_id = :said OR lower(contact.email) = :lowered)
    ORDER BY contact.name_form, contact.id LIMIT :cursor_limit;

-- contacts: what stands first in a search
SELECT contact.id AS id
    FROM contact
    WHERE (contact.name_form = :folded OR lower(contact.email) = :lowered)
    AND contact.id IN (SELECT link.contact_id
    FROM contact_company link
    WHERE link.company_id IN :scope_ids)
    AND contact.id IN (SELECT link.contact_id
    FROM contact_company link
    WHERE link.company_id = :company_id
    AND link.company_id IN :scope_ids)
    AND contact.active = (:active = 'yes')
    AND contact.billable = (:billable = 'yes')
    AND EXISTS (SELECT 1
    FROM contact_company link
    WHERE link.contact_id = contact.id
    AND link.role = :role
    AND link.company_id IN :scope_ids
    AND link.company_id = :company_id)
    ORDER BY contact.id LIMIT 5;

-- contacts: some by their ids
SELECT contact.id, contact.name, contact.first_name, contact.last_name, contact.phone, contact.mobile_phone, contact.title, contact.active, contact.billable, contact.exclusion_reason, contact.active_on, contact.ended_on, contact.source, contact.external_id, contact.notes, contact.name_form, contact.email, contact.more_emails, contact.created_at, contact.updated_at, contact.version
    FROM contact
    WHERE contact.id IN :ids
    AND contact.id IN (SELECT link.contact_id
    FROM contact_company link
    WHERE link.company_id IN :scope_ids)
    ORDER BY contact.id;

-- contacts: a new one
INSERT INTO contact (id, name, first_name, last_name, phone, mobile_phone, title, active, billable, exclusion_reason, active_on, ended_on, source, external_id, notes, search, name_form, email, more_emails, created_at, updated_at, version)
    VALUES (:id, :name, :first_name, :last_name, :phone, :mobile_phone, :title, :active, :billable, :exclusion_reason, :active_on, :ended_on, :source, :external_id, :notes, :search, :name_form, :email, :more_emails, :now, :now, 1);

-- contacts: a change
UPDATE contact
    SET name = :name, first_name = :first_name, last_name = :last_name, phone = :phone, mobile_phone = :mobile_phone, title = :title, active = :active, billable = :billable, exclusion_reason = :exclusion_reason, active_on = :active_on, ended_on = :ended_on, source = :source, external_id = :external_id, notes = :notes, search = :search, name_form = :name_form, email = :email, more_emails = :more_emails, updated_at = :now, version = version + 1
    WHERE id = :id
    AND version = :version;

-- contacts: the end
DELETE
    FROM contact
    WHERE id = :id
    AND version = :version;

-- contacts sorted by
--   name: contact.name_form
--   email: contact.email
--   created_at: contact.created_at
--   updated_at: contact.updated_at
--   id: contact.id


-- custom-fields: the list, searched and with every filter
SELECT custom_field.id, custom_field.kind, custom_field.label, custom_field.name, custom_field.type, custom_field.choices, custom_field.help, custom_field.place, custom_field.created_at, custom_field.updated_at, custom_field.version
    FROM custom_field
    WHERE TRUE
    AND custom_field.kind = :kind
    AND custom_field.updated_at >= :since
    AND (custom_field.search LIKE :like_0 ESCAPE '\'
    AND custom_field.search LIKE :like_1 ESCAPE '\')
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
    FROM location JOIN company company ON company.id = location.company_id
    WHERE location.company_id IN :scope_ids
    AND location.company_id = :company_id
    AND location.country = :country
    AND location.active = (:active = 'yes')
    AND location.updated_at >= :since
    AND ((location.search LIKE :like_0 ESCAPE '\' OR location.company_id IN (SELECT company.id
    FROM company company
    WHERE company.name_form LIKE :like_0 ESCAPE '\'))
    AND (location.search LIKE :like_1 ESCAPE '\' OR location.company_id IN (SELECT company.id
    FROM company company
    WHERE company.name_form LIKE :like_1 ESCAPE '\')) OR location.external_id = :said)
    ORDER BY location.name_form, location.id LIMIT :cursor_limit;

-- locations: what stands first in a search
SELECT location.id AS id
    FROM location
    WHERE (location.name_form = :folded)
    AND location.company_id IN :scope_ids
    AND location.company_id = :company_id
    AND location.country = :country
    AND location.active = (:active = 'yes')
    ORDER BY location.id LIMIT 5;

-- locations: some by their ids
SELECT location.id, location.company_id, location.name, location.address, location.postal_code, location.city, location.region, location.country, location.phone, location.active, location.source, location.external_id, location.name_form, location.created_at, location.updated_at, location.version, company.name AS company_name, company.name_form AS company_form
    FROM location JOIN company company ON company.id = location.company_id
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

