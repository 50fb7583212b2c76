-- What clients still have to be told moves to the outbox that all services have. The old table stays for processes of the version before,
-- which may still run; what they leave in it is taken over by this one's.
INSERT INTO outbox_target (kind, target, announcements, failures, failing_since, failed_at, last_error, told_at, given_up, given_up_at)
SELECT 'logout', client_id, announcements, failures, failing_since, failed_at, last_error, told_at, given_up, given_up_at FROM delivery;

INSERT INTO outbox_message (id, kind, target, body, inside, created_at, due_at, attempts, last_error)
SELECT outbox.id, 'logout', outbox.client_id,
    '{"event":"' || outbox.event || '","account_id":"' || outbox.account_id || '","sid":"' || outbox.sid || '","jti":"' || outbox.jti
        || '","ended_client":"' || outbox.ended_client || '"}',
    client.module, outbox.created_at, outbox.due_at, outbox.attempts, outbox.last_error
FROM outbox JOIN client ON client.id = outbox.client_id;

DELETE FROM outbox;
