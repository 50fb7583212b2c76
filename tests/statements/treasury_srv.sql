-- labour-entries: the list, searched and with every filter
SELECT labour_entry.id, labour_entry.worked_at, labour_entry.company_id, labour_entry.description, labour_entry.ticket, labour_entry.hours_e6, labour_entry.external_id, labour_entry.billable, labour_entry.invoice_id, labour_entry.created_at, labour_entry.updated_at, labour_entry.version
    FROM labour_entry
    WHERE labour_entry.company_id IN :scope_ids
    AND labour_entry.company_id = :company_id
    AND labour_entry.billable = (:billable = 'yes')
    AND CASE WHEN labour_entry.invoice_id IS NULL THEN 'no' ELSE 'yes' END = :invoiced
    AND labour_entry.worked_at >= :from
    AND labour_entry.worked_at < :to
    AND labour_entry.updated_at >= :updated_since
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
    AND line_item.updated_at >= :updated_since
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

