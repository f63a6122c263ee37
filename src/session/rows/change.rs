//! What can be done to a row.

use super::{Row, RowKey};

/// A change of one row, as part of [`Rows::apply`](super::Rows::apply).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Adds a row whose key is free.
    Insert(Row),
    /// Writes a row over the version before it.
    Update(Row),
    /// Removes a row.
    Delete {
        /// Which one.
        key: RowKey,
        /// The version that was read.
        version: i64,
    },
}

impl Change {
    /// The row that is changed.
    #[must_use]
    pub fn key(&self) -> &RowKey {
        match self {
            Self::Insert(row) | Self::Update(row) => &row.key,
            Self::Delete { key, .. } => key,
        }
    }

    /// Whether it removes what was there, such as a session that ends.
    pub(in crate::session) fn is_ending(&self) -> bool {
        matches!(self, Self::Delete { .. })
    }

    /// Whether the change can be made when `stored` is the version of the row that is there now.
    pub(super) fn fits(&self, stored: Option<i64>) -> bool {
        match self {
            Self::Insert(_) => stored.is_none(),
            Self::Update(row) => stored == Some(row.version - 1),
            Self::Delete { version, .. } => stored == Some(*version),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::{Kind, MemoryRows, Rows};
    use super::*;

    fn row(key: u8, version: i64) -> Row {
        Row {
            key: RowKey([key; 32]),
            version,
            sealed: vec![key],
            expires_at: 1,
            kind: Kind::Session,
        }
    }

    fn delete(key: u8, version: i64) -> Change {
        Change::Delete {
            key: RowKey([key; 32]),
            version,
        }
    }

    /// What every database must do with several changes.
    pub(in crate::session::rows) async fn all_or_none(rows: &dyn Rows) {
        let apply = async |changes: &[Change]| rows.apply(changes).await.unwrap();
        let find = async |key: u8| rows.find(&RowKey([key; 32]), None, 0).await.unwrap();
        let inserts = [Change::Insert(row(1, 1)), Change::Insert(row(2, 1))];
        assert!(apply(&inserts).await);
        // Each lacks one thing: a free key, the right version, a row.
        assert!(!apply(&[delete(1, 1), Change::Insert(row(2, 1))]).await);
        assert!(!apply(&[delete(1, 2), Change::Insert(row(3, 1))]).await);
        assert!(!apply(&[Change::Update(row(1, 2)), Change::Update(row(2, 3))]).await);
        assert!(!apply(&[Change::Update(row(1, 2)), delete(4, 1)]).await);
        assert_eq!(find(1).await, Some(row(1, 1)));
        assert_eq!(find(2).await, Some(row(2, 1)));
        assert_eq!(find(3).await, None);

        let changes = [
            delete(1, 1),
            Change::Update(row(2, 2)),
            Change::Insert(row(3, 1)),
        ];
        assert!(apply(&changes).await);
        assert!(!apply(&changes).await);
        assert_eq!(find(1).await, None);
        assert_eq!(find(2).await, Some(row(2, 2)));
        let unless = RowKey([3; 32]);
        let found = rows.find(&RowKey([2; 32]), Some(&unless), 0).await.unwrap();
        assert_eq!(found, None);
    }

    #[tokio::test]
    async fn changes_are_made_all_or_none() {
        all_or_none(&MemoryRows::default()).await;
    }
}
