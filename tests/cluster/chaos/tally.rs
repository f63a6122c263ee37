//! What happened, counted.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;

use crate::support::Page;

#[derive(Default)]
pub(super) struct Tally {
    counts: Mutex<BTreeMap<&'static str, usize>>,
    errors: Mutex<BTreeMap<(u16, String), usize>>,
    notes: Mutex<Vec<String>>,
}

impl Tally {
    pub(super) fn count(&self, what: &'static str) {
        self.add(what, 1);
    }

    pub(super) fn add(&self, what: &'static str, number: usize) {
        *self.counts.lock().unwrap().entry(what).or_default() += number;
    }

    pub(super) fn error(&self, status: u16, kind: &str) {
        *self
            .errors
            .lock()
            .unwrap()
            .entry((status, kind.to_owned()))
            .or_default() += 1;
    }

    pub(super) fn failed_sign_in(&self, page: &Page) {
        self.count("sign-ins that failed");
        if !page.status.is_server_error() && page.status != 400 {
            self.note(format!("sign-in: {} {}", page.status, page.body));
        }
    }

    pub(super) fn note(&self, text: String) {
        self.notes.lock().unwrap().push(text);
    }

    fn of(&self, what: &'static str) -> usize {
        self.counts
            .lock()
            .unwrap()
            .get(what)
            .copied()
            .unwrap_or_default()
    }

    /// One screen.
    pub(super) fn summary(&self, seed: u64, seconds: u64, logins: i64) -> String {
        let mut text = format!("chaos: {seconds} seconds, seed {seed}\n");
        for (what, number) in self.counts.lock().unwrap().iter() {
            let _ = writeln!(text, "{number:>8}  {what}");
        }
        let expiries = self.of("expiries").max(1);
        let refreshes = self.of("refreshes granted");
        let _ = writeln!(
            text,
            "{:>8}  refreshes an expiry (people: {})",
            refreshes / expiries,
            super::PEOPLE
        );
        let _ = writeln!(text, "{logins:>8}  logins in the store at the end");
        for ((status, kind), number) in self.errors.lock().unwrap().iter() {
            let _ = writeln!(text, "{number:>8}  answers {status} {kind}");
        }
        for note in self.notes.lock().unwrap().iter().take(10) {
            let _ = writeln!(text, "          {note}");
        }
        text
    }

    /// Fails when anything happened that must not.
    pub(super) fn verdict(&self) {
        assert_eq!(self.of("LOGINS LOST"), 0, "logins were lost");
        assert_eq!(
            self.of("PAGES THAT WERE WRONG"),
            0,
            "people were asked to sign in who were signed in"
        );
        assert_eq!(self.of("REVIVED SESSIONS"), 0, "sessions came back");
        let errors = self.errors.lock().unwrap();
        let ours = errors
            .keys()
            .find(|(status, kind)| *status == 500 || kind.starts_with("no "));
        assert_eq!(ours, None, "errors of the app itself");
        // A used refresh token is sent again only where an instance died with the new one, or to end a session.
        let refused = self.of("refreshes refused as used");
        let explained = self.of("logins lost with a killed instance") + self.of("sign-outs");
        assert!(
            refused <= explained,
            "{refused} refresh tokens were used twice"
        );
        assert!(
            self.of("refreshes granted") > super::PEOPLE,
            "there was hardly any chaos"
        );
    }
}
