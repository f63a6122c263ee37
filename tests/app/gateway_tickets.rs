//! The way back from a sign-in: a ticket works once, soon, at its site, and in the browser that asked for it.

use reqwest::Method;
use tokio::task::JoinSet;
use url::Url;

use crate::gateway::{BOARD, WIKI, everywhere, with_sites, world};
use crate::support::app::BASE_URL;
use crate::support::browser::raw_get;
use crate::support::{Page, SECOND, Visitor, World};
use test_support::TestClock;

/// Goes as far as the ticket, without using it.
async fn ticket(person: &Visitor, site: &str) -> String {
    let sign_in = person
        .go(&format!("{site}/auth/sign-in?return_to=/x"))
        .await;
    let grant = sign_in.location().to_owned();
    let page = person.go(&grant).await;
    assert_eq!(page.status, 303, "{page:?}");
    page.location().to_owned()
}

#[track_caller]
fn is_refused(page: &Page) {
    page.is_error(
        400,
        &[
            "This sign-in can’t be finished",
            "/auth/sign-in?return_to=/",
        ],
    );
    assert!(page.set_cookies().is_empty(), "{page:?}");
}

#[tokio::test]
async fn a_ticket_works_once() {
    let world = world().await;
    let grace = everywhere(&world, "full").await;
    let arrive = ticket(&grace, WIKI).await;
    let copy = grace.copy_to(&world.app);
    grace.go(&arrive).await.redirects_to("/x");
    is_refused(&grace.go(&arrive).await);
    is_refused(&copy.go(&arrive).await);
    assert_eq!(grace.check(WIKI).await.status, 200);
    // Even when many race for it.
    for _ in 0..3 {
        let arrive = ticket(&grace, WIKI).await;
        let mut racing = JoinSet::new();
        for _ in 0..8 {
            let (copy, arrive) = (grace.copy_to(&world.app), arrive.clone());
            racing.spawn(async move { copy.go(&arrive).await.status });
        }
        let mut statuses = racing.join_all().await;
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 400, 400, 400, 400, 400, 400, 400]);
    }
}

#[tokio::test]
async fn a_ticket_works_for_a_minute() {
    let world = world().await;
    let grace = everywhere(&world, "full").await;
    let (in_time, late) = (ticket(&grace, WIKI).await, ticket(&grace, WIKI).await);
    world.setup.clock.pass(59 * SECOND);
    grace.go(&in_time).await.redirects_to("/x");
    world.setup.clock.pass(SECOND);
    is_refused(&grace.go(&late).await);
}

#[tokio::test]
async fn a_ticket_works_at_its_site_and_in_its_browser() {
    let world = world().await;
    let grace = everywhere(&world, "full").await;
    let arrive = ticket(&grace, WIKI).await;
    // At the other site, with all of its cookies there.
    let elsewhere = arrive.replace(WIKI, BOARD);
    for (name, value) in grace.cookies(WIKI) {
        grace.set_cookie(BOARD, &name.replace("3000", "3001"), &value);
    }
    is_refused(&grace.go(&elsewhere).await);
    // A link that somebody else sent: the victim would be signed in as them.
    let victim = Visitor::new(&world.app);
    is_refused(&victim.go(&arrive).await);
    victim.go(&format!("{WIKI}/auth/sign-in")).await;
    is_refused(&victim.go(&arrive).await);
    assert_eq!(victim.check(WIKI).await.status, 401);
    // The one whose it is can still use it.
    grace.go(&arrive).await.redirects_to("/x");

    // The other way round: a grant for the attacker's nonce, opened by the victim, is of no use to the attacker.
    let attacker = Visitor::new(&world.app);
    let grant = attacker.go(&format!("{WIKI}/auth/sign-in")).await;
    let stolen = grace.go(grant.location()).await;
    is_refused(&grace.go(stolen.location()).await);
}

