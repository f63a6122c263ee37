//! What happened, counted.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use crate::support::Page;

/// Grants that may have been lost with an instance that was killed between Smartsheet's answer and the commit, by how. As many
/// may be alive at the end that nobody holds.
pub(super) mod at_risk {
    pub(crate) const LOGINS: &str = "logins lost with a killed instance";
    pub(crate) const CALLBACKS: &str = "callbacks under way when an instance was killed";
    pub(crate) const SIGN_INS: &str =
        "sign-ins over a login that may be lost with a killed instance";
    pub(crate) const SIGN_OUTS: &str =
        "sign-outs of a login that may be lost with a killed instance";
    pub(crate) const REVOCATIONS: &str = "revocations under way when an instance was killed";
    /// This one without a kill: the database and Smartsheet fail at the same time, and the log says so.
    pub(crate) const GIVEN_UP: &str =
        "pairs that could be neither stored nor revoked, says the log";

    pub(super) const ALL: [&str; 6] = [
        LOGINS,
        CALLBACKS,
        SIGN_INS,
        SIGN_OUTS,
        REVOCATIONS,
        GIVEN_UP,
    ];
}

/// What fails the verdict when it happens once.
const NEVER: [&str; 12] = [
    "LOGINS LOST",
    "PAGES THAT WERE WRONG",
    "REVIVED SESSIONS",
    "PAGES OF SOMEBODY ELSE",
    "FORGED CALLBACKS THAT WORKED",
    "SIGN-INS OF OTHERS PUSHED OUT",
    "SESSIONS THAT NOBODY HOLDS",
    "ANSWERS TOO SLOW",
    "ARRIVALS REFUSED",
    "CHECKS THAT WERE WRONG",
    "SITE SESSIONS LOST",
    "SITE SESSIONS THAT OUTLIVED THEIR LOGIN",
];

/// What attackers do, each at least once.
const ATTACKS: [&str; 7] = [
    "requests with planted cookies",
    "attacks: pages for the record of a flow",
    "attacks: slow bodies",
    "attacks: sign-ins begun from 256 networks",
    "attacks: requests with an odd X-Forwarded-For",
    "attacks: logins with sign-ins over them",
    "attacks: pages of one session at once",
];

#[derive(Default)]
pub(super) struct Tally {
    counts: Mutex<BTreeMap<&'static str, usize>>,
    errors: Mutex<BTreeMap<(u16, String), usize>>,
    attacked: Mutex<BTreeMap<u16, usize>>,
    slowest: Mutex<Duration>,
    notes: Mutex<Vec<String>>,
}

impl Tally {
    pub(super) fn count(&self, what: &'static str) {
        self.add(what, 1);
    }

    pub(super) fn add(&self, what: &'static str, number: usize) {
        if number == 0 {
            return;
        }
        *self.counts.lock().unwrap().entry(what).or_default() += number;
    }

    /// An answer that says that something failed.
    pub(super) fn error(&self, page: &Page) {
        let mut errors = self.errors.lock().unwrap();
        *errors
            .entry((page.status.as_u16(), kind(page)))
            .or_default() += 1;
    }

    pub(super) fn failed_sign_in(&self, page: &Page) {
        self.count("sign-ins that failed");
        if page.status == 400 && kind(page) == "state-unknown" {
            self.count("SIGN-INS OF OTHERS PUSHED OUT");
        }
        if !page.status.is_server_error() {
            self.note(format!("sign-in: {} {}", page.status, page.body));
        }
    }

    /// What an attacker was answered, who does not sign in for it.
    pub(super) fn answered_attacker(&self, status: u16) {
        *self.attacked.lock().unwrap().entry(status).or_default() += 1;
    }

    /// How long an answer took.
    pub(super) fn took(&self, time: Duration) {
        let mut slowest = self.slowest.lock().unwrap();
        *slowest = time.max(*slowest);
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

    fn grants_at_risk(&self) -> usize {
        at_risk::ALL.iter().map(|what| self.of(what)).sum()
    }

    /// One screen.
    pub(super) fn summary(&self, seed: u64, seconds: u64) -> String {
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
        let at_risk = self.grants_at_risk();
        let _ = writeln!(text, "{at_risk:>8}  grants that may be lost");
        let slowest = *self.slowest.lock().unwrap();
        let _ = writeln!(text, "{slowest:>8.1?}  for the slowest answer");
        for ((status, kind), number) in self.errors.lock().unwrap().iter() {
            let _ = writeln!(text, "{number:>8}  answers {status} {kind}");
        }
        for (status, number) in self.attacked.lock().unwrap().iter() {
            let _ = writeln!(text, "{number:>8}  answers {status} to floods");
        }
        for note in self.notes.lock().unwrap().iter().take(10) {
            let _ = writeln!(text, "          {note}");
        }
        text
    }

    /// Fails when anything happened that must not.
    pub(super) fn verdict(&self) {
        for what in NEVER {
            assert_eq!(self.of(what), 0, "{what}");
        }
        let errors = self.errors.lock().unwrap();
        let ours = errors
            .keys()
            .find(|(status, kind)| *status == 500 || kind.starts_with("no "));
        assert_eq!(ours, None, "errors of the app itself");
        let at_risk = self.grants_at_risk();
        let alive = self.of("grants alive at the end");
        assert!(
            alive <= at_risk,
            "{alive} grants are alive that nobody holds"
        );
        // A used refresh token is sent again only where an instance died with the new one, or to end a session.
        let refused = self.of("refreshes refused as used");
        let explained = at_risk + self.of("sign-outs");
        assert!(
            refused <= explained,
            "{refused} refresh tokens were used twice"
        );
        assert!(
            self.of("refreshes granted") > super::PEOPLE,
            "there was hardly any chaos"
        );
        for use_of_a_site in ["arrivals at a site", "checks that named the person"] {
            assert_ne!(self.of(use_of_a_site), 0, "nobody did: {use_of_a_site}");
        }
        for attack in ATTACKS {
            assert_ne!(self.of(attack), 0, "nobody tried: {attack}");
        }
    }
}

/// What kind of problem a page tells.
fn kind(page: &Page) -> String {
    let problem: Value = serde_json::from_str(&page.body).unwrap_or_default();
    let kind = problem["type"]
        .as_str()
        .and_then(|kind| kind.rsplit(':').next());
    kind.unwrap_or("no problem details").to_owned()
}
