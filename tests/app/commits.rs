//! Which changes of a session are on the disk before they are acknowledged, and which a crash of the machine may undo.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use smartsheet_oauth_demo::flow::FlowId;
use smartsheet_oauth_demo::oauth::{AccessToken, State};
use smartsheet_oauth_demo::session::{Id, Rows, Sealer, SessionData, SignIn, Store, Taken};

use crate::support::sessions::{login, store};
use crate::support::{MINUTE, rows::FailingRows};
use test_support::TestClock;

struct World {
    rows: Arc<FailingRows>,
    store: Store,
    clock: TestClock,
}

impl World {
    fn new() -> Self {
        let rows = Arc::new(FailingRows::default());
        let clock = TestClock::new();
        let sealer = Sealer::from_base64(&Sealer::new_key()).unwrap();
        let all: Arc<dyn Rows> = Arc::<FailingRows>::clone(&rows);
        let store = store(&all, &sealer, &clock);
        Self { rows, store, clock }
    }

    /// How many changes were on the disk and how many need not be, since it was last asked.
    fn changes(&self) -> (u32, u32) {
        let taken = |count: &std::sync::atomic::AtomicU32| count.swap(0, Ordering::SeqCst);
        (taken(&self.rows.waited), taken(&self.rows.light))
    }

    async fn sign_in(&self, state: &str, before: Option<Id>) -> Id {
        let sign_in = SignIn::new(&State::new(state), "/me".to_owned(), self.clock.now());
        let taken = self.store.take_sign_in(sign_in, Duration::ZERO).await;
        let Taken::Ours(used) = taken.unwrap() else {
            panic!("the state was used before");
        };
        assert_eq!(self.changes(), (0, 1), "a state that is used");
        let stored = self
            .store
            .sign_in(&used, login(&self.clock), before, &[])
            .await;
        assert_eq!(self.changes(), (1, 0), "a login");
        stored.unwrap().id
    }

    async fn visit(&self, id: Id) {
        assert!(self.store.visit(id).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_sign_in_waits_for_the_disk_when_its_session_is_stored_and_when_its_browser_comes() {
    let world = World::new();
    let id = world.sign_in("one", None).await;
    // A session that no browser has come with lasts an hour, so that it did must not get lost.
    world.visit(id).await;
    assert_eq!(world.changes(), (1, 0));
    world.visit(id).await;
    assert_eq!(world.changes(), (0, 0));
    let asked_at = Some(world.clock.now());
    let noted = world.store.note(id, |data| data.login.asked_at = asked_at);
    noted.await.unwrap().unwrap();
    assert_eq!(world.changes(), (0, 1));
    let read = world.store.read(id).await.unwrap().unwrap();
    assert_eq!(read.login.asked_at, asked_at);
}

#[tokio::test]
async fn what_ends_extends_or_changes_a_session_waits_for_the_disk() {
    let world = World::new();
    let before = world.sign_in("one", None).await;
    world.visit(before).await;
    world.changes();
    // The first visit ends what was before.
    let id = world.sign_in("two", Some(before)).await;
    world.visit(id).await;
    assert_eq!(world.changes(), (1, 0));
    assert!(world.store.read(before).await.unwrap().is_none());
    // A visit that extends the time.
    world.clock.pass(2 * MINUTE);
    world.visit(id).await;
    assert_eq!(world.changes(), (1, 0));
    let renewed = |data: &mut SessionData| data.login.token.access_token = AccessToken::new("b");
    world.store.update(id, renewed).await.unwrap().unwrap();
    assert_eq!(world.changes(), (1, 0));
    world.store.end(id).await.unwrap();
    assert_eq!(world.changes(), (1, 0));
    let session = SessionData::new(login(&world.clock), FlowId::random());
    world.store.create(session).await.unwrap();
    assert_eq!(world.changes(), (1, 0));
}