#[tokio::test]
async fn what_is_no_ticket() {
    let world = world().await;
    let grace = everywhere(&world, "full").await;
    let arrive = ticket(&grace, WIKI).await;
    let url = Url::parse(&arrive).unwrap();
    let good = test_support::parameter(&url, "ticket").unwrap();
    let long = "A".repeat(20_000);
    for query in [
        "",
        "?ticket=",
        "?ticket=x",
        &format!("?ticket={}", &good[1..]),
        &format!("?ticket={good}A"),
        &format!("?ticket={good}&ticket={good}"),
        &format!("?ticket={long}"),
        &format!("?Ticket={good}"),
        "?ticket=%00%ff",
        &format!("?ticket={}", grace.cookies(WIKI)["site-3000"]),
    ] {
        is_refused(&grace.go(&format!("{WIKI}/auth/arrive{query}")).await);
    }
    let huge = format!("/auth/arrive?ticket={}", "A".repeat(100_000));
    assert_eq!(raw_get(world.app.address, &huge).await, 414);
    // Where it leads is looked at again.
    let astray = format!("{WIKI}/auth/arrive?ticket={good}&return_to=//evil.example");
    grace.go(&astray).await.redirects_to("/");
}

#[tokio::test]
async fn several_tabs_arrive_in_any_order() {
    let world = world().await;
    let grace = everywhere(&world, "full").await;
    let mut tickets = Vec::new();
    for _ in 0..5 {
        tickets.push(ticket(&grace, WIKI).await);
    }
    tickets.swap(0, 3);
    for arrive in &tickets {
        grace.go(arrive).await.redirects_to("/x");
        assert_eq!(grace.check(WIKI).await.status, 200);
    }
    assert_eq!(grace.cookies(WIKI).len(), 1, "{:?}", grace.cookies(WIKI));
    // Many are begun and not finished: a browser keeps ten.
    for _ in 0..30 {
        grace.go(&format!("{WIKI}/auth/sign-in")).await;
    }
    assert!(grace.cookies(WIKI).len() <= 11, "{:?}", grace.cookies(WIKI));
    let arrive = ticket(&grace, WIKI).await;
    grace.go(&arrive).await.redirects_to("/x");
}

#[tokio::test]
async fn a_login_that_ended_gives_no_session() {
    let world = world().await;
    let grace = everywhere(&world, "full").await;
    let arrive = ticket(&grace, WIKI).await;
    grace
        .send(Method::POST, &format!("{BOARD}/auth/sign-out"), &[])
        .await;
    is_refused(&grace.go(&arrive).await);
}

#[tokio::test]
async fn a_grant_that_is_asked_for_wrongly() {
    let world = world().await;
    let grace = everywhere(&world, "full").await;
    let sign_in = grace.go(&format!("{WIKI}/auth/sign-in?return_to=/x")).await;
    let grant = sign_in.location().to_owned();
    let nonce = test_support::parameter(&Url::parse(&grant).unwrap(), "nonce").unwrap();
    for query in [
        String::new(),
        format!("?site=https://evil.example&nonce={nonce}"),
        format!("?site={WIKI}/&nonce={nonce}"),
        format!("?site={BASE_URL}&nonce={nonce}"),
        format!("?site={WIKI}&site={WIKI}&nonce={nonce}"),
        format!("?site={WIKI}"),
        format!("?site={WIKI}&nonce="),
        format!("?site={WIKI}&nonce={nonce}A"),
        format!("?site={WIKI}&nonce={nonce}&nonce={nonce}"),
    ] {
        let page = grace.go(&format!("{BASE_URL}/auth/grant{query}")).await;
        page.is_error(400, &["That site can’t sign you in this way"]);
    }
    for astray in [
        "https://evil.example/",
        "//evil.example",
        "/auth/sign-in",
        "%0d%0ax",
    ] {
        let url = format!("{BASE_URL}/auth/grant?site={WIKI}&nonce={nonce}&return_to={astray}");
        let page = grace.go(&url).await;
        assert!(
            page.location()
                .starts_with(&format!("{WIKI}/auth/arrive?ticket="))
        );
        assert!(
            page.location().ends_with("&return_to=/"),
            "{}",
            page.location()
        );
    }
    // Signed out: to the sign-in and back here, and not to anywhere that was not understood.
    let ann = Visitor::new(&world.app);
    let page = ann.go(&format!("{grant}&x=y")).await;
    let expected =
        format!("/login?return_to=/auth/grant?site={WIKI}%26nonce={nonce}%26return_to=/x");
    page.redirects_to(&expected);
}

