//! Grants on disk. Codes and tokens are there only as SHA-256, so that the file gives nobody access.

use std::{error::Error, fs, path::Path, time::Duration};

use sqlx::{
    Connection, Row, SqliteConnection,
    sqlite::{
        SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqliteRow, SqliteSynchronous,
    },
};

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
pub(super) struct GrantsFile(SqliteConnection);

/// What the file held when it was opened.
pub(super) struct Opened {
    pub(super) file: GrantsFile,
    pub(super) grants: Vec<Grant>,
    /// How often it was opened before.
    pub(super) starts: u64,
}

impl GrantsFile {
    /// Opens the file or makes it, with its folder.
    pub(super) async fn open(path: &Path) -> Result<Opened, Box<dyn Error + Send + Sync>> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        create_private(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .locking_mode(SqliteLockingMode::Exclusive)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(2));
        let mut connection = SqliteConnection::connect_with(&options).await?;
        for statement in SCHEMA {
            sqlx::query(statement).execute(&mut connection).await?;
        }
        let starts: i64 =
            sqlx::query_scalar("UPDATE sandbox_starts SET count = count + 1 RETURNING count - 1")
                .fetch_one(&mut connection)
                .await?;
        let grants = sqlx::query("SELECT * FROM sandbox_grants ORDER BY id")
            .fetch_all(&mut connection)
            .await?
            .iter()
            .filter_map(|row| read_grant(row).transpose())
            .collect::<Result<_, _>>()?;
        Ok(Opened {
            file: Self(connection),
            grants,
            starts: starts.unsigned_abs(),
        })
    }

    /// Makes the changes, all or none; they survive a crash once this returns.
    pub(super) async fn write(&mut self, changes: &[Change]) -> Result<(), sqlx::Error> {
        let mut transaction = self.0.begin().await?;
        for change in changes {
            let query = match change {
                Change::Remove(id) => {
                    sqlx::query("DELETE FROM sandbox_grants WHERE id = ?").bind(id)
                }
                Change::Put(grant) => {
                    let pair = grant.pair.as_ref();
                    sqlx::query(
                        "INSERT OR REPLACE INTO sandbox_grants (id, client_id, user, scopes, redirect_url, code,
                            code_expires_at, access, access_expires_at, refresh, revoked)
                        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    )
                    .bind(grant.id)
                    .bind(&grant.client_id)
                    .bind(grant.user.slug)
                    .bind(grant.scopes.to_string())
                    .bind(&grant.redirect_url)
                    .bind(&grant.code.0[..])
                    .bind(grant.code_expires_at)
                    .bind(pair.map(|pair| &pair.access.0[..]))
                    .bind(pair.map(|pair| pair.access_expires_at))
                    .bind(pair.map(|pair| &pair.refresh.0[..]))
                    .bind(grant.revoked)
                }
            };
            query.execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }
}

/// `None` for a row of a user or scope that this version does not know: its owner signs in again.
fn read_grant(row: &SqliteRow) -> Result<Option<Grant>, sqlx::Error> {
    let user = users::find(row.try_get("user")?);
    let scopes = ScopeSet::parse(row.try_get("scopes")?).ok();
    let (Some(user), Some(scopes)) = (user, scopes) else {
        return Ok(None);
    };
    let pair = match row.try_get::<Option<&[u8]>, _>("access")? {
        None => None,
        Some(access) => Some(Pair {
            access: read_digest(access)?,
            access_expires_at: row.try_get("access_expires_at")?,
            refresh: read_digest(row.try_get("refresh")?)?,
        }),
    };
    Ok(Some(Grant {
        id: row.try_get("id")?,
        client_id: row.try_get("client_id")?,
        user,
        scopes,
        redirect_url: row.try_get("redirect_url")?,
        code: read_digest(row.try_get("code")?)?,
        code_expires_at: row.try_get("code_expires_at")?,
        pair,
        revoked: row.try_get("revoked")?,
    }))
}

fn read_digest(bytes: &[u8]) -> Result<Digest, sqlx::Error> {
    bytes
        .try_into()
        .map(Digest)
        .map_err(|_| sqlx::Error::Decode("a digest is not 32 bytes long".into()))
}

/// Makes the file readable by its owner only, before the database would make it readable by everyone.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ())
}
