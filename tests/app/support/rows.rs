//! A database that fails on request, and the app put together on it: `Instance::start` opens real ones only.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use axum::Router;
use smartsheet_oauth_demo::database::DatabaseError;
use smartsheet_oauth_demo::flow::{FlowLog, MemoryFlow};
use smartsheet_oauth_demo::session::{
    Change, Counts, Lifetimes, MemoryRows, Row, RowKey, Rows, RowsError, Sealer, Store,
};
use smartsheet_oauth_demo::start::{Overrides, assemble};
use smartsheet_oauth_demo::web::App;
use tokio::net::TcpListener;

use super::{Browser, Setup};

/// Rows in memory whose next reads or writes fail.
#[derive(Debug, Default)]
pub(crate) struct FailingRows {
    rows: MemoryRows,
    /// How many reads are still to fail.
    pub(crate) reads: AtomicU32,
    /// How many writes are still to fail.
    pub(crate) writes: AtomicU32,
    /// How many changes of a row are still to be done while their answer gets lost.
    pub(crate) lost: AtomicU32,
    /// How many changes were made that are on the disk when they are acknowledged, and how many that need not be.
    pub(crate) waited: AtomicU32,
    pub(crate) light: AtomicU32,
}

/// For as long as the test runs.
pub(crate) const FOREVER: u32 = u32::MAX;

impl FailingRows {
    pub(crate) fn fail(&self, times: u32) {
        self.reads.store(times, Ordering::SeqCst);
        self.writes.store(times, Ordering::SeqCst);
    }
}

fn pass(failures: &AtomicU32) -> Result<(), RowsError> {
    let one_less = |left: u32| match left {
        FOREVER => Some(FOREVER),
        left => left.checked_sub(1),
    };
    match failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less) {
        Ok(_) => Err(DatabaseError::new("the test pulled the plug").into()),
        Err(_) => Ok(()),
    }
}

#[async_trait]
impl Rows for FailingRows {
    async fn find(
        &self,
        key: &RowKey,
        unless: Option<&RowKey>,
        now: i64,
    ) -> Result<Option<Row>, RowsError> {
        pass(&self.reads)?;
        self.rows.find(key, unless, now).await
    }

    async fn apply(&self, changes: &[Change]) -> Result<bool, RowsError> {
        pass(&self.writes)?;
        let done = self.rows.apply(changes).await?;
        self.waited.fetch_add(1, Ordering::SeqCst);
        pass(&self.lost).map(|()| done)
    }

    async fn apply_light(&self, change: Change) -> Result<bool, RowsError> {
        pass(&self.writes)?;
        let done = self.rows.apply_light(change).await?;
        self.light.fetch_add(1, Ordering::SeqCst);
        pass(&self.lost).map(|()| done)
    }

    async fn delete_expired(&self, now: i64, limit: i64) -> Result<u64, RowsError> {
        pass(&self.writes)?;
        self.rows.delete_expired(now, limit).await
    }

    async fn expired(&self, now: i64, limit: i64) -> Result<Vec<Row>, RowsError> {
        pass(&self.reads)?;
        self.rows.expired(now, limit).await
    }

    async fn due(&self, now: i64, limit: i64) -> Result<Vec<Row>, RowsError> {
        pass(&self.reads)?;
        self.rows.due(now, limit).await
    }

    async fn trim_used_states(&self, keep: i64, limit: i64) -> Result<u64, RowsError> {
        pass(&self.writes)?;
        self.rows.trim_used_states(keep, limit).await
    }

    async fn count(&self, now: i64) -> Result<Counts, RowsError> {
        pass(&self.reads)?;
        self.rows.count(now).await
    }

    async fn ping(&self) -> Result<(), RowsError> {
        pass(&self.reads)
    }

    async fn close(&self) {}
}

/// The app of `setup` on `rows`, as `Instance::start` puts it together.
pub(crate) fn app_on(setup: &Setup, rows: Arc<dyn Rows>) -> Arc<App> {
    let settings = setup.settings();
    let clock = setup.clock.for_app();
    let session = &settings.session;
    let lifetimes = Lifetimes {
        idle: session.idle_timeout,
        total: session.lifetime,
    };
    let sealer = Sealer::from_base64(&Sealer::new_key()).unwrap();
    let store = Store::new(rows, sealer, lifetimes, clock.clone());
    let overrides = Overrides {
        clock,
        limits: setup.limits,
        retry: setup.retry,
        connections: setup.connections,
        sweep_every: setup.sweep_every,
    };
    let sealer = Sealer::from_base64(&Sealer::new_key()).unwrap();
    let flow = FlowLog::new(
        Arc::new(MemoryFlow::default()),
        sealer,
        overrides.clock.clone(),
    );
    Arc::new(assemble(&settings, overrides, store, flow).unwrap())
}

/// Serves `routes` until the test ends, and opens a browser on them.
pub(crate) async fn serve(routes: Router) -> Browser {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Browser::at(address)
}