#[tokio::test]
async fn what_nobody_asked_for_does_nothing() {
    let world = world().await;
    let grace = everywhere(&world, "full").await;
    let arrive = ticket(&grace, WIKI).await;
    let sign_in = grace.go(&format!("{WIKI}/auth/sign-in")).await;
    let grant = sign_in.location().to_owned();
    for url in [format!("{WIKI}/auth/sign-in"), grant, arrive.clone()] {
        let ahead = grace
            .send(Method::GET, &url, &[("sec-purpose", "prefetch")])
            .await;
        assert_eq!((ahead.status, ahead.location()), (204, ""), "{url}");
        let head = grace.send(Method::HEAD, &url, &[]).await;
        assert_eq!((head.status, head.header("allow")), (405, "GET"), "{url}");
        assert!(ahead.set_cookies().is_empty() && head.set_cookies().is_empty());
    }
    grace.go(&arrive).await.redirects_to("/x");
}

/// Behind TLS the names promise that no other host set the cookies.
#[tokio::test]
async fn behind_tls_cookies_are_the_hosts_own() {
    let world = World::with(|setup| {
        with_sites(setup)
            .set("gateway.sites", "https://wiki.example.com")
            .set("server.base_url", "https://app.example.com")
    })
    .await;
    let ann = Visitor::new(&world.app);
    let page = ann.go("https://wiki.example.com/auth/sign-in").await;
    let cookie = page.set_cookies().remove(0);
    assert!(cookie.starts_with("__Host-site-nonce-"), "{cookie}");
    assert!(
        cookie.contains("; HttpOnly; SameSite=Lax; Secure; Path=/; "),
        "{cookie}"
    );
    assert!(
        page.location()
            .starts_with("https://app.example.com/auth/grant?site=https://wiki.example.com&nonce=")
    );
    assert!(!page.headers.contains_key("strict-transport-security"));
    // One that a neighbour could have set is not looked at.
    for name in ["__host-site", "__Host-Site", "site", "site-443"] {
        ann.set_cookie("https://wiki.example.com", name, "AAAAAAAAAAAAAAAAAAAAAA");
    }
    assert_eq!(ann.check("https://wiki.example.com").await.status, 401);
}

#[tokio::test]
async fn with_a_dot_at_its_end_a_host_is_sent_to_its_own_name() {
    let world = world().await;
    let ann = Visitor::new(&world.app);
    let headers = [
        ("x-forwarded-host", "wiki.localhost.:3000"),
        ("x-forwarded-proto", "http"),
    ];
    let page = ann
        .send(
            Method::GET,
            &format!("{WIKI}/auth/sign-in?return_to=/a?b=c"),
            &headers,
        )
        .await;
    page.redirects_to(&format!("{WIKI}/auth/sign-in?return_to=/a?b=c"));
    assert!(page.set_cookies().is_empty());
}

/// Two instances whose clocks are half a minute apart: what one gives, the other takes, for as long as its own clock says.
#[tokio::test]
async fn clocks_half_a_minute_apart() {
    let world = world().await;
    let mut ahead = world.setup.clone();
    ahead.clock = TestClock::new();
    ahead.clock.pass(30 * SECOND);
    let there = ahead.start().await;
    let grace = everywhere(&world, "full").await;
    let grace_there = grace.copy_to(&there);
    assert_eq!(grace_there.check(WIKI).await.status, 200);
    // Each way.
    let arrive = ticket(&grace_there, WIKI).await;
    for (name, value) in grace_there.cookies(WIKI) {
        grace.set_cookie(WIKI, &name, &value);
    }
    grace.go(&arrive).await.redirects_to("/x");
    let arrive = ticket(&grace, BOARD).await;
    for (name, value) in grace.cookies(BOARD) {
        grace_there.set_cookie(BOARD, &name, &value);
    }
    grace_there.go(&arrive).await.redirects_to("/x");
    assert_eq!(grace_there.check(BOARD).await.status, 200);
    // Nobody's session is cut short or lengthened by it.
    grace
        .send(Method::POST, &format!("{WIKI}/auth/sign-out"), &[])
        .await;
    assert_eq!(grace_there.check(BOARD).await.status, 401);
}

