//! What the session store promises: a stale write is refused, what ended stays ended, a state is used once, and what a sign-in
//! replaces is given back. On `SQLite` and in memory; `tests/cluster` has the same on PostgreSQL.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use smartsheet_oauth_demo::flow::FlowId;
use smartsheet_oauth_demo::oauth::State;
use smartsheet_oauth_demo::session::{
    Change, Id, Issuer, Kind, MemoryRows, Person, Row, RowKey, Rows, Sealer, SessionData, SignIn,
    SqliteRows, Store, Taken, UsedState,
};
use tempfile::TempDir;

use crate::support::sessions::{login, store};
use crate::support::{DAY, HOUR, MINUTE, SECOND};
use test_support::TestClock;

struct World {
    store: Store,
    rows: Arc<dyn Rows>,
    sealer: Sealer,
    clock: TestClock,
    _folder: TempDir,
}

async fn worlds() -> [World; 2] {
    let folder = TempDir::new().unwrap();
    let sqlite = SqliteRows::open(&folder.path().join("sessions.db"))
        .await
        .unwrap();
    let world = |rows: Arc<dyn Rows>, folder| {
        let clock = TestClock::new();
        let sealer = Sealer::from_base64(&Sealer::new_key()).unwrap();
        World {
            store: store(&rows, &sealer, &clock),
            rows,
            sealer,
            clock,
            _folder: folder,
        }
    };
    [
        world(Arc::new(sqlite), folder),
        world(Arc::new(MemoryRows::default()), TempDir::new().unwrap()),
    ]
}

impl World {
    /// A session that its browser has come with.
    async fn session(&self) -> Id {
        let data = SessionData::new(login(&self.clock), FlowId::random());
        let id = self.store.create(data).await.unwrap().id;
        assert!(self.visit(id).await);
        id
    }

    async fn visit(&self, id: Id) -> bool {
        self.store.visit(id).await.unwrap().is_some()
    }

    async fn is_there(&self, id: Id) -> bool {
        self.store.read(id).await.unwrap().is_some()
    }

    fn started(&self, state: &str) -> SignIn {
        SignIn::new(&State::new(state), format!("/{state}"), self.clock.now())
    }

    async fn used(&self, state: &str) -> UsedState {
        match self.take(&self.started(state)).await {
            Taken::Ours(used) => used,
            other => panic!("{other:?}"),
        }
    }

    async fn take(&self, sign_in: &SignIn) -> Taken {
        let taken = self.store.take_sign_in(sign_in.clone(), Duration::ZERO);
        taken.await.unwrap()
    }

    /// Finishes a sign-in of a browser that has `before`.
    async fn sign_in(&self, state: &str, before: Option<Id>, others: &[SignIn]) -> Id {
        let used = self.used(state).await;
        let stored = self
            .store
            .sign_in(&used, login(&self.clock), before, others);
        stored.await.unwrap().id
    }

    async fn revocations(&self) -> i64 {
        self.store.count().await.unwrap().revocations
    }
}

fn called(name: &str) -> impl Fn(&mut SessionData) {
    move |data| {
        data.login.person = Some(Person {
            name: name.to_owned(),
            email: String::new(),
            ..Person::default()
        });
    }
}

#[tokio::test]
async fn a_deleted_session_is_not_revived() {
    for world in worlds().await {
        let id = world.session().await;
        let before = world.rows.expired(i64::MAX, 10).await.unwrap();
        assert_eq!(world.store.end(id).await.unwrap().len(), 1);
        assert!(!world.is_there(id).await);
        let late = world.store.update(id, called("late")).await.unwrap();
        assert!(late.is_none());
        assert!(world.store.end(id).await.unwrap().is_empty());
        // Whoever ends it again, or comes with its id, brings nothing back.
        assert!(!world.visit(id).await);
        assert_eq!(world.revocations().await, 1);
        assert_eq!(before.len(), 1);
    }
}

/// Somebody who can write the database puts a row back that they copied before the sign-out.
#[tokio::test]
async fn a_row_that_is_put_back_after_the_end_stays_ended() {
    for world in worlds().await {
        let id = world.session().await;
        let copy = world.rows.expired(i64::MAX, 10).await.unwrap();
        assert_eq!(world.store.end(id).await.unwrap().len(), 1);
        let back = Change::Insert(copy[0].clone());
        assert!(world.rows.apply(&[back]).await.unwrap());
        assert!(!world.is_there(id).await);
        assert!(!world.visit(id).await);
        assert!(world.store.update(id, called("x")).await.unwrap().is_none());
        // For as long as the session could have counted, and with it all of it goes.
        world.clock.pass(89 * DAY);
        world.store.sweep().await.unwrap();
        assert!(!world.is_there(id).await);
        world.clock.pass(2 * DAY);
        while world.store.sweep().await.unwrap() > 0 {}
        assert_eq!(world.rows.expired(i64::MAX, 10).await.unwrap(), []);
        assert_eq!(world.rows.delete_expired(i64::MAX, 10).await.unwrap(), 0);
    }
}

