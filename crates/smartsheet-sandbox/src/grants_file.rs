//! Grants on disk. Codes and tokens are there only as SHA-256, so that the file gives nobody access.

use std::{error::Error, fs, path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, Row, params};

use super::{
    grants::{Change, Digest, Grant, Pair},
    scopes::ScopeSet,
    users,
};

const SCHEMA: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS sandbox_grants (
        id INTEGER PRIMARY KEY,
        client_id TEXT NOT NULL,
        user TEXT NOT NULL,
        scopes TEXT NOT NULL,
        redirect_url TEXT NOT NULL,
        code BLOB NOT NULL,
        code_expires_at INTEGER NOT NULL,
        access BLOB,
        access_expires_at INTEGER,
        refresh BLOB,
        revoked INTEGER NOT NULL
    ) STRICT",
    "CREATE TABLE IF NOT EXISTS sandbox_starts (count INTEGER NOT NULL) STRICT",
    "INSERT INTO sandbox_starts SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM sandbox_starts)",
];

/// An open grants file. It is locked against other processes, whose changes this one would never see.
pub(super) struct GrantsFile(Connection);

/// What the file held when it was opened.
pub(super) struct Opened {
    pub(super) file: GrantsFile,
    pub(super) grants: Vec<Grant>,
    /// How often it was opened before.
    pub(super) starts: u64,
}

impl GrantsFile {
    /// For what else is kept in the file.
    pub(super) fn connection(&mut self) -> &mut Connection {
        &mut self.0
    }

    /// Opens the file or makes it, with its folder.
    pub(super) fn open(path: &Path) -> Result<Opened, Box<dyn Error + Send + Sync>> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        create_private(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_secs(2))?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        for statement in SCHEMA {
            connection.execute(statement, [])?;
        }
        let starts: i64 = connection.query_row(
            "UPDATE sandbox_starts SET count = count + 1 RETURNING count - 1",
            [],
            |row| row.get(0),
        )?;
        let grants = connection
            .prepare("SELECT * FROM sandbox_grants ORDER BY id")?
            .query_map([], read_grant)?
            .filter_map(Result::transpose)
            .collect::<Result<_, _>>()?;
        Ok(Opened {
            file: Self(connection),
            grants,
            starts: starts.unsigned_abs(),
        })
    }

    /// Makes the changes, all or none; they survive a crash once this returns.
    pub(super) fn write(&mut self, changes: &[Change]) -> Result<(), rusqlite::Error> {
        let transaction = self.0.transaction()?;
        for change in changes {
            match change {
                Change::Remove(id) => {
                    let sql = "DELETE FROM sandbox_grants WHERE id = ?";
                    transaction.prepare_cached(sql)?.execute([id])?;
                }
                Change::Put(grant) => {
                    let pair = grant.pair.as_ref();
                    let sql = "INSERT OR REPLACE INTO sandbox_grants (id, client_id, user, scopes, redirect_url, code,
                            code_expires_at, access, access_expires_at, refresh, revoked)
                        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
                    transaction.prepare_cached(sql)?.execute(params![
                        grant.id,
                        grant.client_id,
                        grant.user.slug,
                        grant.scopes.to_string(),
                        grant.redirect_url,
                        grant.code.0,
                        grant.code_expires_at,
                        pair.map(|pair| pair.access.0),
                        pair.map(|pair| pair.access_expires_at),
                        pair.map(|pair| pair.refresh.0),
                        grant.revoked,
                    ])?;
                }
            }
        }
        transaction.commit()
    }
}

/// `None` for a row of a user or scope that this version does not know: its owner signs in again.
fn read_grant(row: &Row<'_>) -> rusqlite::Result<Option<Grant>> {
    let text = |column| row.get::<_, String>(column);
    let digest = |column| row.get(column).map(Digest);
    let user = users::find(&text("user")?);
    let scopes = ScopeSet::parse(&text("scopes")?).ok();
    let (Some(user), Some(scopes)) = (user, scopes) else {
        return Ok(None);
    };
    let pair = match row.get("access")? {
        None => None,
        Some(access) => Some(Pair {
            access: Digest(access),
            access_expires_at: row.get("access_expires_at")?,
            refresh: digest("refresh")?,
        }),
    };
    Ok(Some(Grant {
        id: row.get("id")?,
        client_id: row.get("client_id")?,
        user,
        scopes,
        redirect_url: row.get("redirect_url")?,
        code: digest("code")?,
        code_expires_at: row.get("code_expires_at")?,
        pair,
        revoked: row.get("revoked")?,
    }))
}

/// Makes the file readable by its owner only, before the database would make it readable by everyone.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ())
}