/// A browser that is signed out opens two pages of a site at once, and each tab signs in: both callbacks leave before either is
/// answered. The browser keeps the app's cookie of the later sign-in, and the site's cookie of the tab that arrived last.
async fn two_tabs_at_once(world: &World) -> Visitor {
    let browser = Visitor::new(&world.app);
    let mut callbacks = Vec::new();
    for _ in 0..2 {
        let (_, page) = browser
            .walk(&format!("{WIKI}/auth/sign-in?return_to=/x"))
            .await;
        callbacks.push(browser.consent(&page, "allow", "full").await);
    }
    let tabs = [browser.copy_to(&world.app), browser.copy_to(&world.app)];
    let mut ways = Vec::new();
    for (tab, callback) in tabs.iter().zip(&callbacks) {
        ways.push((callback.clone(), tab.go(callback).await));
        world.setup.clock.pass(SECOND);
    }
    let mut arrivals = Vec::new();
    for (tab, (callback, page)) in tabs.iter().zip(&ways) {
        let (grant, page) = tab.follow(callback, page).await;
        let next = Url::parse(&grant).unwrap().join(page.location()).unwrap();
        arrivals.push(next.to_string());
    }
    let [first, second] = &tabs;
    second.go(&arrivals[1]).await.redirects_to("/x");
    first.go(&arrivals[0]).await.redirects_to("/x");
    for (name, value) in second.cookies(BASE_URL) {
        browser.set_cookie(BASE_URL, &name, &value);
    }
    for (name, value) in first.cookies(WIKI) {
        browser.set_cookie(WIKI, &name, &value);
    }
    browser
}

async fn session_at_the_app(browser: &Visitor) -> u16 {
    browser.go(&format!("{BASE_URL}/auth/session")).await.status
}

#[tokio::test]
async fn tabs_that_sign_in_at_once_lose_no_login_and_end_together() {
    let world = world().await;
    let browser = two_tabs_at_once(&world).await;
    assert_eq!(session_at_the_app(&browser).await, 200);
    // For an hour the person uses the site alone.
    for _ in 0..120 {
        world.setup.clock.pass(30 * SECOND);
        assert_eq!(browser.check(WIKI).await.status, 200);
    }
    assert_eq!(session_at_the_app(&browser).await, 200);
    browser
        .send(Method::POST, &format!("{BASE_URL}/logout"), &[])
        .await;
    assert_eq!(session_at_the_app(&browser).await, 401);
    assert_eq!(browser.check(WIKI).await.status, 401);
}

#[tokio::test]
async fn who_signs_in_again_takes_the_sites_of_all_tabs_along() {
    let world = world().await;
    let browser = two_tabs_at_once(&world).await;
    world.setup.clock.pass(31 * SECOND);
    assert_eq!(browser.check(WIKI).await.status, 200);
    let login = browser.go(&format!("{BASE_URL}/login")).await;
    let callback = browser.consent(&login, "allow", "full").await;
    let page = browser.go(&callback).await;
    browser.follow(&callback, &page).await;
    assert_eq!(browser.check(WIKI).await.status, 200);
    browser
        .send(Method::POST, &format!("{BASE_URL}/logout"), &[])
        .await;
    assert_eq!(browser.check(WIKI).await.status, 401);
}

#[tokio::test]
async fn who_signs_out_at_the_site_ends_all_tabs() {
    let world = world().await;
    let browser = two_tabs_at_once(&world).await;
    world.setup.clock.pass(31 * SECOND);
    assert_eq!(browser.check(WIKI).await.status, 200);
    browser
        .send(Method::POST, &format!("{WIKI}/auth/sign-out"), &[])
        .await;
    assert_eq!(browser.check(WIKI).await.status, 401);
    assert_eq!(session_at_the_app(&browser).await, 401);
}
