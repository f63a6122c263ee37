//! What tower-sessions demands of a `SessionStore`, and what its own SQL stores don't give: a stale save is refused, and a
//! deleted session stays deleted. On `SQLite` and in memory.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};
use smartsheet_oauth_demo::oauth::{AccessToken, RefreshToken, State, Token};
use smartsheet_oauth_demo::session::{
    Lifetimes, Login, MemoryRows, PendingSignIn, Rows, Sealer, SessionData, SqliteRows, Store,
};
use tempfile::TempDir;
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};

use crate::support::{DAY, HOUR, MINUTE, SECOND, clock::TestClock};

struct World {
    store: Store,
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
        let lifetimes = Lifetimes {
            idle: 7 * DAY,
            total: 90 * DAY,
        };
        let sealer = Sealer::from_base64(&Sealer::new_key()).unwrap();
        World {
            store: Store::new(rows, sealer, lifetimes, clock.for_app()),
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
    fn data(&self) -> SessionData {
        let mut data = SessionData::new(self.clock.now());
        data.login = Some(Login {
            signed_in_at: self.clock.now(),
            token: Token {
                access_token: AccessToken::new("a"),
                refresh_token: Some(RefreshToken::new("r")),
                expires_at: self.clock.now(),
            },
            refreshed_at: None,
            lease: None,
            person: None,
        });
        data
    }

    /// A session with somebody signed in, and its record as a request loads it.
    async fn session(&self) -> (Id, Record) {
        let id = self.store.create(self.data()).await.unwrap().id;
        (id, self.load(id).await.unwrap())
    }

    /// The same with a sign-in under way.
    async fn session_with_sign_in(&self, state: &str) -> Id {
        let (id, mut record) = self.session().await;
        sign_in_started(&mut record, state);
        SessionStore::save(&self.store, &record).await.unwrap();
        id
    }

    /// The same with nobody signed in.
    async fn visitor(&self) -> (Id, Record) {
        let mut data = self.data();
        data.login = None;
        let id = self.store.create(data).await.unwrap().id;
        (id, self.load(id).await.unwrap())
    }

    async fn load(&self, id: Id) -> Option<Record> {
        SessionStore::load(&self.store, &id).await.unwrap()
    }
}

/// Changes a record as a request would.
fn sign_in_started(record: &mut Record, state: &str) {
    let content = record.data.get_mut("content").unwrap();
    let mut data: SessionData = serde_json::from_value(content.clone()).unwrap();
    let started_at = data.created_at;
    data.add_pending(PendingSignIn {
        state: State::new(state),
        started_at,
        return_to: "/".to_owned(),
    });
    *content = serde_json::to_value(data).unwrap();
}

fn states(record: &Record) -> Vec<String> {
    let pending = record.data["content"]["pending"].as_array().cloned();
    let states = pending.unwrap_or_default().into_iter();
    states
        .map(|pending| pending["state"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_save_writes_over_what_was_loaded() {
    for world in worlds().await {
        let id = world.session_with_sign_in("one").await;
        assert_eq!(states(&world.load(id).await.unwrap()), ["one"]);
    }
}

#[tokio::test]
async fn a_stale_save_is_refused() {
    for world in worlds().await {
        let (id, mut slow) = world.session().await;
        let mut fast = world.load(id).await.unwrap();
        sign_in_started(&mut fast, "fast");
        SessionStore::save(&world.store, &fast).await.unwrap();
        sign_in_started(&mut slow, "slow");
        assert!(SessionStore::save(&world.store, &slow).await.is_err());
        assert_eq!(states(&world.load(id).await.unwrap()), ["fast"]);
        // Nor does a change by the app itself get lost.
        let mut slow = world.load(id).await.unwrap();
        world
            .store
            .update(id, |data| data.login = None)
            .await
            .unwrap();
        sign_in_started(&mut slow, "slow");
        assert!(SessionStore::save(&world.store, &slow).await.is_err());
        assert_eq!(
            world.load(id).await.unwrap().data["content"]["login"],
            Value::Null
        );
    }
}

#[tokio::test]
async fn a_deleted_session_is_not_revived() {
    for world in worlds().await {
        let (id, mut record) = world.session().await;
        let deleted = world.store.delete_if(id, |_| true).await.unwrap();
        assert!(deleted.is_some());
        assert!(world.load(id).await.is_none());
        sign_in_started(&mut record, "late");
        assert!(SessionStore::save(&world.store, &record).await.is_err());
        assert!(world.load(id).await.is_none());
        assert!(
            world
                .store
                .update(id, |data| data.login = None)
                .await
                .unwrap()
                .is_none()
        );
        assert!(world.store.renew(id, |_| ()).await.unwrap().is_none());
        assert!(world.load(id).await.is_none());
        // Deleting what is not there is no error.
        SessionStore::delete(&world.store, &id).await.unwrap();
    }
}

/// The layer deletes whenever the cookie is to change, and knows nothing of what the session is still good for.
#[tokio::test]
async fn the_layer_deletes_what_nobody_is_signed_in_with() {
    for world in worlds().await {
        let (id, record) = world.visitor().await;
        SessionStore::delete(&world.store, &id).await.unwrap();
        assert!(world.load(id).await.is_none());
        assert!(SessionStore::save(&world.store, &record).await.is_ok());
        assert!(world.load(id).await.is_none());
        let (id, _) = world.session().await;
        SessionStore::delete(&world.store, &id).await.unwrap();
        assert!(world.load(id).await.is_some());
    }
}

#[tokio::test]
async fn a_renewed_session_does_not_come_back_under_its_old_id() {
    for world in worlds().await {
        let (old, mut record) = world.visitor().await;
        let new = world.store.renew(old, |_| ()).await.unwrap().unwrap().id;
        assert_ne!(new, old);
        sign_in_started(&mut record, "late");
        assert!(SessionStore::save(&world.store, &record).await.is_err());
        assert!(world.load(old).await.is_none());
        assert!(world.load(new).await.is_some());
    }
}

/// Whoever is signed in and signs in again keeps the session that they know until they show that they know the new one.
#[tokio::test]
async fn a_login_is_replaced_when_the_new_id_is_asked_for() {
    for world in worlds().await {
        let old = world.session_with_sign_in("one").await;
        let new = world.store.renew(old, |_| ()).await.unwrap().unwrap();
        // A sign-in under way can be finished in one of the two.
        assert!(new.data.pending.is_empty());
        let mut record = world.load(old).await.unwrap();
        assert_eq!(states(&record), ["one"]);
        // One that nobody comes to know disturbs nothing.
        let newer = world.store.renew(old, |_| ()).await.unwrap().unwrap();
        assert!(world.load(old).await.is_some());

        assert_eq!(states(&world.load(newer.id).await.unwrap()), ["one"]);
        assert!(world.load(old).await.is_none());
        sign_in_started(&mut record, "late");
        assert!(SessionStore::save(&world.store, &record).await.is_err());
        assert!(world.load(old).await.is_none());
        // Once: the next look finds it done.
        let first = world.store.read(newer.id).await.unwrap().unwrap();
        assert_eq!(first.data.replaces, None);
        let second = world.store.read(newer.id).await.unwrap().unwrap();
        assert_eq!(first.data, second.data);
    }
}

#[tokio::test]
async fn whoever_asks_for_the_new_id_at_once_all_find_what_was_under_way() {
    for world in worlds().await {
        let old = world.session_with_sign_in("one").await;
        let new = world.store.renew(old, |_| ()).await.unwrap().unwrap().id;
        let reads = (0..8).map(|_| {
            let store = world.store.clone();
            tokio::spawn(async move { store.read(new).await.unwrap().unwrap() })
        });
        for read in reads.collect::<Vec<_>>() {
            read.await.unwrap();
        }
        assert_eq!(states(&world.load(new).await.unwrap()), ["one"]);
        assert!(world.load(old).await.is_none());
    }
}

#[tokio::test]
async fn create_takes_over_no_id_and_never_collides() {
    for world in worlds().await {
        let (id, _) = world.session().await;
        let mut record = Record {
            id,
            data: HashMap::from([("content".to_owned(), json!(world.data()))]),
            expiry_date: time::OffsetDateTime::now_utc(),
        };
        SessionStore::create(&world.store, &mut record)
            .await
            .unwrap();
        assert_ne!(record.id, id);
        assert!(world.load(id).await.is_some());
        assert!(world.load(record.id).await.is_some());
    }
}

#[tokio::test]
async fn an_expired_session_is_not_loaded() {
    for world in worlds().await {
        let (id, _) = world.session().await;
        world.clock.pass((7 * DAY).saturating_sub(SECOND));
        assert!(world.load(id).await.is_some());
        world.clock.pass(7 * DAY + MINUTE);
        assert!(world.load(id).await.is_none());
        assert_eq!(world.store.sweep().await.unwrap(), 1);
        assert_eq!(world.store.sweep().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn concurrent_changes_all_count() {
    for world in worlds().await {
        let (id, _) = world.session().await;
        let changes: Vec<_> = (0..8)
            .map(|n| {
                let (store, now) = (world.store.clone(), world.clock.now());
                tokio::spawn(async move {
                    let sign_in = PendingSignIn {
                        state: State::new(n.to_string()),
                        started_at: now,
                        return_to: "/".to_owned(),
                    };
                    store
                        .update(id, |data| data.add_pending(sign_in.clone()))
                        .await
                        .unwrap()
                })
            })
            .collect();
        for change in changes {
            assert!(change.await.unwrap().is_some());
        }
        let mut states = states(&world.load(id).await.unwrap());
        states.sort();
        assert_eq!(states, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    }
}

#[tokio::test]
async fn those_that_have_not_expired_are_counted() {
    for world in worlds().await {
        let counts = async || {
            let counts = world.store.count().await.unwrap();
            (counts.signed_in, counts.transient)
        };
        assert_eq!(counts().await, (0, 0));
        let (id, _) = world.session().await;
        world.session().await;
        let nobody = SessionData::new(world.clock.now());
        world.store.create(nobody).await.unwrap();
        assert_eq!(counts().await, (2, 1));
        let sign_out = |data: &mut SessionData| data.login = None;
        world.store.update(id, sign_out).await.unwrap().unwrap();
        assert_eq!(counts().await, (1, 2));
        // Nobody has swept.
        world.clock.pass(HOUR);
        assert_eq!(counts().await, (1, 0));
        world.clock.pass(7 * DAY);
        assert_eq!(counts().await, (0, 0));
    }
}

#[tokio::test]
async fn the_sweep_takes_any_number() {
    let world = &worlds().await[1];
    for _ in 0..1203 {
        world.store.create(world.data()).await.unwrap();
    }
    world.clock.pass(8 * DAY);
    let (id, _) = world.session().await;
    assert_eq!(world.store.sweep().await.unwrap(), 1203);
    assert!(world.load(id).await.is_some());
}
