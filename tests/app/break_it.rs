//! "Break it": each button of the panel, pressed in a browser, ends where the panel says, and teaches what it promises.

use reqwest::Method;
use serde_json::Value;

use crate::support::panel::{Listed, follow, panel, press, save};
use crate::support::said::{brief, flow, said, says_nothing};
use crate::support::{Browser, Page, SECOND, Setup, TestApp, World};

/// What proves the failure in the flow: the last messages, for those that this test knows. All others must at least have
/// a message that went wrong.
const PROOFS: [(&str, &[&str]); 22] = [
    ("deny", &["sign_in 303", "consent unseen", "callback 403"]),
    ("forged-state", &["callback 400"]),
    (
        "refused-request",
        &["sign_in 303", "consent unseen", "callback 502"],
    ),
    (
        "expired-code",
        &["consent unseen", "callback 400", "code_exchange 400"],
    ),
    (
        "wrong-secret",
        &["consent unseen", "callback 502", "code_exchange 400"],
    ),
    (
        "malformed-token-answer",
        &["consent unseen", "callback 502", "code_exchange 200"],
    ),
    (
        "hanging-exchange",
        &["consent unseen", "callback 504", "code_exchange failed"],
    ),
    (
        "expired-token",
        &[
            "profile 200",
            "current_user 401",
            "refresh 200",
            "current_user 200",
        ],
    ),
    (
        "revoked-grant",
        &["profile 401", "current_user 401", "refresh 400"],
    ),
    (
        "failing-refresh",
        &["profile 502", "current_user 401", "refresh 500"],
    ),
    (
        "rate-limit",
        &[
            "profile 200",
            "current_user 429",
            "current_user#2 429",
            "current_user#3 200",
        ],
    ),
    ("long-rate-limit", &["profile 503", "current_user 429"]),
    (
        "maintenance",
        &[
            "profile 503",
            "current_user 503",
            "current_user#2 503",
            "current_user#3 503",
            "current_user#4 503",
        ],
    ),
    ("server-error", &["profile 502", "current_user 500"]),
    ("malformed-answer", &["profile 502", "current_user 200"]),
    (
        "broken-connection",
        &[
            "profile 502",
            "current_user failed",
            "current_user#2 failed",
        ],
    ),
    ("hanging-call", &["profile 504", "current_user failed"]),
    (
        "no-api-access",
        &["code_exchange 200", "profile 403", "current_user 403"],
    ),
    (
        "row-changed-meanwhile",
        &["submit_row 409", "read_sheet 200"],
    ),
    (
        "sheet-deleted-meanwhile",
        &["submit_row 404", "read_sheet 404"],
    ),
    (
        "value-refused",
        &["submit_row 422", "read_sheet 200", "save_row 400"],
    ),
    (
        "saving-twice-at-once",
        &[
            "submit_row 303",
            "read_sheet 200",
            "save_row 500",
            "save_row#2 500",
            "save_row#3 200",
            "open_sheets 200",
            "read_sheet 200",
        ],
    ),
];

/// In sandbox mode, with a clock that runs and little patience.
async fn start() -> TestApp {
    Setup::mounted_running().patience(2 * SECOND).start().await
}

fn teaches(page: &Page) -> bool {
    let parts = [
        "class=\"lesson\"",
        "href=\"/flow?open=failed#failed\"",
        "Break something else",
    ];
    parts.iter().all(|part| page.body.contains(part))
}

async fn signed_in(app: &TestApp) -> Browser {
    let browser = Browser::new(app);
    browser.sign_in("full").await.redirects_to("/me");
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    browser
}

