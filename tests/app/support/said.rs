//! What `/flow` says.

use serde_json::Value;

use super::tap::Tap;
use super::{Browser, Setup, World, sandbox};
use test_support::TestClock;

/// The messages of a browser that has some.
pub(crate) async fn said(browser: &Browser) -> Vec<Value> {
    let flow = flow(browser).await;
    assert_eq!(flow["example"], false, "{flow}");
    flow["messages"].as_array().unwrap().clone()
}

/// Asserts that a browser has none.
pub(crate) async fn says_nothing(browser: &Browser) {
    assert_eq!(flow(browser).await["example"], true);
}

pub(crate) async fn flow(browser: &Browser) -> Value {
    let page = browser.json("/flow").await;
    assert_eq!(page.status, 200, "{page:?}");
    assert_eq!(page.header("content-type"), "application/json");
    serde_json::from_str(&page.body).unwrap()
}

/// Each message in a few words: its step, its try unless that is the first, and how it ended.
pub(crate) fn brief(messages: &[Value]) -> Vec<String> {
    let words = messages.iter().map(|message| {
        let attempt = match message["attempt"].as_u64().unwrap() {
            1 => String::new(),
            attempt => format!("#{attempt}"),
        };
        let ending = match (&message["status"], &message["failure"]) {
            (Value::Number(status), _) => status.to_string(),
            (_, Value::String(_)) => "failed".to_owned(),
            _ => "unseen".to_owned(),
        };
        format!("{}{attempt} {ending}", text(message, "step"))
    });
    words.collect()
}

/// A member that is text.
pub(crate) fn text<'a>(message: &'a Value, name: &str) -> &'a str {
    let text = message[name].as_str();
    text.unwrap_or_else(|| panic!("no {name} in {message}"))
}

/// A world whose time passes, so that messages have an order; and whose calls to the sandbox can be listened to.
pub(crate) async fn overheard(adjust: impl FnOnce(Setup) -> Setup) -> (World, Tap) {
    let clock = TestClock::running();
    let sandbox = sandbox::start(&clock).await;
    let address = sandbox.base.strip_prefix("http://").unwrap();
    let tap = Tap::to(address.parse().unwrap()).await;
    let setup = Setup::against(&sandbox.base, clock);
    let setup = adjust(setup.set("smartsheet.api_url", &format!("{}/2.0", tap.base)));
    let app = setup.start().await;
    let world = World {
        setup,
        app,
        sandbox,
    };
    (world, tap)
}
