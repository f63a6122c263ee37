-- All flows together are bounded, and the oldest messages make room. The table may be large when it gets this index.
SET LOCAL statement_timeout = 0;
CREATE INDEX flow_messages_at ON flow_messages (at);
