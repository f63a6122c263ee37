-- Rows get their numbers in the order in which they are written, so the oldest are found without an index.
DROP INDEX messages_at;
