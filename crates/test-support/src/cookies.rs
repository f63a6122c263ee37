//! A browser's cookies, as far as one site needs them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use reqwest::header::{HeaderMap, SET_COOKIE};

/// Cookies by their names. Clones are the same jar.
#[derive(Debug, Clone, Default)]
pub struct Cookies(Arc<Mutex<BTreeMap<String, String>>>);

impl Cookies {
    /// Keeps what an answer sets, and forgets what it removes (RFC 6265, section 5.3).
    pub fn keep(&self, answer: &HeaderMap) {
        let mut cookies = self.0.lock().unwrap();
        for line in answer.get_all(SET_COOKIE) {
            let line = String::from_utf8_lossy(line.as_bytes());
            let (pair, attributes) = line.split_once(';').unwrap_or((&line, ""));
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.to_ascii_lowercase().contains("max-age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// What a request says in `Cookie`, a piece for each.
    #[must_use]
    pub fn pairs(&self) -> Vec<String> {
        let cookies = self.0.lock().unwrap();
        let pairs = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        pairs.collect()
    }

    /// The value of one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        self.0.lock().unwrap().get(name).cloned()
    }

    /// Sets one by hand.
    pub fn set(&self, name: &str, value: &str) {
        let mut cookies = self.0.lock().unwrap();
        cookies.insert(name.to_owned(), value.to_owned());
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, String> {
        self.0.lock().unwrap().clone()
    }

    /// Another jar with the same cookies: a thief's.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self(Arc::new(Mutex::new(self.all())))
    }
}
