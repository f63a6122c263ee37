-- Messages of browsers' flows, some of one flow to a row, in a file of its own. Nothing here opens without the sealing key.
CREATE TABLE messages (
    flow       BLOB    NOT NULL, -- SHA-256 of the flow's id, which is in the sealed session
    at         INTEGER NOT NULL, -- when the last was sent, in microseconds since 1970
    id         INTEGER NOT NULL, -- a random number; the messages are sealed for it
    sealed     BLOB    NOT NULL,
    expires_at INTEGER NOT NULL  -- milliseconds since 1970
) STRICT;

CREATE INDEX messages_flow ON messages (flow, at, id);
CREATE INDEX messages_expires_at ON messages (expires_at);
