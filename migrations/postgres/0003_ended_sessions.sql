-- Sessions that ended, each under a key made from its own: they say that it must not come back, and hold what is still to be
-- revoked at Smartsheet.
ALTER TABLE sessions ADD COLUMN ended BOOLEAN NOT NULL DEFAULT FALSE; -- whether it stands for a session that ended
ALTER TABLE sessions ADD COLUMN revoke_at BIGINT;                     -- when a revocation is tried next, in milliseconds since 1970

CREATE INDEX sessions_ended ON sessions (expires_at) WHERE ended;
CREATE INDEX sessions_revoke_at ON sessions (revoke_at) WHERE revoke_at IS NOT NULL;
