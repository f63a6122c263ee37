//! Browsers that go away before the answer: what a request began comes to its end.

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{Browser, Provider, World, until};

/// How often: it depends on how far the app got.
const TIMES: usize = 10;

/// Sends a request with the browser's cookies, and goes away at once.
async fn send_and_leave(browser: &Browser, line: &str) {
    let cookies: Vec<String> = browser
        .cookies()
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: localhost\r\ncookie: {}\r\ncontent-length: 0\r\n\r\n",
        cookies.join("; ")
    );
    let mut stream = TcpStream::connect(browser.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
}

/// A reload while the callback is under way: the browser drops the first request and sends it again.
#[tokio::test]
async fn a_callback_that_is_reloaded_at_once_leads_where_the_first_did() {
    let provider = Provider::well_behaved().await;
    let app = provider.setup().start().await;
    for _ in 0..TIMES {
        let browser = Browser::new(&app);
        let state = browser.begin_with_state().await;
        let callback = format!("/redirect?code=c&state={state}");
        send_and_leave(&browser, &format!("GET {callback}")).await;
        // The first may not have been read yet; then this one is it.
        let page = browser.get(&callback).await;
        page.redirects_to("/me");
    }
    assert_eq!(provider.count("POST /2.0/token"), TIMES);
}

/// Many close the page, or the lid, right after they pressed the button.
#[tokio::test]
async fn a_sign_out_counts_though_the_page_is_closed_at_once() {
    let world = World::new().await;
    for _ in 0..TIMES {
        let browser = world.signed_in("full").await;
        send_and_leave(&browser, "POST /logout").await;
        until("the sign-out", async || {
            let page = browser.copy_to(&world.app).get("/me").await;
            (page.status == 303).then_some(())
        })
        .await;
    }
    until("the revocations", async || {
        (world.sandbox.live_grants().await == 0).then_some(())
    })
    .await;
}
