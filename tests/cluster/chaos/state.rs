//! What is known of a person's login, and what may have become of requests that were never answered.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::World;
use super::person::Person;
use super::tally::at_risk;
use crate::support::Browser;

/// A refresh that nobody waits for any more is over after this long, whatever Smartsheet does here.
const REFRESH_TIME: Duration = Duration::from_secs(15);

/// And so is the exchange of a code, which waits for no lease.
const EXCHANGE_TIME: Duration = Duration::from_secs(3);

#[derive(Default)]
pub(super) struct State {
    /// Whether the app has told this browser that it is signed in.
    pub(super) signed_in: bool,
    /// When it was told so last.
    pub(super) signed_in_at: Option<Instant>,
    /// Requests without an answer yet, by their numbers.
    pub(super) open: HashMap<u64, Sent>,
    /// Requests that were given up or broke, and when.
    pub(super) unknown: Vec<(Sent, Instant)>,
    /// When an instance was killed that may just have refreshed for this browser. `None` once its tokens were seen to work.
    pub(super) excused: Option<Instant>,
    /// When such an instance was last killed.
    pub(super) last_kill: Option<Instant>,
    /// Whether a sign-out had no answer.
    pub(super) has_left_unanswered: bool,
    /// What is known of this browser at another site.
    pub(super) site: AtSite,
    /// What was asked last and answered, for a note.
    pub(super) recent: VecDeque<String>,
    /// Cookies of sessions that were signed out.
    pub(super) left: Vec<Browser>,
    /// Cookies of other sites' sessions whose login was signed out.
    pub(super) left_sites: Vec<Browser>,
}

impl State {
    /// Keeps the last requests in mind.
    pub(super) fn remember(&mut self, request: String) {
        const RECENT: usize = 20;
        self.recent.push_back(request);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    /// A request whose work may go on, though nobody waits for it since `when`.
    pub(super) fn leave_open(&mut self, sent: Sent, when: Instant) {
        self.unknown
            .retain(|(_, when)| when.elapsed() < REFRESH_TIME);
        self.unknown.push((sent, when));
    }
}

/// What is known of a browser at another site.
#[derive(Clone, Copy, Default)]
pub(super) struct AtSite {
    /// Whether it was told that it is signed in there.
    pub(super) has_arrived: bool,
    /// Whether the login may have become another one since, which the site does not follow.
    pub(super) may_have_changed_login: bool,
}

/// A request.
#[derive(Clone, Copy)]
pub(super) struct Sent {
    /// Which instance it went to.
    pub(super) at: usize,
    /// Whether a code may be exchanged for it.
    pub(super) is_callback: bool,
}

impl Person {
    /// An instance was killed.
    pub(super) fn excuse(&self, world: &World, instance: usize) {
        let mut state = self.state();
        let recent =
            |(sent, when): &(Sent, Instant)| sent.at == instance && when.elapsed() < REFRESH_TIME;
        if state.open.values().any(|sent| sent.at == instance) || state.unknown.iter().any(recent) {
            state.excused = Some(Instant::now());
            state.site.may_have_changed_login = true;
            state.last_kill = state.excused;
        }
        let is_exchange = |sent: &Sent| sent.at == instance && sent.is_callback;
        let open = state.open.values().filter(|sent| is_exchange(sent)).count();
        world.tally.add(at_risk::CALLBACKS, open);
        for (sent, when) in &mut state.unknown {
            if is_exchange(sent) && when.elapsed() < EXCHANGE_TIME {
                world.tally.count(at_risk::CALLBACKS);
                // Once is enough.
                sent.is_callback = false;
            }
        }
    }
}

/// A request that is under way. When it is dropped without an answer, nobody knows what came of it.
pub(super) struct Open<'a> {
    person: &'a Person,
    number: u64,
    /// Whether it is known what came of it.
    pub(super) is_settled: bool,
}

impl<'a> Open<'a> {
    pub(super) fn new(person: &'a Person, number: u64, sent: Sent) -> Self {
        person.state().open.insert(number, sent);
        Self {
            person,
            number,
            is_settled: false,
        }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let mut state = self.person.state();
        let sent = state.open.remove(&self.number);
        if let (Some(sent), false) = (sent, self.is_settled) {
            state.leave_open(sent, Instant::now());
        }
    }
}
