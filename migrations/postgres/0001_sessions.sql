-- One row a session. Nothing here opens without the sealing key, and the key of the row is a hash: the table gives neither
-- tokens nor cookies.
CREATE TABLE sessions (
    key        BYTEA  NOT NULL PRIMARY KEY, -- SHA-256 of the session id
    version    BIGINT NOT NULL,             -- one more with every write; a write names the version it read
    sealed     BYTEA  NOT NULL,             -- the content, sealed for this key and version
    expires_at BIGINT NOT NULL,             -- milliseconds since 1970
    transient  BOOLEAN NOT NULL             -- whether nobody is signed in with it
);

CREATE INDEX sessions_expires_at ON sessions (expires_at);
CREATE INDEX sessions_transient ON sessions (expires_at) WHERE transient;
