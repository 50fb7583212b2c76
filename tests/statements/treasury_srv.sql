-- agreements: the list, searched and with every filter
SELECT agreement.id, agreement.company_id, agreement.plan_id, agreement.term, agreement.start_on, agreement.end_on, agreement.ended_on, agreement.currency, agreement.proration, agreement.prepaid_hours_monthly_e6, agreement.prepaid_hours_yearly_e6, agreement.minimum_hours_e6, agreement.rounding_hours_e6, agreement.tax_percent_e4, agreement.due_days, agreement.created_at, agreement.updated_at, agreement.version
    FROM agreement
    WHERE agreement.company_id IN :scope_ids
    AND agreement.company_id = :company_id
    AND agreement.plan_id = :plan_id
    AND agreement.term = :term
    AND ((:state = 'in_force'
    AND agreement.start_on <= :today
    AND (agreement.ended_on IS NULL OR agreement.ended_on > :today)) OR (:state = 'ending'
    AND agreement.start_on <= :today
    AND (agreement.ended_on IS NULL OR agreement.ended_on > :today)
    AND (agreement.ended_on IS NOT NULL OR agreement.end_on BETWEEN :today
    AND :soon)) OR (:state = 'expired'
    AND agreement.start_on <= :today
    AND (agreement.ended_on IS NULL OR agreement.ended_on > :today)
    AND agreement.ended_on IS NULL
    AND agreement.end_on < :today) OR (:state = 'ended'
    AND agreement.ended_on <= :today) OR (:state = 'future'
    AND agreement.start_on > :today))
    AND agreement.updated_at >= :since
    AND (agreement.search LIKE :like_0 ESCAPE '\'
    AND agreement.search LIKE :like_1 ESCAPE '\')
    ORDER BY coalesce(agreement.start_on, '') DESC, agreement.id DESC LIMIT :cursor_limit;

-- agreements: some by their ids
SELECT agreement.id, agreement.company_id, agreement.plan_id, agreement.term, agreement.start_on, agreement.end_on, agreement.ended_on, agreement.currency, agreement.proration, agreement.prepaid_hours_monthly_e6, agreement.prepaid_hours_yearly_e6, agreement.minimum_hours_e6, agreement.rounding_hours_e6, agreement.tax_percent_e4, agreement.due_days, agreement.created_at, agreement.updated_at, agreement.version
    FROM agreement
    WHERE agreement.id IN :ids
    AND agreement.company_id IN :scope_ids
    ORDER BY agreement.id;

-- agreements: a new one
INSERT INTO agreement (id, company_id, plan_id, term, start_on, end_on, ended_on, currency, proration, prepaid_hours_monthly_e6, prepaid_hours_yearly_e6, minimum_hours_e6, rounding_hours_e6, tax_percent_e4, due_days, search, created_at, updated_at, version)
    VALUES (:id, :company_id, :plan_id, :term, :start_on, :end_on, :ended_on, :currency, :proration, :prepaid_hours_monthly_e6, :prepaid_hours_yearly_e6, :minimum_hours_e6, :rounding_hours_e6, :tax_percent_e4, :due_days, :search, :now, :now, 1);

-- agreements: a change
UPDATE agreement
    SET company_id = :company_id, plan_id = :plan_id, term = :term, start_on = :start_on, end_on = :end_on, ended_on = :ended_on, currency = :currency, proration = :proration, prepaid_hours_monthly_e6 = :prepaid_hours_monthly_e6, prepaid_hours_yearly_e6 = :prepaid_hours_yearly_e6, minimum_hours_e6 = :minimum_hours_e6, rounding_hours_e6 = :rounding_hours_e6, tax_percent_e4 = :tax_percent_e4, due_days = :due_days, search = :search, updated_at = :now, version = version + 1
    WHERE id = :id
    AND version = :version;

-- agreements: the end
DELETE
    FROM agreement
    WHERE id = :id
    AND version = :version;

-- agreements sorted by
--   start_on: coalesce(agreement.start_on, '')
--   created_at: agreement.created_at
--   updated_at: agreement.updated_at
--   id: agreement.id


-- asset-overrides: the list, searched and with every filter
SELECT asset_override.asset_id, asset_override.company_id, asset_override.billing_type, asset_override.price_e4, asset_override.created_at, asset_override.updated_at, asset_override.version
    FROM asset_override
    WHERE asset_override.company_id IN :scope_ids
    AND asset_override.company_id = :company_id
    AND asset_override.billing_type = :billing_type
    AND asset_override.updated_at >= :since
    ORDER BY asset_override.created_at, asset_override.asset_id LIMIT :cursor_limit;

-- asset-overrides: some by their ids
SELECT asset_override.asset_id, asset_override.company_id, asset_override.billing_type, asset_override.price_e4, asset_override.created_at, asset_override.updated_at, asset_override.version
    FROM asset_override
    WHERE asset_override.asset_id IN :ids
    AND asset_override.company_id IN :scope_ids
    ORDER BY asset_override.asset_id;

-- asset-overrides: a new one
INSERT INTO asset_override (asset_id, company_id, billing_type, price_e4, created_at, updated_at, version)
    VALUES (:asset_id, :company_id, :billing_type, :price_e4, :now, :now, 1);

-- asset-overrides: a change
UPDATE asset_override
    SET company_id = :company_id, billing_type = :billing_type, price_e4 = :price_e4, updated_at = :now, version = version + 1
    WHERE asset_id = :asset_id
    AND version = :version;

-- asset-overrides: the end
DELETE
    FROM asset_override
    WHERE asset_id = :asset_id
    AND version = :version;

-- asset-overrides sorted by
--   billing_type: asset_override.billing_type
--   created_at: asset_override.created_at
--   updated_at: asset_override.updated_at
--   id: asset_override.asset_id


-- contact-overrides: the list, searched and with every filter
SELECT contact_override.contact_id, contact_override.company_id, contact_override.billing_type, contact_override.price_e4, contact_override.created_at, contact_override.updated_at, contact_override.version
    FROM contact_override
    WHERE contact_override.company_id IN :scope_ids
    AND contact_override.company_id = :company_id
    AND contact_override.billing_type = :billing_type
    AND contact_override.updated_at >= :since
    ORDER BY contact_override.created_at, contact_override.contact_id LIMIT :cursor_limit;

-- contact-overrides: some by their ids
SELECT contact_override.contact_id, contact_override.company_id, contact_override.billing_type, contact_override.price_e4, contact_override.created_at, contact_override.updated_at, contact_override.version
    FROM contact_override
    WHERE contact_override.contact_id IN :ids
    AND contact_override.company_id IN :scope_ids
    ORDER BY contact_override.contact_id;

-- contact-overrides: a new one
INSERT INTO contact_override (contact_id, company_id, billing_type, price_e4, created_at, updated_at, version)
    VALUES (:contact_id, :company_id, :billing_type, :price_e4, :now, :now, 1);

-- contact-overrides: a change
UPDATE contact_override
    SET company_id = :company_id, billing_type = :billing_type, price_e4 = :price_e4, updated_at = :now, version = version + 1
    WHERE contact_id = :contact_id
    AND version = :version;

-- contact-overrides: the end
DELETE
    FROM contact_override
    WHERE contact_id = :contact_id
    AND version = :version;

-- contact-overrides sorted by
--   billing_type: contact_override.billing_type
--   created_at: contact_override.created_at
--   updated_at: contact_override.updated_at
--   id: contact_override.contact_id


-- labour-entries: the list, searched and with every filter
SELECT labour_entry.id, labour_entry.worked_at, labour_entry.company_id, labour_entry.description, labour_entry.ticket, labour_entry.hours_e6, labour_entry.external_id, labour_entry.billable, labour_entry.invoice_id, labour_entry.created_at, labour_entry.updated_at, labour_entry.version
    FROM labour_entry
    WHERE labour_entry.company_id IN :scope_ids
    AND labour_entry.company_id = :company_id
    AND labour_entry.billable = (:billable = 'yes')
    AND CASE WHEN labour_entry.invoice_id IS NULL THEN 'no' ELSE 'yes' END = :invoiced
    AND labour_entry.worked_at >= :from
    AND labour_entry.worked_at < :to
    AND labour_entry.updated_at >= :since
    AND (labour_entry.search LIKE :like_0 ESCAPE '\'
    AND labour_entry.search LIKE :like_1 ESCAPE '\' OR labour_entry.external_id = :said)
    ORDER BY coalesce(labour_entry.worked_at, '') DESC, labour_entry.id DESC LIMIT :cursor_limit;

-- labour-entries: some by their ids
SELECT labour_entry.id, labour_entry.worked_at, labour_entry.company_id, labour_entry.description, labour_entry.ticket, labour_entry.hours_e6, labour_entry.external_id, labour_entry.billable, labour_entry.invoice_id, labour_entry.created_at, labour_entry.updated_at, labour_entry.version
    FROM labour_entry
    WHERE labour_entry.id IN :ids
    AND labour_entry.company_id IN :scope_ids
    ORDER BY labour_entry.id;

-- labour-entries: a new one
INSERT INTO labour_entry (id, worked_at, company_id, description, ticket, hours_e6, external_id, billable, invoice_id, search, created_at, updated_at, version)
    VALUES (:id, :worked_at, :company_id, :description, :ticket, :hours_e6, :external_id, :billable, :invoice_id, :search, :now, :now, 1);

-- labour-entries: a change
UPDATE labour_entry
    SET worked_at = :worked_at, company_id = :company_id, description = :description, ticket = :ticket, hours_e6 = :hours_e6, external_id = :external_id, billable = :billable, invoice_id = :invoice_id, search = :search, updated_at = :now, version = version + 1
    WHERE id = :id
    AND version = :version;

-- labour-entries: the end
DELETE
    FROM labour_entry
    WHERE id = :id
    AND version = :version;

-- labour-entries sorted by
--   worked_at: coalesce(labour_entry.worked_at, '')
--   hours: coalesce(labour_entry.hours_e6, -4611686018427387904)
--   created_at: labour_entry.created_at
--   updated_at: labour_entry.updated_at
--   id: labour_entry.id


-- line-items: the list, searched and with every filter
SELECT line_item.id, line_item.name, line_item.company_id, line_item.kind, line_item.quantity_e6, line_item.unit_price_e4, line_item.tax_category, line_item.from_on, line_item.to_on, line_item.year, line_item.month, line_item.folded, line_item.created_at, line_item.updated_at, line_item.version
    FROM line_item
    WHERE line_item.company_id IN :scope_ids
    AND line_item.company_id = :company_id
    AND line_item.kind = :kind
    AND line_item.tax_category = :tax_category
    AND line_item.updated_at >= :since
    AND (line_item.search LIKE :like_0 ESCAPE '\'
    AND line_item.search LIKE :like_1 ESCAPE '\')
    ORDER BY line_item.folded, line_item.id LIMIT :cursor_limit;

-- line-items: some by their ids
SELECT line_item.id, line_item.name, line_item.company_id, line_item.kind, line_item.quantity_e6, line_item.unit_price_e4, line_item.tax_category, line_item.from_on, line_item.to_on, line_item.year, line_item.month, line_item.folded, line_item.created_at, line_item.updated_at, line_item.version
    FROM line_item
    WHERE line_item.id IN :ids
    AND line_item.company_id IN :scope_ids
    ORDER BY line_item.id;

-- line-items: a new one
INSERT INTO line_item (id, name, company_id, kind, quantity_e6, unit_price_e4, tax_category, from_on, to_on, year, month, search, folded, created_at, updated_at, version)
    VALUES (:id, :name, :company_id, :kind, :quantity_e6, :unit_price_e4, :tax_category, :from_on, :to_on, :year, :month, :search, :folded, :now, :now, 1);

-- line-items: a change
UPDATE line_item
    SET name = :name, company_id = :company_id, kind = :kind, quantity_e6 = :quantity_e6, unit_price_e4 = :unit_price_e4, tax_category = :tax_category, from_on = :from_on, to_on = :to_on, year = :year, month = :month, search = :search, folded = :folded, updated_at = :now, version = version + 1
    WHERE id = :id
    AND version = :version;

-- line-items: the end
DELETE
    FROM line_item
    WHERE id = :id
    AND version = :version;

-- line-items sorted by
--   name: line_item.folded
--   kind: line_item.kind
--   quantity: line_item.quantity_e6
--   unit_price: coalesce(line_item.unit_price_e4, -4611686018427387904)
--   created_at: line_item.created_at
--   updated_at: line_item.updated_at
--   id: line_item.id


-- manual-items: the list, searched and with every filter
SELECT manual_item.id, manual_item.agreement_id, manual_item.name, manual_item.kind, manual_item.billing_type, manual_item.price_e4, manual_item.from_on, manual_item.to_on, manual_item.note, manual_item.created_at, manual_item.updated_at, manual_item.version
    FROM manual_item
    WHERE manual_item.agreement_id IN (SELECT id
    FROM agreement
    WHERE agreement.company_id IN :scope_ids)
    AND manual_item.agreement_id = :agreement_id
    AND manual_item.kind = :kind
    AND manual_item.billing_type = :billing_type
    AND manual_item.agreement_id IN (SELECT id
    FROM agreement
    WHERE company_id = :company_id)
    AND manual_item.updated_at >= :since
    AND (manual_item.search LIKE :like_0 ESCAPE '\'
    AND manual_item.search LIKE :like_1 ESCAPE '\')
    ORDER BY manual_item.name, manual_item.id LIMIT :cursor_limit;

-- manual-items: some by their ids
SELECT manual_item.id, manual_item.agreement_id, manual_item.name, manual_item.kind, manual_item.billing_type, manual_item.price_e4, manual_item.from_on, manual_item.to_on, manual_item.note, manual_item.created_at, manual_item.updated_at, manual_item.version
    FROM manual_item
    WHERE manual_item.id IN :ids
    AND manual_item.agreement_id IN (SELECT id
    FROM agreement
    WHERE agreement.company_id IN :scope_ids)
    ORDER BY manual_item.id;

-- manual-items: a new one
INSERT INTO manual_item (id, agreement_id, name, kind, billing_type, price_e4, from_on, to_on, note, search, created_at, updated_at, version)
    VALUES (:id, :agreement_id, :name, :kind, :billing_type, :price_e4, :from_on, :to_on, :note, :search, :now, :now, 1);

-- manual-items: a change
UPDATE manual_item
    SET agreement_id = :agreement_id, name = :name, kind = :kind, billing_type = :billing_type, price_e4 = :price_e4, from_on = :from_on, to_on = :to_on, note = :note, search = :search, updated_at = :now, version = version + 1
    WHERE id = :id
    AND version = :version;

-- manual-items: the end
DELETE
    FROM manual_item
    WHERE id = :id
    AND version = :version;

-- manual-items sorted by
--   name: manual_item.name
--   created_at: manual_item.created_at
--   updated_at: manual_item.updated_at
--   id: manual_item.id


-- overrides: the list, searched and with every filter
SELECT agreement_override.id, agreement_override.agreement_id, agreement_override.what, agreement_override.valid_from, agreement_override.valid_to, agreement_override.number, agreement_override.text, agreement_override.created_at, agreement_override.updated_at, agreement_override.version
    FROM agreement_override
    WHERE agreement_override.agreement_id IN (SELECT id
    FROM agreement
    WHERE agreement.company_id IN :scope_ids)
    AND agreement_override.agreement_id = :agreement_id
    AND agreement_override.what = :what
    AND agreement_override.agreement_id IN (SELECT id
    FROM agreement
    WHERE company_id = :company_id)
    AND agreement_override.updated_at >= :since
    AND (agreement_override.search LIKE :like_0 ESCAPE '\'
    AND agreement_override.search LIKE :like_1 ESCAPE '\')
    ORDER BY agreement_override.what, agreement_override.id LIMIT :cursor_limit;

-- overrides: some by their ids
SELECT agreement_override.id, agreement_override.agreement_id, agreement_override.what, agreement_override.valid_from, agreement_override.valid_to, agreement_override.number, agreement_override.text, agreement_override.created_at, agreement_override.updated_at, agreement_override.version
    FROM agreement_override
    WHERE agreement_override.id IN :ids
    AND agreement_override.agreement_id IN (SELECT id
    FROM agreement
    WHERE agreement.company_id IN :scope_ids)
    ORDER BY agreement_override.id;

-- overrides: a new one
INSERT INTO agreement_override (id, agreement_id, what, valid_from, valid_to, search, number, text, created_at, updated_at, version)
    VALUES (:id, :agreement_id, :what, :valid_from, :valid_to, :search, :number, :text, :now, :now, 1);

-- overrides: a change
UPDATE agreement_override
    SET agreement_id = :agreement_id, what = :what, valid_from = :valid_from, valid_to = :valid_to, search = :search, number = :number, text = :text, updated_at = :now, version = version + 1
    WHERE id = :id
    AND version = :version;

-- overrides: the end
DELETE
    FROM agreement_override
    WHERE id = :id
    AND version = :version;

-- overrides sorted by
--   what: agreement_override.what
--   created_at: agreement_override.created_at
--   updated_at: agreement_override.updated_at
--   id: agreement_override.id


-- plans: the list, searched and with every filter
SELECT plan.id, plan.name, plan.folded, plan.created_at, plan.updated_at, plan.version
    FROM plan
    WHERE TRUE
    AND plan.updated_at >= :since
    AND (plan.search LIKE :like_0 ESCAPE '\'
    AND plan.search LIKE :like_1 ESCAPE '\')
    ORDER BY plan.folded, plan.id LIMIT :cursor_limit;

-- plans: some by their ids
SELECT plan.id, plan.name, plan.folded, plan.created_at, plan.updated_at, plan.version
    FROM plan
    WHERE plan.id IN :ids
    AND TRUE
    ORDER BY plan.id;

-- plans: a new one
INSERT INTO plan (id, name, search, folded, created_at, updated_at, version)
    VALUES (:id, :name, :search, :folded, :now, :now, 1);

-- plans: a change
UPDATE plan
    SET name = :name, search = :search, folded = :folded, updated_at = :now, version = version + 1
    WHERE id = :id
    AND version = :version;

-- plans: the end
DELETE
    FROM plan
    WHERE id = :id
    AND version = :version;

-- plans sorted by
--   name: plan.folded
--   created_at: plan.created_at
--   updated_at: plan.updated_at
--   id: plan.id


-- prices: the list, searched and with every filter
SELECT price_version.id, price_version.plan_id, price_version.term, price_version.valid_from, price_version.currency, price_version.per_user_e4, price_version.per_workstation_e4, price_version.per_server_e4, price_version.per_vm_e4, price_version.per_switch_e4, price_version.per_firewall_e4, price_version.per_hour_e4, price_version.backup_base_workstation_e4, price_version.backup_base_server_e4, price_version.backup_included_tb_e6, price_version.backup_per_tb_e4, price_version.created_at, price_version.updated_at, price_version.version
    FROM price_version
    WHERE TRUE
    AND price_version.plan_id = :plan_id
    AND price_version.term = :term
    AND price_version.updated_at >= :since
    AND (price_version.search LIKE :like_0 ESCAPE '\'
    AND price_version.search LIKE :like_1 ESCAPE '\')
    ORDER BY coalesce(price_version.valid_from, '') DESC, price_version.id DESC LIMIT :cursor_limit;

-- prices: some by their ids
SELECT price_version.id, price_version.plan_id, price_version.term, price_version.valid_from, price_version.currency, price_version.per_user_e4, price_version.per_workstation_e4, price_version.per_server_e4, price_version.per_vm_e4, price_version.per_switch_e4, price_version.per_firewall_e4, price_version.per_hour_e4, price_version.backup_base_workstation_e4, price_version.backup_base_server_e4, price_version.backup_included_tb_e6, price_version.backup_per_tb_e4, price_version.created_at, price_version.updated_at, price_version.version
    FROM price_version
    WHERE price_version.id IN :ids
    AND TRUE
    ORDER BY price_version.id;

-- prices: a new one
INSERT INTO price_version (id, plan_id, term, valid_from, currency, per_user_e4, per_workstation_e4, per_server_e4, per_vm_e4, per_switch_e4, per_firewall_e4, per_hour_e4, backup_base_workstation_e4, backup_base_server_e4, backup_included_tb_e6, backup_per_tb_e4, search, created_at, updated_at, version)
    VALUES (:id, :plan_id, :term, :valid_from, :currency, :per_user_e4, :per_workstation_e4, :per_server_e4, :per_vm_e4, :per_switch_e4, :per_firewall_e4, :per_hour_e4, :backup_base_workstation_e4, :backup_base_server_e4, :backup_included_tb_e6, :backup_per_tb_e4, :search, :now, :now, 1);

-- prices: a change
UPDATE price_version
    SET plan_id = :plan_id, term = :term, valid_from = :valid_from, currency = :currency, per_user_e4 = :per_user_e4, per_workstation_e4 = :per_workstation_e4, per_server_e4 = :per_server_e4, per_vm_e4 = :per_vm_e4, per_switch_e4 = :per_switch_e4, per_firewall_e4 = :per_firewall_e4, per_hour_e4 = :per_hour_e4, backup_base_workstation_e4 = :backup_base_workstation_e4, backup_base_server_e4 = :backup_base_server_e4, backup_included_tb_e6 = :backup_included_tb_e6, backup_per_tb_e4 = :backup_per_tb_e4, search = :search, updated_at = :now, version = version + 1
    WHERE id = :id
    AND version = :version;

-- prices: the end
DELETE
    FROM price_version
    WHERE id = :id
    AND version = :version;

-- prices sorted by
--   term: price_version.term
--   valid_from: coalesce(price_version.valid_from, '')
--   created_at: price_version.created_at
--   updated_at: price_version.updated_at
--   id: price_version.id

