//! A row of the database, sealed or said to be.
//!
//! The input is a line with a version and the number of a bit, then bytes. They are taken as a row that a thief wrote, which
//! does not open; as the content of a row of ours, which opens as it was but not with that bit changed, not cut, not for
//! another version or row; and as the content of a session's row, which is a session or counts as absent.

#![no_main]

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use sha2::{Digest as _, Sha256};
use smartsheet_oauth_demo::clock::Clock;
use smartsheet_oauth_demo::seal::{OpenError, Sealer};
use smartsheet_oauth_demo::session::{
    Change, Id, Kind, Lifetimes, MemoryRows, Person, Row, RowKey, Rows as _, SessionData, Store,
};
use smartsheet_oauth_demo_fuzz::first_line;

/// Of the fuzzer's own, so that a seed may begin with its id.
const KEY: &str = "ZnV6emluZyBrZXkgb2YgdGhpcnR5LXR3byBieXRlcyE=";

/// Format and the key's id, then the nonce.
const HEADER_BYTES: usize = 1 + 4 + 24;

const ROW: [u8; 32] = [7; 32];

thread_local! {
    static RUNTIME: tokio::runtime::Runtime =
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
}

fuzz_target!(|input: &[u8]| {
    let sealer = Sealer::from_base64(KEY).expect("a key");
    let (head, bytes) = first_line(input);
    let mut numbers = str::from_utf8(head).unwrap_or_default().split(' ');
    let mut number = || numbers.next().and_then(|text| text.parse::<i64>().ok());
    let version = number().unwrap_or(1);
    let bit = usize::try_from(number().unwrap_or(0)).unwrap_or(0);

    a_thiefs(&sealer, version, bytes);
    ours(&sealer, version, bit, bytes);
    RUNTIME.with(|runtime| runtime.block_on(a_sessions(sealer, version, bytes)));
});

fn a_thiefs(sealer: &Sealer, version: i64, bytes: &[u8]) {
    assert!(sealer.open(&ROW, version, bytes).is_err());
    // The format and the key's id are no secret: anybody can copy them from another row.
    let header = &sealer.seal(&ROW, version, b"").unwrap()[..HEADER_BYTES - 24];
    let forged = [header, bytes].concat();
    assert_eq!(sealer.open(&ROW, version, &forged), Err(OpenError::Damaged));
}

fn ours(sealer: &Sealer, version: i64, bit: usize, content: &[u8]) {
    let stored = sealer.seal(&ROW, version, content).unwrap();
    assert_eq!(sealer.open(&ROW, version, &stored).as_deref(), Ok(content));
    if content.len() >= 8 {
        assert!(
            !stored
                .windows(content.len())
                .any(|window| window == content)
        );
    }

    let mut changed = stored.clone();
    let at = bit % (stored.len() * 8);
    changed[at / 8] ^= 1 << (at % 8);
    assert!(sealer.open(&ROW, version, &changed).is_err());
    assert!(sealer.open(&ROW, version, &stored[..at / 8]).is_err());
    let longer = [&stored[..], &[0]].concat();
    assert_eq!(sealer.open(&ROW, version, &longer), Err(OpenError::Damaged));

    let other = version ^ (1 << (bit % 64));
    assert_eq!(sealer.open(&ROW, other, &stored), Err(OpenError::Damaged));
    let mut row = ROW;
    row[bit % 32] ^= 1;
    assert_eq!(sealer.open(&row, version, &stored), Err(OpenError::Damaged));
}

async fn a_sessions(sealer: Sealer, version: i64, content: &[u8]) {
    let id = Id::default();
    let key = RowKey(Sha256::digest(id.0.to_le_bytes()).into());
    let row = Row {
        key,
        version,
        sealed: sealer.seal(&key.0, version, content).unwrap(),
        expires_at: i64::MAX,
        kind: Kind::Session,
    };
    let rows = Arc::new(MemoryRows::default());
    let insert = Change::Insert(row);
    assert!(rows.apply(&[insert]).await.expect("memory answers"));
    let lifetimes = Lifetimes {
        idle: Duration::from_hours(7 * 24),
        total: Duration::from_hours(90 * 24),
    };
    let clock = Clock::system();
    let now = clock.now();
    let store = Store::new(rows, sealer, lifetimes, clock);

    let read = store.read(id).await.expect("memory answers");
    let written = serde_json::from_slice::<SessionData>(content);
    match (&read, &written) {
        (Some(read), Ok(written)) => assert_eq!(read, written),
        // It says of itself, or its age does, that it does not count any more.
        (None, Ok(written)) => {
            let text: serde_json::Value = serde_json::from_slice(content).expect("it was read");
            let until = text["until"]
                .as_str()
                .and_then(|until| until.parse::<Timestamp>().ok());
            let is_over = until.is_some_and(|until| until <= now);
            assert!(is_over || lifetimes.expiry(written, now) <= now);
        }
        (None, Err(_)) => {}
        (Some(_), Err(error)) => panic!("a session was made of what is none: {error}"),
    }
    // A row whose version can't be counted up has never been written by the app.
    if version < i64::MAX - 2 {
        let person = Person {
            name: "Somebody".to_owned(),
            email: String::new(),
            locale: None,
            time_zone: None,
        };
        let changed = store.update(id, |data| data.login.person = Some(person.clone()));
        if let Ok(Some(())) = changed.await {
            let data = store.read(id).await.expect("memory answers");
            let is_there = data.is_none_or(|data| data.login.person == Some(person));
            assert!(is_there, "a change is lost");
        }
        let ended = store.end(id).await;
        if ended.is_ok_and(|ended| !ended.is_empty()) {
            assert!(store.visit(id).await.expect("memory answers").is_none());
        }
    }
}
