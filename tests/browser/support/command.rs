//! Commands that fantoccini has no word for.

use fantoccini::wd::WebDriverCompatibleCommand;
use reqwest::Method;
use serde_json::Value;
use url::{ParseError, Url};

/// A command of `WebDriver` whose answer is wanted as it comes, or one that only chromedriver knows.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) body: Option<Value>,
}

impl WebDriverCompatibleCommand for Raw {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!(
            "session/{}/{}",
            session.unwrap_or_default(),
            self.path
        ))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = self.body.as_ref().map(Value::to_string);
        (self.method.clone(), body)
    }
}
