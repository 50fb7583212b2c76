-- When the refresh token of the generation before was spent: for some seconds it is worth the same successor again.
ALTER TABLE token_family ADD COLUMN rotated_at TEXT NOT NULL DEFAULT '';

-- Which token, family of tokens (its id begins each jti) or client has ended, where it is no session or account.
ALTER TABLE outbox ADD COLUMN jti TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN ended_client TEXT NOT NULL DEFAULT '';
