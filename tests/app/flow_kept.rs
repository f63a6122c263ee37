//! How long the messages of a flow are kept, where, and what happens when that place fails.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use rusqlite::Connection;

use crate::support::said::{brief, flow, overheard, said, says_nothing, text};
use crate::support::secrets::Secrets;
use crate::support::{Browser, HOUR, MINUTE, SECOND, Setup, World, until};

pub(crate) async fn world() -> World {
    overheard(|setup| setup).await.0
}

pub(crate) fn file(setup: &Setup) -> PathBuf {
    setup.data().join("flow.db")
}

/// The file, opened by somebody else than the app.
pub(crate) fn open(setup: &Setup) -> Connection {
    Connection::open(file(setup)).unwrap()
}

/// How many messages are in the file.
pub(crate) fn rows(setup: &Setup) -> i64 {
    let sql = "SELECT count(*) FROM messages";
    open(setup).query_row(sql, [], |row| row.get(0)).unwrap()
}

/// How many flows there are messages of.
fn flows(setup: &Setup) -> i64 {
    let sql = "SELECT count(DISTINCT flow) FROM messages";
    open(setup).query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Signed in, with the profile opened: six messages.
pub(crate) async fn signed_in(world: &World) -> Browser {
    let browser = world.signed_in("full").await;
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    assert_eq!(said(&browser).await.len(), 6);
    browser
}

/// A shared computer: somebody copies the cookie of a sign-in that has begun, and somebody else ends it.
#[tokio::test]
async fn a_sign_in_cookie_that_was_copied_shows_nothing_of_the_session() {
    let world = world().await;
    let browser = world.browser();
    let authorize = browser.begin("/login").await;
    let thief = browser.copy_to(&world.app);
    let callback = browser.consent(&authorize, "allow", "full").await;
    browser.get(&callback).await.redirects_to("/me");
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    browser.get("/sheets").await.shows(200, &["Sheets"]);
    let steps = brief(&said(&browser).await);
    assert!(steps.contains(&"current_user 200".to_owned()), "{steps:?}");

    // What a sign-in says until there is a session, and no more.
    let of_sign_in = ["sign_in 303", "consent unseen", "code_exchange 200"];
    let seen = brief(&said(&thief).await);
    assert!(
        seen.iter().all(|step| of_sign_in.contains(&&**step)),
        "{seen:?}"
    );
    for format in ["md", "har"] {
        let page = thief.get(&format!("/flow?format={format}")).await;
        for personal in ["Grace", "grace", "Hopper", "/me", "/sheets"] {
            assert!(!page.body.contains(personal), "{personal} in {page:?}");
        }
    }
    // Nor when its time is up, or when its holder signs in as somebody else.
    world.setup.clock.pass(11 * MINUTE);
    assert_eq!(brief(&said(&browser).await), steps);
    says_nothing(&thief).await;
    thief.sign_in("minimal").await.redirects_to("/me");
    let whole = thief.get("/flow?format=md").await.body;
    assert!(!whole.contains("Grace"), "{whole}");
}

#[tokio::test]
async fn signing_out_erases_it() {
    let world = world().await;
    let other = signed_in(&world).await;
    let browser = signed_in(&world).await;
    let thief = browser.copy_to(&world.app);
    // Of each the sign-in's, and the session's.
    assert_eq!(flows(&world.setup), 4);
    browser.sign_out().await.redirects_to("/signed-out");
    assert_eq!(flows(&world.setup), 2);
    says_nothing(&thief).await;
    says_nothing(&browser).await;
    browser.get("/login").await;
    assert_eq!(brief(&said(&browser).await), ["sign_in 303"]);
    says_nothing(&thief).await;
    assert_eq!(said(&other).await.len(), 6);
}

#[tokio::test]
async fn the_newest_hundred_are_kept() {
    let world = world().await;
    let browser = world.signed_in("full").await;
    for _ in 0..130 {
        world.setup.clock.pass(SECOND);
        assert_eq!(browser.get("/me").await.status, 200);
    }
    let messages = said(&browser).await;
    let expected = ["profile 200", "current_user 200"].repeat(50);
    assert_eq!(brief(&messages), expected);
    // The last fifty visits, without a gap: each a second after the one before, and the time that it took.
    let at = |index: usize| {
        text(&messages[index], "at")
            .parse::<jiff::Timestamp>()
            .unwrap()
    };
    for visit in 1..50 {
        let pause = at(2 * visit)
            .duration_since(at(2 * visit - 2))
            .as_secs_f64();
        assert!((1.0..1.9).contains(&pause), "{pause}");
    }
    let age = world.setup.clock.now().duration_since(at(99)).as_secs_f64();
    assert!(age < 0.9, "{age}");
    browser.get("/flow").await.shows(200, &["the newest 100"]);
    // In the file there are a few more at times, not many; and a row has up to 32.
    let rows = rows(&world.setup);
    assert!((100 / 32..200).contains(&rows), "{rows}");
}

#[tokio::test]
async fn it_survives_a_restart() {
    let world = world().await;
    let browser = signed_in(&world).await;
    let before = flow(&browser).await;
    let World { setup, app, .. } = world;
    app.stop().await;
    let app = setup.start().await;
    let again = browser.copy_to(&app);
    assert_eq!(flow(&again).await, before);
    again.get("/me").await.shows(200, &["Grace Hopper"]);
    assert_eq!(said(&again).await.len(), 8);
}

#[tokio::test]
async fn each_login_has_a_record_of_its_own() {
    let world = world().await;
    let browser = signed_in(&world).await;
    let old = browser.copy_to(&world.app);
    browser.sign_in("minimal").await.redirects_to("/me");
    assert_ne!(browser.session(), old.session());
    // Somebody else, and nothing of the one before: neither here nor there.
    browser.get("/me").await.shows(200, &["sam@example.com"]);
    let steps = brief(&said(&browser).await);
    assert_eq!(steps.len(), 6, "{steps:?}");
    let told = browser.get("/flow").await.body;
    assert!(told.contains("sam@example.com") && !told.contains("grace.hopper@"));
    says_nothing(&old).await;
    browser.sign_out().await.redirects_to("/signed-out");
    assert_eq!(rows(&world.setup), 0);
}

/// Restarts the app, which sweeps when it starts, and waits until no message is left.
async fn sweeps(world: World) {
    let World { setup, app, .. } = world;
    // Messages are written a moment after they were said, at the latest when the app stops.
    app.stop().await;
    assert!(rows(&setup) > 0);
    let _app = setup.start().await;
    until("an empty file", async || (rows(&setup) == 0).then_some(())).await;
}

#[tokio::test]
async fn it_ends_with_the_session() {
    let (world, _) = overheard(|setup| setup.set("session.idle_timeout", "2h")).await;
    let browser = signed_in(&world).await;
    world.setup.clock.pass(HOUR);
    assert_eq!(said(&browser).await.len(), 6);
    world.setup.clock.pass(2 * HOUR + MINUTE);
    says_nothing(&browser).await;
    // What nobody can find any more goes soon after.
    world.setup.clock.pass(HOUR);
    sweeps(world).await;
}

/// Visits keep a session alive, and with it the whole story, not only what was said lately.
#[tokio::test]
async fn it_lasts_as_long_as_the_session() {
    let (world, _) = overheard(|setup| setup.set("session.idle_timeout", "2h")).await;
    let browser = signed_in(&world).await;
    for visit in 1..=5 {
        world.setup.clock.pass(HOUR);
        browser.get("/me").await.shows(200, &["Grace Hopper"]);
        assert_eq!(said(&browser).await.len(), 6 + 2 * visit);
    }
    world.setup.clock.pass(3 * HOUR);
    sweeps(world).await;
}

#[tokio::test]
async fn that_of_an_unfinished_sign_in_ends_after_ten_minutes() {
    let world = world().await;
    let browser = world.browser();
    browser.get("/login").await;
    world.setup.clock.pass(9 * MINUTE);
    assert_eq!(brief(&said(&browser).await), ["sign_in 303"]);
    world.setup.clock.pass(2 * MINUTE);
    says_nothing(&browser).await;
    sweeps(world).await;
}

#[tokio::test]
async fn a_stolen_file_tells_nothing() {
    let (world, tap) = overheard(|setup| setup).await;
    let browser = world.browser();
    let mut secrets = Secrets::default();
    let authorize = browser.begin("/login").await;
    secrets.add(browser.cookies().into_values().next().unwrap());
    let callback = browser.consent(&authorize, "allow", "full").await;
    browser.get(&callback).await.redirects_to("/me");
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    assert_eq!(said(&browser).await.len(), 6);
    secrets.add_cookie(browser.session().unwrap());
    secrets.add_from(&callback);
    secrets.add_from(&tap.heard());
    let texts = [
        "grace.hopper@",
        "Grace",
        "/users/me",
        "localhost",
        "sign_in",
        "access_token",
        "headers",
    ];

    let read = || {
        let files = ["flow.db", "flow.db-wal"].map(|name| world.setup.data().join(name));
        for file in &files {
            let mode = fs::metadata(file).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", file.display());
        }
        files.map(|file| fs::read(file).unwrap()).concat()
    };
    let (sealed, flow): (Vec<u8>, Vec<u8>) = open(&world.setup)
        .query_row("SELECT sealed, flow FROM messages LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    let stolen = read();
    let contains = |part: &[u8]| stolen.windows(part.len()).any(|window| window == part);
    // The search finds what is there.
    assert!(contains(&sealed[..200]) && contains(&flow));
    for text in texts {
        assert!(!contains(text.as_bytes()), "{text} is in the file");
    }
    let stolen = String::from_utf8_lossy(&stolen);
    assert_eq!(secrets.in_text(&stolen), [""; 0]);

    // Put under another flow, no message opens.
    let other = signed_in(&world).await;
    let newest = "(SELECT flow FROM messages ORDER BY at DESC LIMIT 1)";
    let sql = format!("UPDATE messages SET flow = {newest} WHERE flow <> {newest}");
    assert!(open(&world.setup).execute(&sql, []).unwrap() > 0);
    // Its own sign-in's are among them; those of its session are where they were.
    assert_eq!(said(&other).await.len(), 3);
    says_nothing(&browser).await;
}