/// Asserts that the flow has what `failure` teaches, in what was said after `before`.
async fn is_proven(browser: &Browser, failure: &Listed, before: &[Value]) {
    let mut news = said(browser).await;
    news.retain(|message| before.iter().all(|earlier| earlier["at"] != message["at"]));
    let news = &news[..];
    let went_wrong = |message: &Value| message["reaction"].is_string();
    // A large sheet is none, for this app.
    let is_none = failure.name == "large-sheet";
    assert!(
        is_none || news.iter().any(went_wrong),
        "{failure:?}: {news:?}"
    );
    let known = PROOFS.iter().find(|(name, _)| *name == failure.name);
    if let Some((_, proof)) = known {
        let news = brief(news);
        let last = &news[news.len().saturating_sub(proof.len())..];
        assert_eq!(last, *proof, "{failure:?}: {news:?}");
    }
    let page = browser.get("/flow").await;
    page.shows(200, &["id=\"latest\"", "The flow of your sign-in"]);
    assert!(!teaches(&page));
}

/// Asserts that somebody else's calls go well at the first try.
async fn is_unaffected(bystander: &Browser) {
    bystander.get("/me").await.shows(200, &["Grace Hopper"]);
    let last = said(bystander).await.split_off(4);
    let last = brief(&last);
    assert_eq!(
        last,
        ["profile 200", "current_user 200"].repeat(last.len() / 2)
    );
}

/// Presses the button and looks at everything that comes of it.
async fn breaks(browser: &Browser, bystander: &Browser, failure: &Listed) {
    let before = match flow(browser).await {
        flow if flow["example"] == true => Vec::new(),
        flow => flow["messages"].as_array().unwrap().clone(),
    };
    let pressed = press(browser, &failure.name).await;
    assert_eq!(pressed.status, 303, "{failure:?}: {pressed:?}");
    is_unaffected(bystander).await;
    let page = save(browser, follow(browser, pressed).await).await;
    page.shows(failure.status, &[]);
    assert!(teaches(&page), "{failure:?}: {page:?}");
    is_proven(browser, failure, &before).await;
    is_unaffected(bystander).await;
    // The lesson was for this page. What comes next is as ever: whoever is signed in is greeted.
    for path in ["/", "/me"] {
        let page = browser.get(path).await;
        assert!(!teaches(&page), "{failure:?}: {page:?}");
        let stays = ["revoked-grant", "no-api-access"].contains(&failure.name.as_str());
        assert!(page.status < 400 || stays, "{failure:?}: {page:?}");
    }
}

#[tokio::test]
async fn each_ends_as_promised_for_somebody_who_is_signed_out() {
    let app = start().await;
    let bystander = signed_in(&app).await;
    let failures = panel(&Browser::new(&app)).await;
    assert!(failures.len() >= PROOFS.len(), "{failures:?}");
    for failure in failures {
        breaks(&Browser::new(&app), &bystander, &failure).await;
    }
}

#[tokio::test]
async fn each_ends_as_promised_for_somebody_who_is_signed_in() {
    let app = start().await;
    let bystander = signed_in(&app).await;
    for failure in panel(&Browser::new(&app)).await {
        breaks(&signed_in(&app).await, &bystander, &failure).await;
    }
}

/// One after the other, as people do.
#[tokio::test]
async fn one_failure_does_not_spoil_the_next() {
    let app = start().await;
    let (browser, bystander) = (Browser::new(&app), signed_in(&app).await);
    let mut failures = panel(&browser).await;
    failures.retain(|failure| !failure.name.starts_with("hanging"));
    failures.reverse();
    for failure in &failures {
        let page = follow(&browser, press(&browser, &failure.name).await).await;
        let page = save(&browser, page).await;
        page.shows(failure.status, &[]);
        assert!(teaches(&page), "{failure:?}: {page:?}");
    }
    is_unaffected(&bystander).await;
    browser.sign_out().await.redirects_to("/signed-out");
    says_nothing(&browser).await;
}

#[tokio::test]
async fn without_the_sandbox_there_is_nothing_to_break() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    assert!(!browser.get("/").await.body.contains("/break"));
    for path in ["/break", "/break/deny"] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
    assert_eq!(press(&browser, "revoked-grant").await.status, 404);
    // Nor is anything handed on to Smartsheet.
    let authorize = browser
        .begin("/login?sandbox_decision=deny&sandbox_fault=reset")
        .await;
    assert!(!authorize.as_str().contains("sandbox_"), "{authorize}");
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
}

