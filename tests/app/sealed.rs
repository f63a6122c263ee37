//! What a thief of the session file gets: nothing. And what happens when the file or its key is not what it was.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::Connection;
use smartsheet_oauth_demo::session::Sealer;

use crate::support::{Browser, DAY, MINUTE, Provider, SECOND, Setup, log};

/// A row as the file has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredRow {
    pub(crate) key: Vec<u8>,
    pub(crate) version: i64,
    pub(crate) sealed: Vec<u8>,
    pub(crate) expires_at: i64,
}

/// The session file, opened by somebody else than the app.
pub(crate) fn open(setup: &Setup) -> Connection {
    Connection::open(setup.store_file()).unwrap()
}

/// Every row of the session file that stands for a session.
pub(crate) fn rows(setup: &Setup) -> Vec<StoredRow> {
    let file = open(setup);
    let sql = "SELECT key, version, sealed, expires_at FROM sessions
         WHERE NOT transient AND NOT ended ORDER BY rowid";
    let mut query = file.prepare(sql).unwrap();
    let rows = query.query_map([], |row| {
        Ok(StoredRow {
            key: row.get(0)?,
            version: row.get(1)?,
            sealed: row.get(2)?,
            expires_at: row.get(3)?,
        })
    });
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

/// How many rows there are, whatever they stand for.
pub(crate) fn all_rows(setup: &Setup) -> i64 {
    let sql = "SELECT count(*) FROM sessions";
    open(setup).query_row(sql, [], |row| row.get(0)).unwrap()
}

fn write(setup: &Setup, key: &[u8], version: i64, sealed: &[u8]) {
    let sql = "UPDATE sessions SET version = ?2, sealed = ?3 WHERE key = ?1";
    let changed = open(setup).execute(sql, (key, version, sealed));
    assert_eq!(changed.unwrap(), 1);
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn the_file_gives_neither_tokens_nor_cookies_nor_names() {
    let provider = Provider::well_behaved().await;
    let setup = provider.setup();
    let app = setup.start().await;
    let browser = Browser::new(&app);
    let state = browser.begin_with_state().await;
    browser
        .get(&format!("/redirect?code=c&state={state}"))
        .await
        .redirects_to("/me");
    browser.get("/me").await.shows(200, &["Ann"]);
    let first = rows(&setup);
    setup.clock.pass((7 * DAY).saturating_sub(MINUTE));
    browser.get("/me").await.shows(200, &["Last refreshed"]);
    let other = Browser::new(&app);
    let pending = other.begin_with_state().await;
    other
        .get(&format!("/redirect?code=d&state={pending}"))
        .await
        .redirects_to("/me");

    let cookies = [browser.session().unwrap(), other.session().unwrap()];
    let ids = cookies
        .clone()
        .map(|cookie| URL_SAFE_NO_PAD.decode(cookie).unwrap());
    let reversed = ids
        .clone()
        .map(|id| id.into_iter().rev().collect::<Vec<u8>>());
    let texts = [
        "access-secret",
        "refresh-secret",
        "access_token",
        "ann@example.com",
        "return_to",
        crate::support::app::CLIENT_SECRET,
        &state,
        &pending,
    ];
    let mut secrets: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
    secrets.extend(cookies.iter().map(String::as_bytes));
    secrets.extend(ids.iter().chain(&reversed).map(Vec::as_slice));

    // While it runs, the newest is in the write-ahead log; once it has stopped, in the file.
    let last = rows(&setup);
    assert_eq!(last.len(), 2);
    let everything = || {
        let files = fs::read_dir(setup.data()).unwrap();
        let files = files.map(|file| file.unwrap().path());
        let files = files.filter(|file| !file.ends_with("session.key"));
        files
            .map(|file| fs::read(file).unwrap())
            .collect::<Vec<_>>()
            .concat()
    };
    let running = everything();
    app.stop().await;
    for bytes in [running, everything()] {
        // The search finds what is there.
        assert!(contains(&bytes, &last[0].sealed) && contains(&bytes, &last[0].key));
        for secret in &secrets {
            assert!(
                !contains(&bytes, secret),
                "{:?}",
                String::from_utf8_lossy(secret)
            );
        }
    }
    assert_ne!(first[0].sealed, last[0].sealed);
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let setup = Setup::mounted();
    let app = setup.start().await;
    let browser = Browser::new(&app);
    browser.sign_in("full").await.redirects_to("/me");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&setup.data()), 0o700);
    let mut names = Vec::new();
    for file in fs::read_dir(setup.data()).unwrap() {
        let file = file.unwrap().path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
        names.push(file.file_name().unwrap().to_str().unwrap().to_owned());
    }
    for name in [
        "sessions.db",
        "sessions.db-wal",
        "session.key",
        "sandbox.db",
    ] {
        assert!(
            names.iter().any(|known| known == name),
            "{name} in {names:?}"
        );
    }
}

