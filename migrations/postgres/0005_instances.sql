-- The instances that are there. Each shows itself every second, so that others need not wait for one that is gone. After a crash of
-- the server all of them show themselves anew, so none of this needs to be on disk.
CREATE UNLOGGED TABLE instances (
    id      BIGINT NOT NULL PRIMARY KEY, -- a random number
    beat_at BIGINT NOT NULL              -- by the server's clock, in milliseconds since 1970
) WITH (fillfactor = 50);
