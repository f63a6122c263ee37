-- All flows together are bounded, and the oldest messages make room.
CREATE INDEX messages_at ON messages (at);