/// The expiry in the table is for the sweep. What counts is under the seal.
#[tokio::test]
async fn a_later_expiry_in_the_table_extends_nothing() {
    for world in worlds().await {
        let id = world.session().await;
        let mut row = world.rows.expired(i64::MAX, 10).await.unwrap().remove(0);
        row.expires_at = i64::MAX;
        // A writer of the table, who can't seal: the version must be the one that was sealed.
        let delete = Change::Delete {
            key: row.key,
            version: row.version,
        };
        assert!(world.rows.apply(&[delete]).await.unwrap());
        let insert = Change::Insert(row);
        assert!(world.rows.apply(&[insert]).await.unwrap());
        assert!(world.is_there(id).await);
        world.clock.pass(7 * DAY + SECOND);
        assert!(!world.is_there(id).await);
        assert!(!world.visit(id).await);
    }
}

#[tokio::test]
async fn a_renewed_session_does_not_come_back_under_its_old_id() {
    for world in worlds().await {
        let old = world.session().await;
        let new = world.sign_in("s", Some(old), &[]).await;
        assert_ne!(new, old);
        assert!(world.visit(new).await);
        assert!(!world.is_there(old).await);
        let late = world.store.update(old, called("late")).await.unwrap();
        assert!(late.is_none());
        assert!(!world.visit(old).await);
        assert!(world.is_there(new).await);
    }
}

/// Whoever is signed in and signs in again keeps the session that they know until they show that they know the new one.
#[tokio::test]
async fn a_login_is_replaced_when_the_new_id_is_asked_for() {
    for world in worlds().await {
        let old = world.session().await;
        let lost = world.sign_in("one", Some(old), &[]).await;
        assert!(world.is_there(old).await);
        // One that nobody comes to know disturbs nothing.
        let new = world.sign_in("two", Some(old), &[]).await;
        assert!(world.visit(old).await);
        assert_eq!(world.revocations().await, 0);

        assert!(world.visit(new).await);
        assert!(!world.is_there(old).await);
        assert_eq!(world.revocations().await, 1);
        // Once: the next look finds it done.
        assert!(world.visit(new).await);
        assert_eq!(world.revocations().await, 1);
        // What no browser ever came with ends soon, and is given back.
        world.clock.pass(HOUR);
        world.store.sweep().await.unwrap();
        assert!(!world.visit(lost).await);
        assert!(world.visit(new).await);
        assert_eq!(world.revocations().await, 2);
    }
}

/// The cookie of the new session never arrived, and the person signs out with the old one.
#[tokio::test]
async fn a_session_and_its_successors_end_together() {
    for world in worlds().await {
        let old = world.session().await;
        let first = world.sign_in("one", Some(old), &[]).await;
        let second = world.sign_in("two", Some(old), &[]).await;
        assert_eq!(world.store.end(old).await.unwrap().len(), 3);
        for id in [old, first, second] {
            assert!(!world.is_there(id).await);
        }
        // The other way round: the new one ends before its browser has come with it.
        let old = world.session().await;
        let new = world.sign_in("three", Some(old), &[]).await;
        assert_eq!(world.store.end(new).await.unwrap().len(), 2);
        assert!(!world.is_there(old).await);
        assert_eq!(world.revocations().await, 5);
    }
}

/// Five tabs that sign in at once make five sessions, and the browser keeps the last cookie that it is given.
#[tokio::test]
async fn of_the_sessions_of_tabs_that_signed_in_at_once_one_stays() {
    for world in worlds().await {
        let started = ["a", "b", "c"].map(|state| world.started(state));
        let one = world.sign_in("a", None, &started).await;
        let two = world.sign_in("b", None, &started).await;
        let three = world.sign_in("c", None, &started).await;
        assert!(world.visit(one).await);
        // Its cookie was overwritten; pages of the tab may still be on their way.
        assert!(world.visit(two).await);
        assert!(world.visit(one).await);
        assert!(world.visit(three).await);
        assert!(world.visit(two).await);
        world.clock.pass(10 * MINUTE);
        world.store.sweep().await.unwrap();
        assert!(!world.visit(one).await);
        assert!(!world.visit(two).await);
        assert!(world.visit(three).await);
        assert_eq!(world.revocations().await, 2);
    }
}

