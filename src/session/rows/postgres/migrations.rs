//! The tables, in the folder `migrations/postgres`.

use std::sync::LazyLock;

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// What each file does, and its SQL, in their order. sqlx's macro would list the folder, and have all of sqlx compiled twice for that.
const FILES: [(&str, &str); 5] = [
    (
        "sessions",
        include_str!("../../../../migrations/postgres/0001_sessions.sql"),
    ),
    (
        "flow messages",
        include_str!("../../../../migrations/postgres/0002_flow_messages.sql"),
    ),
    (
        "ended sessions",
        include_str!("../../../../migrations/postgres/0003_ended_sessions.sql"),
    ),
    (
        "oldest first",
        include_str!("../../../../migrations/postgres/0004_oldest_first.sql"),
    ),
    (
        "instances",
        include_str!("../../../../migrations/postgres/0005_instances.sql"),
    ),
];

/// The tables, of sessions and of messages alike. Each was made by the SQL that it was made by for good: its hash is stored.
pub static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let migrations = (1..).zip(FILES).map(|(version, (description, sql))| {
        let sql = SqlStr::from_static(sql);
        Migration::new(
            version,
            description.into(),
            MigrationType::Simple,
            sql,
            false,
        )
    });
    Migrator::with_migrations(migrations.collect())
});

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_a_migration() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres");
        let mut files: Vec<(String, String)> = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
            .map(|file| {
                let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
                (name, fs::read_to_string(file).unwrap())
            })
            .collect();
        files.sort();
        let migrations = MIGRATIONS.iter().map(|migration| {
            let description = migration.description.replace(' ', "_");
            let name = format!("{:04}_{description}", migration.version);
            (name, migration.sql.as_str().to_owned())
        });
        assert_eq!(migrations.collect::<Vec<_>>(), files);
    }

    /// What databases have stored that the first version made.
    #[test]
    fn the_first_one_is_known_by_its_hash() {
        let first = MIGRATIONS.iter().next().unwrap();
        assert_eq!(
            hex::encode(&first.checksum),
            "4f64d295befc69e0225b6078848f51ae3706f34bcebecb8981270acab86a8da36dd3b1d123f87530def51f7357404dfd"
        );
    }
}
