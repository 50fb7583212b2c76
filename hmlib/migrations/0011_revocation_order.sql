-- Revocations are followed in the order in which they were written, whatever the clocks said. The number is taken from this one row inside
-- the writing transaction, whose lock makes writers wait for each other: no number becomes visible before a smaller one. Rows that code
-- before this migration writes have 0, and get their number from whoever sees them first.
CREATE TABLE revocation_order (
    id BIGINT PRIMARY KEY CONSTRAINT revocation_order_is_one CHECK (id = 1),
    number BIGINT NOT NULL
);
INSERT INTO revocation_order (id, number) VALUES (1, 0);

ALTER TABLE revocation ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
CREATE INDEX revocation_number ON revocation (number);