#[tokio::test]
async fn a_row_copied_to_another_key_does_not_open() {
    let provider = Provider::well_behaved().await;
    let setup = provider.setup();
    let app = setup.start().await;
    let (victim, thief) = (Browser::new(&app), Browser::new(&app));
    victim.sign_in_with_code("c").await.redirects_to("/me");
    thief.sign_in_with_code("e").await.redirects_to("/me");
    let rows = rows(&setup);
    // Who may write to the database puts the victim's session in the place of his own.
    write(&setup, &rows[1].key, rows[0].version, &rows[0].sealed);
    thief.get("/me").await.is_signed_out();
    thief.json("/me").await.is_problem(401, "signed-out");
    victim.get("/me").await.shows(200, &["Ann"]);
    // And can start over with it.
    thief.sign_in_with_code("d").await.redirects_to("/me");
}

#[tokio::test]
async fn a_damaged_row_counts_as_absent() {
    let provider = Provider::well_behaved().await;
    let setup = provider.setup();
    let app = setup.start().await;
    let browser = Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    browser.arrive().await;
    let row = rows(&setup).remove(0);
    let flipped = |index: usize| {
        let mut sealed = row.sealed.clone();
        let index = index.min(sealed.len() - 1);
        sealed[index] ^= 1;
        sealed
    };
    let cut = row.sealed[..row.sealed.len() - 1].to_vec();
    let variants = [
        flipped(0),
        flipped(1),
        flipped(5),
        flipped(29),
        flipped(60),
        flipped(9999),
        cut,
        vec![1],
        Vec::new(),
    ];
    for sealed in variants {
        write(&setup, &row.key, row.version, &sealed);
        browser.get("/me").await.is_signed_out();
        browser
            .get("/")
            .await
            .shows(200, &["Sign in with Smartsheet"]);
    }
    // Another version number is a change, too.
    write(&setup, &row.key, row.version + 1, &row.sealed);
    browser.get("/me").await.is_signed_out();
    write(&setup, &row.key, row.version, &row.sealed);
    browser.get("/me").await.shows(200, &["Ann"]);
}

/// Asserts that the browser's session does not open, without an error and with one warning, and loses nothing by it.
async fn counts_as_absent(setup: &Setup, browser: &Browser, test: &str) {
    let app = setup.start().await;
    let browser = browser.copy_to(&app);
    let ids = ["1", "2", "3"].map(|n| format!("{test}-{n}"));
    browser.get_as(&ids[0], "/me").await.is_signed_out();
    browser
        .get_as(&ids[1], "/")
        .await
        .shows(200, &["Sign in with Smartsheet"]);
    browser.get_as(&ids[2], "/me").await.is_signed_out();
    let warnings = ids.map(|id| log::lines_with(&[&id, "WARN", "does not open"]).len());
    assert_eq!(warnings, [1, 0, 0]);
    // Signing in with the key of now works, and leaves what doesn't open where it is.
    browser.sign_in_with_code("d").await.redirects_to("/me");
    browser.sign_out().await.redirects_to("/signed-out");
    app.stop().await;
}

#[tokio::test]
async fn with_the_wrong_key_sessions_are_absent_and_with_the_right_one_there_again() {
    let provider = Provider::well_behaved().await;
    let keys = [Sealer::new_key(), Sealer::new_key()];
    let setup = provider.setup();
    let right = setup.clone().set("session.key", &keys[0]);
    let app = right.start().await;
    let browser = Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    app.stop().await;

    let wrong = setup.clone().set("session.key", &keys[1]);
    counts_as_absent(&wrong, &browser, "wrong-key").await;

    let app = right.start().await;
    browser.copy_to(&app).get("/me").await.shows(200, &["Ann"]);
}

#[tokio::test]
async fn a_lost_key_file_is_made_anew_and_its_return_brings_the_sessions_back() {
    let provider = Provider::well_behaved().await;
    let setup = provider.setup();
    let app = setup.start().await;
    let browser = Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    app.stop().await;
    let file = setup.data().join("session.key");
    let key = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    counts_as_absent(&setup, &browser, "lost-key").await;
    assert_ne!(fs::read(&file).unwrap(), key);
    fs::write(&file, key).unwrap();
    let app = setup.start().await;
    browser.copy_to(&app).get("/me").await.shows(200, &["Ann"]);
}

#[tokio::test]
async fn keys_are_rotated_by_a_list() {
    let provider = Provider::well_behaved().await;
    let [old, new] = [Sealer::new_key(), Sealer::new_key()];
    let setup = provider.setup().set("session.idle_timeout", "30d");
    let with = |keys: &str| setup.clone().set("session.key", keys);
    let app = with(&old).start().await;
    let browser = Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    browser.arrive().await;
    app.stop().await;

    // The old one opens, the new one seals.
    let app = with(&format!("{new}, {old}")).start().await;
    setup.clock.pass((7 * DAY).saturating_sub(SECOND));
    browser
        .copy_to(&app)
        .get("/me")
        .await
        .shows(200, &["Last refreshed"]);
    app.stop().await;

    let app = with(&new).start().await;
    browser.copy_to(&app).get("/me").await.shows(200, &["Ann"]);
    app.stop().await;
    let app = with(&old).start().await;
    browser.copy_to(&app).get("/me").await.is_signed_out();
}
