//! What users have allowed, in memory: codes that wait to be exchanged, and grants with their pair of tokens.
//!
//! [`Book`] only answers questions and applies changes that were decided elsewhere; `ledger.rs` orders the two
//! and keeps them on disk.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use sha2::{Digest as _, Sha256};

use super::{scopes::ScopeSet, users::User};

/// Milliseconds since 1970.
pub(super) type Millis = i64;

/// A duration in milliseconds; those of the options fit by far.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The SHA-256 of a code or token: all that is kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Digest(pub(super) [u8; 32]);

impl Digest {
    pub(super) fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }
}

/// One person's yes to one app: first a code, later a pair of tokens that replaces itself at every refresh.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) id: i64,
    pub(super) client_id: String,
    pub(super) user: &'static User,
    pub(super) scopes: ScopeSet,
    /// Where the code was sent.
    pub(super) redirect_url: String,
    /// Kept after the exchange, to recognize a code that is used twice.
    pub(super) code: Digest,
    pub(super) code_expires_at: Millis,
    /// `None` until the code is exchanged.
    pub(super) pair: Option<Pair>,
    pub(super) revoked: bool,
}

/// The valid tokens of a grant. Those they replaced are forgotten, and so no longer valid.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) access: Digest,
    pub(super) access_expires_at: Millis,
    pub(super) refresh: Digest,
}

/// A step from one state of the book to the next.
#[derive(Debug)]
pub(super) enum Change {
    /// The grant is new, or now like this.
    Put(Box<Grant>),
    /// The grant is forgotten.
    Remove(i64),
}

impl Change {
    pub(super) fn put(grant: Grant) -> Self {
        Self::Put(Box::new(grant))
    }
}

/// Everything that was granted, within fixed limits.
pub(super) struct Book {
    limits: Limits,
    next_id: i64,
    /// Grants whose code was not exchanged, by id and so by age. Apart from the others, so that sign-ins that nobody
    /// completes push out only each other.
    codes: BTreeMap<i64, Grant>,
    grants: BTreeMap<i64, Grant>,
    by_code: HashMap<Digest, i64>,
    by_access: HashMap<Digest, i64>,
    by_refresh: HashMap<Digest, i64>,
}

/// How much is kept; beyond it the oldest is forgotten.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) codes: usize,
    pub(super) grants: usize,
}

impl Limits {
    /// About 15 MB in memory when full.
    pub(super) const STANDARD: Self = Self {
        codes: 10_000,
        grants: 20_000,
    };
}

impl Book {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            next_id: 1,
            codes: BTreeMap::new(),
            grants: BTreeMap::new(),
            by_code: HashMap::new(),
            by_access: HashMap::new(),
            by_refresh: HashMap::new(),
        }
    }

    /// The id of the next new grant.
    pub(super) fn next_id(&self) -> i64 {
        self.next_id
    }

    pub(super) fn by_code(&self, code: &Digest) -> Option<&Grant> {
        self.get(*self.by_code.get(code)?)
    }

    pub(super) fn by_access(&self, token: &Digest) -> Option<&Grant> {
        self.get(*self.by_access.get(token)?)
    }

    pub(super) fn by_refresh(&self, token: &Digest) -> Option<&Grant> {
        self.get(*self.by_refresh.get(token)?)
    }

    /// The grant that the token or code belongs to, whichever of the three it is.
    pub(super) fn by_any(&self, token: &Digest) -> Option<&Grant> {
        self.by_access(token)
            .or_else(|| self.by_refresh(token))
            .or_else(|| self.by_code(token))
    }

    /// Every grant, those with a waiting code included.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Grant> {
        self.codes.values().chain(self.grants.values())
    }

    /// The removal that makes room for one more code, when one is needed.
    pub(super) fn room_for_code(&self) -> Option<Change> {
        oldest_beyond(&self.codes, self.limits.codes)
    }

    /// The removal that makes room for one more exchanged grant, when one is needed.
    pub(super) fn room_for_grant(&self) -> Option<Change> {
        oldest_beyond(&self.grants, self.limits.grants)
    }

    /// Makes the change.
    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Remove(id) => self.remove(id),
            Change::Put(grant) => {
                self.remove(grant.id);
                self.next_id = self.next_id.max(grant.id.saturating_add(1));
                self.by_code.insert(grant.code, grant.id);
                if let Some(pair) = &grant.pair {
                    self.by_access.insert(pair.access, grant.id);
                    self.by_refresh.insert(pair.refresh, grant.id);
                    self.grants.insert(grant.id, *grant);
                } else {
                    self.codes.insert(grant.id, *grant);
                }
            }
        }
    }

    fn get(&self, id: i64) -> Option<&Grant> {
        self.grants.get(&id).or_else(|| self.codes.get(&id))
    }

    fn remove(&mut self, id: i64) {
        let Some(grant) = self.codes.remove(&id).or_else(|| self.grants.remove(&id)) else {
            return;
        };
        self.by_code.remove(&grant.code);
        if let Some(pair) = grant.pair {
            self.by_access.remove(&pair.access);
            self.by_refresh.remove(&pair.refresh);
        }
    }
}

fn oldest_beyond(grants: &BTreeMap<i64, Grant>, limit: usize) -> Option<Change> {
    let (id, _) = grants.first_key_value()?;
    (grants.len() >= limit).then_some(Change::Remove(*id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::ORDINARY;

    fn grant(id: i64, pair: Option<(&str, &str)>) -> Grant {
        Grant {
            id,
            client_id: "app".into(),
            user: &ORDINARY[0],
            scopes: ScopeSet::default(),
            redirect_url: "http://localhost/".into(),
            code: Digest::of(&format!("code {id}")),
            code_expires_at: 0,
            pair: pair.map(|(access, refresh)| Pair {
                access: Digest::of(access),
                access_expires_at: 0,
                refresh: Digest::of(refresh),
            }),
            revoked: false,
        }
    }

    #[test]
    fn a_replaced_pair_is_no_longer_found() {
        let mut book = Book::new(Limits::STANDARD);
        book.apply(Change::put(grant(1, None)));
        book.apply(Change::put(grant(1, Some(("a1", "r1")))));
        book.apply(Change::put(grant(1, Some(("a2", "r2")))));
        assert!(book.by_access(&Digest::of("a1")).is_none());
        assert!(book.by_refresh(&Digest::of("r1")).is_none());
        assert_eq!(book.by_access(&Digest::of("a2")).unwrap().id, 1);
        assert_eq!(book.by_code(&Digest::of("code 1")).unwrap().id, 1);
        assert_eq!((book.iter().count(), book.next_id()), (1, 2));
    }

    #[test]
    fn codes_push_out_codes_and_never_a_grant() {
        let mut book = Book::new(Limits {
            codes: 3,
            grants: 2,
        });
        book.apply(Change::put(grant(1, Some(("a", "r")))));
        for id in 2..100 {
            if let Some(change) = book.room_for_code() {
                book.apply(change);
            }
            book.apply(Change::put(grant(id, None)));
        }
        assert_eq!((book.codes.len(), book.grants.len()), (3, 1));
        assert_eq!(book.by_code.len(), 4);
        assert!(book.room_for_grant().is_none());
    }
}
