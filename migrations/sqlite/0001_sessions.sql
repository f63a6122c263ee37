-- One row a session. Nothing here opens without the sealing key, and the key of the row is a hash: the file gives neither
-- tokens nor cookies. Files of earlier versions have the table, but did not count their migrations: hence IF NOT EXISTS.
CREATE TABLE IF NOT EXISTS sessions (
    key        BLOB    NOT NULL PRIMARY KEY, -- SHA-256 of the session id
    version    INTEGER NOT NULL,             -- one more with every write; a write names the version it read
    sealed     BLOB    NOT NULL,             -- the content, sealed for this key and version
    expires_at INTEGER NOT NULL,             -- milliseconds since 1970
    transient  INTEGER NOT NULL              -- 1 when nobody is signed in with it
) STRICT;

CREATE INDEX IF NOT EXISTS sessions_expires_at ON sessions (expires_at);
CREATE INDEX IF NOT EXISTS sessions_transient ON sessions (expires_at) WHERE transient;
