//! The record of flows is bounded in bytes, through the library: which rows go, in both databases.

use std::time::Duration;

use rand::Rng as _;
use smartsheet_oauth_demo::clock::Clock;
use smartsheet_oauth_demo::flow::{
    Batch, FlowKey, FlowRow, FlowRows, MemoryFlow, PostgresFlow, SqliteFlow, Trim,
};
use smartsheet_oauth_demo::session::{Lifetimes, Sealer, Store};

use crate::support::{Cluster, Kind, new_key, on_both_stores, open_rows, servers};

on_both_stores! {
    what_was_said_is_kept_as_long_as_the_rest,
    a_flow_keeps_its_newest_rows,
    all_together_keep_the_newest,
    the_store_takes_a_write,
}

async fn open(cluster: &Cluster, kind: Kind) -> Box<dyn FlowRows> {
    match kind {
        Kind::Sqlite => {
            let file = cluster.folder().join("flow.db");
            Box::new(SqliteFlow::open(&file, 64 << 20).await.unwrap())
        }
        Kind::Postgres => Box::new(PostgresFlow::new(&servers(&cluster.store).await, 2)),
    }
}

fn row(flow: u8, at: i64, bytes: usize) -> FlowRow {
    // As sealed messages are: nothing makes them smaller.
    let mut sealed = vec![0; bytes];
    rand::rng().fill_bytes(&mut sealed);
    FlowRow {
        key: FlowKey([flow; 32]),
        at,
        id: at,
        sealed,
        expires_at: i64::MAX,
    }
}

/// When the rows of `flow` were, newest first.
async fn kept(rows: &dyn FlowRows, flow: u8) -> Vec<i64> {
    let newest = rows.newest(&FlowKey([flow; 32]), 0, 1000).await.unwrap();
    newest.iter().map(|row| row.at).collect()
}

async fn write(to: &dyn FlowRows, rows: Vec<FlowRow>, trims: Vec<Trim>) {
    let batch = Batch {
        rows,
        trims,
        ..Batch::default()
    };
    to.write(batch).await.unwrap();
}

/// What is kept longer is written with what is new, and shortens nothing.
async fn what_was_said_is_kept_as_long_as_the_rest(kind: Kind) {
    let cluster = Cluster::new(kind).await;
    for rows in [open(&cluster, kind).await, Box::new(MemoryFlow::default())] {
        let until = |flow, at, expires_at| FlowRow {
            expires_at,
            ..row(flow, at, 100)
        };
        let before = vec![until(1, 1, 1000), until(1, 2, 3000), until(2, 1, 1000)];
        write(&*rows, before, Vec::new()).await;
        let batch = Batch {
            keep: vec![(FlowKey([1; 32]), 2000), (FlowKey([3; 32]), 2000)],
            rows: vec![until(1, 3, 1500)],
            ..Batch::default()
        };
        rows.write(batch).await.unwrap();
        let newest = async |flow: u8| rows.newest(&FlowKey([flow; 32]), 0, 9).await.unwrap();
        let ends = |rows: Vec<FlowRow>| rows.iter().map(|row| row.expires_at).collect::<Vec<_>>();
        assert_eq!(ends(newest(1).await), [1500, 3000, 2000]);
        assert_eq!(ends(newest(2).await), [1000]);
        let alone = Batch {
            keep: vec![(FlowKey([2; 32]), 2000)],
            ..Batch::default()
        };
        rows.write(alone).await.unwrap();
        assert_eq!(ends(newest(2).await), [2000]);
        assert_eq!(ends(newest(3).await), [0; 0]);
        rows.close().await;
    }
}

async fn a_flow_keeps_its_newest_rows(kind: Kind) {
    let cluster = Cluster::new(kind).await;
    for rows in [open(&cluster, kind).await, Box::new(MemoryFlow::default())] {
        let trim = |flow, rows, bytes| Trim {
            key: FlowKey([flow; 32]),
            rows,
            bytes,
        };
        let written: Vec<FlowRow> = (1..=20)
            .flat_map(|at| [row(1, at, 1000), row(2, at, 3000)])
            .collect();
        write(&*rows, written, Vec::new()).await;
        assert_eq!(kept(&*rows, 1).await, (1..=20).rev().collect::<Vec<_>>());
        // A row takes some more than its messages.
        let trims = [trim(1, 5, 1 << 20), trim(2, 100, 10_000), trim(3, 5, 1000)];
        write(&*rows, vec![row(1, 21, 1000)], trims.to_vec()).await;
        assert_eq!(kept(&*rows, 1).await, [21, 20, 19, 18, 17]);
        assert_eq!(kept(&*rows, 2).await, [20, 19, 18]);
        write(&*rows, vec![row(3, 1, 2000)], trims.to_vec()).await;
        assert_eq!(
            kept(&*rows, 3).await,
            [0; 0],
            "it may be too large for itself"
        );
        rows.close().await;
    }
}

async fn all_together_keep_the_newest(kind: Kind) {
    let cluster = Cluster::new(kind).await;
    for rows in [open(&cluster, kind).await, Box::new(MemoryFlow::default())] {
        for at in 0..60 {
            let batch: Vec<FlowRow> = (0..20)
                .map(|flow| row(flow, at * 20 + i64::from(flow), 30_000))
                .collect();
            write(&*rows, batch, Vec::new()).await;
        }
        let room = 24 << 20;
        assert!(rows.make_room(room).await.unwrap() > 100);
        assert_eq!(rows.make_room(room).await.unwrap(), 0, "there is room now");
        let mut all = Vec::new();
        for flow in 0..20 {
            all.extend(kept(&*rows, flow).await);
        }
        all.sort_unstable();
        let oldest = 1200 - i64::try_from(all.len()).unwrap();
        assert_eq!(
            all,
            (oldest..1200).collect::<Vec<_>>(),
            "those that are left are the newest"
        );
        assert!(
            (400..900).contains(&all.len()),
            "no more than need be go: {}",
            all.len()
        );
        rows.give_back().await.unwrap();
        rows.close().await;
    }
}

async fn the_store_takes_a_write(kind: Kind) {
    let cluster = Cluster::new(kind).await;
    let rows = open_rows(&cluster.store).await;
    let lifetimes = Lifetimes {
        idle: Duration::from_hours(1),
        total: Duration::from_hours(1),
    };
    let sealer = Sealer::from_base64(&new_key()).unwrap();
    let store = Store::new(rows, sealer, lifetimes, Clock::system());
    for _ in 0..3 {
        store.is_writable().await.unwrap();
    }
    let nothing = smartsheet_oauth_demo::session::Counts::default();
    assert_eq!(store.count().await.unwrap(), nothing);
    store.close().await;
    assert!(store.is_writable().await.is_err(), "it is closed");
}
