-- One row that is written to find out whether the database takes writes.
CREATE TABLE write_probe (
    is_only BOOLEAN NOT NULL PRIMARY KEY DEFAULT TRUE CHECK (is_only),
    written BIGINT  NOT NULL -- how often that was
);