#[tokio::test]
async fn of_many_callbacks_with_a_state_one_gets_it() {
    for world in worlds().await {
        let sign_in = world.started("s");
        let takes = (0..8).map(|_| {
            let (store, sign_in) = (world.store.clone(), sign_in.clone());
            tokio::spawn(async move { store.take_sign_in(sign_in, Duration::ZERO).await })
        });
        let mut used = Vec::new();
        for taken in takes.collect::<Vec<_>>() {
            match taken.await.unwrap().unwrap() {
                Taken::Ours(ours) => used.push(ours),
                Taken::StillUnderWay => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(used.len(), 1);
        let session = world
            .store
            .sign_in(&used[0], login(&world.clock), None, &[]);
        let session = session.await.unwrap();
        let again = world.take(&sign_in).await;
        assert!(
            matches!(&again, Taken::Succeeded(to) if to == "/s"),
            "{again:?}"
        );
        // Without its cookie, whoever has the session that it led to is told the same, and nobody else.
        let state = State::new("s");
        let own = world.store.finished_sign_in(&state, &session.data).await;
        assert!(matches!(own.unwrap(), Taken::Succeeded(to) if to == "/s"));
        let other = world
            .store
            .read(world.session().await)
            .await
            .unwrap()
            .unwrap();
        let other = world.store.finished_sign_in(&state, &other).await;
        assert!(matches!(other.unwrap(), Taken::Failed));
        // Ten minutes later nobody remembers.
        world.clock.pass(10 * MINUTE + SECOND);
        assert!(matches!(world.take(&sign_in).await, Taken::TooOld));
    }
}

#[tokio::test]
async fn a_sign_in_that_failed_or_was_interrupted_stays_used() {
    for world in worlds().await {
        let used = world.used("denied").await;
        world.store.sign_in_failed(&used).await.unwrap();
        assert!(matches!(world.take(used.sign_in()).await, Taken::Failed));
        let used = world.used("crashed").await;
        let sign_in = used.sign_in().clone();
        assert!(matches!(world.take(&sign_in).await, Taken::StillUnderWay));
        // Its task is gone. An instance that is alone knows; of others it is believed for a minute.
        drop(used);
        world.clock.pass(MINUTE + SECOND);
        assert!(matches!(world.take(&sign_in).await, Taken::Failed));
        assert_eq!(world.store.count().await.unwrap().used_states, 2);
        world.clock.pass(10 * MINUTE);
        assert_eq!(world.store.sweep().await.unwrap(), 2);
    }
}

#[tokio::test]
async fn what_a_sign_in_is_sealed_in_opens_for_this_app_alone() {
    let [world, _] = worlds().await;
    let issuer = |name: &str| {
        let url = "https://smartsheet.example/".parse().unwrap();
        Issuer::new(&url, &url, name)
    };
    let store = world.store.clone().bound_to(issuer("one"));
    let sign_in = world.started("s");
    let value = store.seal_sign_in(&sign_in).unwrap();
    assert_eq!(store.open_sign_in(value.as_bytes()), Some(sign_in.clone()));
    // With each request it passes proxies that allow a few kilobytes, twenty times.
    assert!(value.len() < 250, "{}", value.len());
    let flow = store.seal_flow(sign_in.flow).unwrap();
    assert_eq!(store.open_flow(flow.as_bytes()), Some(sign_in.flow));
    for other in [&flow, &value[1..], "", "AAAA", &format!("{value}=")] {
        assert_eq!(store.open_sign_in(other.as_bytes()), None);
    }
    assert_eq!(store.open_flow(value.as_bytes()), None);
    let elsewhere = world.store.clone().bound_to(issuer("two"));
    assert_eq!(elsewhere.open_sign_in(value.as_bytes()), None);
}

/// Tokens are good at the server that issued them. With other settings the session does not count, and is there again when the
/// settings are.
#[tokio::test]
async fn a_session_counts_for_its_issuer_alone() {
    for world in worlds().await {
        let url = "https://smartsheet.example/".parse().unwrap();
        let ours = world.store.clone().bound_to(Issuer::new(&url, &url, "one"));
        let data = SessionData::new(login(&world.clock), FlowId::random());
        let id = ours.create(data).await.unwrap().id;
        assert!(ours.visit(id).await.unwrap().is_some());
        let theirs = world.store.clone().bound_to(Issuer::mounted_sandbox());
        assert!(theirs.visit(id).await.unwrap().is_none());
        assert!(theirs.end(id).await.unwrap().is_empty());
        assert!(theirs.update(id, called("x")).await.unwrap().is_none());
        assert!(ours.visit(id).await.unwrap().is_some());
        // One of an earlier version, which did not say, counts with any.
        let old = world.session().await;
        assert!(theirs.visit(old).await.unwrap().is_some());
        assert!(ours.visit(old).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn create_takes_over_no_id_and_never_collides() {
    for world in worlds().await {
        let mut ids = HashSet::new();
        for _ in 0..100 {
            assert!(ids.insert(world.session().await.0));
        }
        for id in ids {
            assert!(world.is_there(Id(id)).await);
        }
    }
}

#[tokio::test]
async fn an_expired_session_is_not_loaded() {
    for world in worlds().await {
        let id = world.session().await;
        world.clock.pass((7 * DAY).saturating_sub(SECOND));
        assert!(world.visit(id).await);
        world.clock.pass(7 * DAY + MINUTE);
        assert!(!world.visit(id).await);
        // It ends, so that its tokens are given back.
        assert_eq!(world.store.sweep().await.unwrap(), 1);
        assert_eq!(world.store.sweep().await.unwrap(), 0);
        assert_eq!(world.revocations().await, 1);
    }
}

#[tokio::test]
async fn concurrent_changes_all_count() {
    for world in worlds().await {
        let id = world.session().await;
        let changes: Vec<_> = (0..8)
            .map(|n: u32| {
                let store = world.store.clone();
                let add = move |data: &mut SessionData| {
                    let name = data
                        .login
                        .person
                        .take()
                        .map_or(String::new(), |who| who.name);
                    called(&format!("{name}{n}"))(data);
                };
                tokio::spawn(async move { store.update(id, add).await.unwrap() })
            })
            .collect();
        for change in changes {
            assert!(change.await.unwrap().is_some());
        }
        let data = world.store.read(id).await.unwrap().unwrap();
        let mut digits: Vec<char> = data.login.person.unwrap().name.chars().collect();
        digits.sort_unstable();
        assert_eq!(String::from_iter(digits), "01234567");
    }
}

#[tokio::test]
async fn those_that_have_not_expired_are_counted() {
    for world in worlds().await {
        let counts = async || {
            let counts = world.store.count().await.unwrap();
            (counts.signed_in, counts.used_states, counts.revocations)
        };
        assert_eq!(counts().await, (0, 0, 0));
        let id = world.session().await;
        world.session().await;
        world.used("s").await;
        assert_eq!(counts().await, (2, 1, 0));
        assert_eq!(world.store.end(id).await.unwrap().len(), 1);
        assert_eq!(counts().await, (1, 1, 1));
        // Nobody has swept.
        world.clock.pass(HOUR);
        assert_eq!(counts().await, (1, 0, 1));
        world.clock.pass(7 * DAY);
        assert_eq!(counts().await, (0, 0, 1));
    }
}

#[tokio::test]
async fn the_sweep_takes_any_number() {
    let world = &worlds().await[1];
    for _ in 0..1203 {
        let data = SessionData::new(login(&world.clock), FlowId::random());
        world.store.create(data).await.unwrap();
    }
    world.clock.pass(8 * DAY);
    let id = world.session().await;
    assert_eq!(world.store.sweep().await.unwrap(), 1203);
    assert!(world.is_there(id).await);
    let ended = world.rows.due(i64::MAX, 2000).await.unwrap();
    assert_eq!(ended.len(), 1203);
    assert!(
        ended
            .iter()
            .all(|row| matches!(row.kind, Kind::Ended { .. }))
    );
}

/// A file of the version before: its sessions are still signed in, and what it kept for visitors disturbs nobody.
#[tokio::test]
async fn rows_of_the_version_before_still_count() {
    for world in worlds().await {
        let now = world.clock.now();
        let id = Id::default();
        let key: [u8; 32] = Sha256::digest(id.0.to_le_bytes()).into();
        let flow = serde_json::to_value(FlowId::random()).unwrap();
        let signed_in = serde_json::json!({
            "created_at": now, "flow": flow,
            "pending": [{ "state": "s", "started_at": now, "return_to": "/" }],
            "login": {
                "signed_in_at": now,
                "token": { "access_token": "a", "refresh_token": "r", "expires_at": now },
            },
        });
        let mut visitor = signed_in.clone();
        visitor.as_object_mut().unwrap().remove("login");
        for (content, counts) in [(signed_in, true), (visitor, false)] {
            let sealed = world
                .sealer
                .seal(&key, 1, content.to_string().as_bytes())
                .unwrap();
            let row = Row {
                key: RowKey(key),
                version: 1,
                sealed,
                expires_at: now.as_millisecond() + 1000,
                kind: if counts {
                    Kind::Session
                } else {
                    Kind::UsedState
                },
            };
            let insert = Change::Insert(row.clone());
            assert!(world.rows.apply(&[insert]).await.unwrap());
            assert_eq!(world.visit(id).await, counts);
            assert_eq!(world.visit(id).await, counts);
            let version = world
                .rows
                .find(&row.key, None, 0)
                .await
                .unwrap()
                .unwrap()
                .version;
            let delete = Change::Delete {
                key: row.key,
                version,
            };
            assert!(world.rows.apply(&[delete]).await.unwrap());
        }
    }
}
