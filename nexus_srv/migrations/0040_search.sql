-- What companies, contacts and locations are found by: telephone numbers by their digits, and external ids as a whole, by their own column (as a
-- part of what is searched in they met nearly every number that people look for). The words are those that the program has written, with the
-- external id cut off behind; what it writes from now on is the same. Assets: see 0045.
UPDATE company SET search = substr(search, 1, length(search) - length(external_id) - 1)
WHERE external_id IS NOT NULL AND search LIKE '% ' || lower(replace(replace(replace(external_id, '\', '\\'), '%', '\%'), '_', '\_')) ESCAPE '\';
UPDATE contact SET search = substr(search, 1, length(search) - length(external_id) - 1)
WHERE external_id IS NOT NULL AND search LIKE '% ' || lower(replace(replace(replace(external_id, '\', '\\'), '%', '\%'), '_', '\_')) ESCAPE '\';
UPDATE location SET search = substr(search, 1, length(search) - length(external_id) - 1)
WHERE external_id IS NOT NULL AND search LIKE '% ' || lower(replace(replace(replace(external_id, '\', '\\'), '%', '\%'), '_', '\_')) ESCAPE '\';

UPDATE company SET search = trim(search) || ' ' || lower(main_phone) || ' ' || (
    WITH RECURSIVE dialled (rest, digits) AS (
        SELECT company.main_phone, ''
        UNION ALL
        SELECT substr(rest, 2),
            digits || CASE WHEN substr(rest, 1, 1) IN ('0', '1', '2', '3', '4', '5', '6', '7', '8', '9') THEN substr(rest, 1, 1) ELSE '' END
        FROM dialled WHERE rest <> ''
    )
    SELECT digits FROM dialled WHERE rest = ''
)
WHERE main_phone <> '';
UPDATE contact SET search = trim(search) || ' ' || (
    WITH RECURSIVE dialled (rest, digits) AS (
        SELECT contact.phone || ' ' || contact.mobile_phone, ''
        UNION ALL
        SELECT substr(rest, 2),
            digits || CASE
                WHEN substr(rest, 1, 1) IN ('0', '1', '2', '3', '4', '5', '6', '7', '8', '9') THEN substr(rest, 1, 1)
                WHEN length(rest) = length(contact.mobile_phone) + 1 THEN ' '
                ELSE ''
            END
        FROM dialled WHERE rest <> ''
    )
    SELECT trim(digits) FROM dialled WHERE rest = ''
)
WHERE phone <> '' OR mobile_phone <> '';
UPDATE location SET search = trim(search) || ' ' || lower(phone) || ' ' || (
    WITH RECURSIVE dialled (rest, digits) AS (
        SELECT location.phone, ''
        UNION ALL
        SELECT substr(rest, 2),
            digits || CASE WHEN substr(rest, 1, 1) IN ('0', '1', '2', '3', '4', '5', '6', '7', '8', '9') THEN substr(rest, 1, 1) ELSE '' END
        FROM dialled WHERE rest <> ''
    )
    SELECT digits FROM dialled WHERE rest = ''
)
WHERE phone <> '';

-- What is called exactly as somebody searches stands first: by one look into an index for each way to be called so.
CREATE INDEX company_by_number ON company (lower(account_number));
CREATE INDEX contact_by_email ON contact (lower(email));
-- Lists by an e-mail address, and people who are found from the side of their role.
CREATE INDEX contact_email ON contact (email, id);
