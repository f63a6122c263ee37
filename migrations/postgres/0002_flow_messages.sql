-- Messages of browsers' flows, some of one flow to a row. Nothing here opens without the sealing key.
CREATE TABLE flow_messages (
    flow       BYTEA  NOT NULL, -- SHA-256 of the flow's id, which is in the sealed session
    at         BIGINT NOT NULL, -- when the last was sent, in microseconds since 1970
    id         BIGINT NOT NULL, -- a random number; the messages are sealed for it
    sealed     BYTEA  NOT NULL,
    expires_at BIGINT NOT NULL  -- milliseconds since 1970
);

CREATE INDEX flow_messages_flow ON flow_messages (flow, at, id);
CREATE INDEX flow_messages_expires_at ON flow_messages (expires_at);
