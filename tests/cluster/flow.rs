//! `/flow` is the same whichever instance serves it.

use reqwest::Method;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use crate::support::{Browser, Cluster, Instance, Kind, SandboxProcess, on_both_stores};

on_both_stores! {
    what_one_instance_heard_the_other_shows_at_once,
    what_one_instance_erases_the_other_does_not_show,
    instances_that_start_at_once_share_the_log,
    long_flows_are_trimmed_and_short_ones_are_not,
    a_talkative_log_hides_the_database_s_password,
}

/// The flow of a browser, as `instance` shows it: whether it is an example, and the steps.
async fn flow(browser: &Browser, instance: &Instance) -> (bool, Vec<String>) {
    let accept = "application/json";
    let page = browser
        .send(Method::GET, instance.address, "/flow", accept)
        .await;
    let page = page.unwrap();
    assert_eq!(page.status, 200, "{page:?}");
    let flow: Value = serde_json::from_str(&page.body).unwrap();
    let steps = flow["messages"].as_array().unwrap().iter();
    let steps = steps.map(|message| message["step"].as_str().unwrap().to_owned());
    (flow["example"].as_bool().unwrap(), steps.collect())
}

/// How many there are of `what` in the database's messages.
async fn count(cluster: &Cluster, kind: Kind, what: &'static str) -> i64 {
    match kind {
        Kind::Sqlite => {
            let file = rusqlite::Connection::open(cluster.folder().join("flow.db")).unwrap();
            let sql = format!("SELECT count({what}) FROM messages");
            file.query_row(&sql, [], |row| row.get(0)).unwrap()
        }
        Kind::Postgres => {
            let mut database = PgConnection::connect(&cluster.store).await.unwrap();
            let sql = AssertSqlSafe(format!("SELECT count({what}) FROM flow_messages"));
            let row = sqlx::query(sql).fetch_one(&mut database).await.unwrap();
            row.get(0)
        }
    }
}

const SIGN_IN: [&str; 4] = ["sign_in", "consent", "callback", "code_exchange"];

async fn what_one_instance_heard_the_other_shows_at_once(kind: Kind) {
    let sandbox = SandboxProcess::start();
    let cluster = Cluster::new(kind).await.with_sandbox(&sandbox);
    let (one, two) = (cluster.start().await, cluster.start().await);
    let browser = Browser::new();
    // The sign-in begins on one and ends on the other.
    let callback = browser.consent(one.address).await;
    assert_eq!(
        flow(&browser, &two).await,
        (false, vec!["sign_in".to_owned()])
    );
    assert_eq!(browser.get(two.address, &callback).await.status, 303);
    let mut expected: Vec<&str> = SIGN_IN.to_vec();
    assert_eq!(flow(&browser, &one).await.1, expected);
    for visit in 0..10 {
        let (here, there) = if visit % 2 == 0 {
            (&one, &two)
        } else {
            (&two, &one)
        };
        assert_eq!(browser.me(here.address).await.status, 200);
        expected.extend(["profile", "current_user"]);
        assert_eq!(flow(&browser, there).await.1, expected, "visit {visit}");
    }
    assert_eq!(browser.post(one.address, "/refresh").await.status, 303);
    expected.extend(["refresh_now", "refresh"]);
    assert_eq!(flow(&browser, &two).await.1, expected);
    assert!(flow(&Browser::new(), &two).await.0, "nobody else sees it");
}

async fn what_one_instance_erases_the_other_does_not_show(kind: Kind) {
    let sandbox = SandboxProcess::start();
    let cluster = Cluster::new(kind).await.with_sandbox(&sandbox);
    let (one, two) = (cluster.start().await, cluster.start().await);
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    assert_eq!(browser.me(two.address).await.status, 200);
    let thief = browser.apart();
    assert!(!flow(&thief, &two).await.0);
    assert_eq!(browser.post(one.address, "/logout").await.status, 303);
    for who in [&browser, &thief] {
        for instance in [&one, &two] {
            assert!(flow(who, instance).await.0);
        }
    }
    // Nor is it there any more.
    browser.sign_in(two.address).await;
    assert_eq!(
        flow(&browser, &one).await,
        (false, SIGN_IN.map(str::to_owned).to_vec())
    );
    // Beside the new one, of the sign-in and of the session, there is that of the sign-out, for ten minutes: what became of the tokens.
    assert_eq!(count(&cluster, kind, "DISTINCT flow").await, 3);
}

/// They make the log's table at the same time, and none of them fails.
async fn instances_that_start_at_once_share_the_log(kind: Kind) {
    let sandbox = SandboxProcess::start();
    let cluster = Cluster::new(kind).await.with_sandbox(&sandbox);
    let start = async || cluster.start().await;
    let (one, two, three, four) = tokio::join!(start(), start(), start(), start());
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    for instance in [&one, &two, &three, &four] {
        assert_eq!(flow(&browser, instance).await.1, SIGN_IN);
    }
}

/// Two people at once, so that what is trimmed together is not the same.
async fn long_flows_are_trimmed_and_short_ones_are_not(kind: Kind) {
    let sandbox = SandboxProcess::start();
    let cluster = Cluster::new(kind).await.with_sandbox(&sandbox);
    let (one, two) = (cluster.start().await, cluster.start().await);
    let visit = async |times: usize| {
        let browser = Browser::new();
        browser.sign_in(one.address).await;
        for _ in 0..times {
            assert_eq!(browser.me(one.address).await.status, 200);
        }
        browser
    };
    let (long, short, other) = tokio::join!(visit(400), visit(20), visit(380));
    let visits = |times: usize| ["profile", "current_user"].repeat(times);
    assert_eq!(flow(&long, &two).await.1, visits(50));
    assert_eq!(flow(&other, &two).await.1, visits(50));
    assert_eq!(
        flow(&short, &two).await.1,
        [&SIGN_IN[..], &visits(20)].concat()
    );
    // Each long one has a hundred rows, and what came since it was trimmed last: by chance, once in 32.
    let rows = count(&cluster, kind, "*").await;
    assert!((3 * 50..600).contains(&rows), "{rows}");
}

async fn a_talkative_log_hides_the_database_s_password(kind: Kind) {
    let sandbox = SandboxProcess::start();
    let mut cluster = Cluster::new(kind).await.with_sandbox(&sandbox);
    let password = "PasswordOfTheDatabase98765";
    // This server lets everybody in, and sends no challenge; a SQLite file has no password.
    let store = cluster.store.replace("app@", &format!("app:{password}@"));
    assert_eq!(store.contains(password), kind == Kind::Postgres);
    cluster = cluster.set("SESSION_STORE", store).set("RUST_LOG", "trace");
    let one = cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    assert_eq!(browser.me(one.address).await.status, 200);
    let cookie = browser.cookie().unwrap();
    assert_eq!(browser.post(one.address, "/logout").await.status, 303);
    let log = one.log();
    assert!(log.contains("TRACE"));
    for secret in [password, &cookie, crate::support::CLIENT_SECRET] {
        assert!(!log.contains(secret), "{secret}");
    }
}