#[tokio::test]
async fn nothing_breaks_by_itself() {
    let app = start().await;
    let sandbox = app.mounted_sandbox();
    for browser in [Browser::new(&app), signed_in(&app).await] {
        let cookies = browser.cookies();
        sandbox.forget().await;
        for failure in panel(&browser).await {
            let path = format!("/break/{}", failure.name);
            // A link, from wherever.
            browser.get(&path).await.redirects_to("/break");
            // Another site's form.
            let cross = [
                ("accept", "text/html"),
                ("origin", "https://evil.example"),
                ("sec-fetch-site", "cross-site"),
            ];
            let page = browser.send(Method::POST, &path, &cross).await;
            page.is_error(403, &["Request from another site refused"]);
        }
        assert_eq!(browser.cookies(), cookies);
        assert_eq!(sandbox.requests().await, [""; 0]);
        let page = browser.get("/me").await;
        assert!(!teaches(&page));
        if !cookies.is_empty() {
            page.shows(200, &["Grace Hopper"]);
            assert_eq!(sandbox.requests().await, ["GET /2.0/users/me 200"]);
        }
    }
}

#[tokio::test]
async fn what_is_not_on_the_panel_is_not_there() {
    let app = start().await;
    let browser = signed_in(&app).await;
    for name in [
        "nothing",
        "DENY",
        "deny%20",
        "deny/",
        "..%2Fme",
        "%3Cscript%3E",
    ] {
        assert_eq!(press(&browser, name).await.status, 404, "{name}");
        let page = browser.get(&format!("/break/{name}")).await;
        page.is_error(404, &["Page not found"]);
    }
    for method in [Method::PUT, Method::DELETE] {
        assert_eq!(browser.send(method, "/break/deny", &[]).await.status, 405);
    }
    assert_eq!(browser.send(Method::POST, "/break", &[]).await.status, 405);
}

/// Whoever presses a button and then does not sign in, or signs in later, has broken nothing.
#[tokio::test]
async fn a_button_that_was_pressed_waits_for_the_sign_in() {
    let app = start().await;
    let browser = Browser::new(&app);
    let pressed = press(&browser, "server-error").await;
    let authorize = browser.begin(pressed.location()).await;
    assert!(
        authorize.as_str().contains("sandbox_decision=allow"),
        "{authorize}"
    );
    // On another way.
    browser.sign_in("minimal").await.redirects_to("/me");
    let page = browser.get("/me").await;
    page.shows(200, &["sam@example.com"]);
    assert!(!teaches(&page));
}

/// Three to begin with, and those that were tried are known again.
#[tokio::test]
async fn the_panel_says_where_to_start_and_what_was_tried() {
    let app = Setup::mounted().start().await;
    let browser = Browser::new(&app);
    let names: Vec<String> = panel(&browser)
        .await
        .into_iter()
        .map(|listed| listed.name)
        .collect();
    assert_eq!(
        names[..3],
        ["forged-state", "expired-token", "malformed-token-answer"]
    );
    for (place, name) in names.iter().enumerate() {
        assert!(!names[..place].contains(name), "{name} twice");
    }
    let tried = async || {
        let page = browser.get("/break").await;
        page.shows(
            200,
            &[
                "Start here",
                "Ends with 504, an error page: the sign-in failed",
                "This takes 10 seconds.",
            ],
        );
        page.body.matches(">tried</span>").count()
    };
    assert_eq!(tried().await, 0);
    for (count, name) in [(1, "forged-state"), (2, "deny"), (2, "deny")] {
        let pressed = press(&browser, name).await;
        follow(&browser, pressed).await;
        assert_eq!(tried().await, count, "{name}");
    }
}
