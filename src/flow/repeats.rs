//! Calls and visits that are made again while the last of them waits to be written: what was said is masked and encoded once.
//!
//! What is kept of one is a hash, with a key that nobody knows, and where its masked text is. The text belongs to the row that
//! waits, and goes with it: nothing is kept for this alone, and of nothing unmasked anything but the hash.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use axum::http::uri::PathAndQuery;
use reqwest::header::HeaderMap;

use super::encoded::Text;
use super::rows::FlowKey;
use super::step::Step;
use super::visit::{Answered, Visit};
use crate::transport::{Call, Outcome};

/// How many calls are remembered. Beyond that all are forgotten.
const REMEMBERED: usize = 4096;

/// The hash of all that a call's message is made of, but for when it was, in one flow.
pub(super) type Print = (FlowKey, u64);

/// The calls whose texts wait to be written.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    keys: RandomState,
    texts: Mutex<HashMap<Print, Weak<Vec<u8>>>>,
}

impl Repeats {
    /// What `call` is known by in `flow`. `None` for one that was not answered.
    pub(super) fn print(&self, flow: FlowKey, call: &Call<'_>) -> Option<Print> {
        let Outcome::Answered(answer) = call.outcome else {
            return None;
        };
        let mut hasher = self.keys.build_hasher();
        call.purpose.hash(&mut hasher);
        call.request.method().hash(&mut hasher);
        call.request.url().hash(&mut hasher);
        headers(call.request.headers(), &mut hasher);
        let body = call.request.body();
        body.and_then(reqwest::Body::as_bytes).hash(&mut hasher);
        answer.status.hash(&mut hasher);
        headers(&answer.headers, &mut hasher);
        answer.body.hash(&mut hasher);
        Some((flow, hasher.finish()))
    }

    /// What a visit, and its answer, is known by in `flow`. `None` for a step that nobody makes twice alike.
    pub(super) fn print_visit(
        &self,
        flow: FlowKey,
        visit: &Visit,
        answered: Answered<'_>,
    ) -> Option<Print> {
        if !matches!(visit.step, Step::Profile | Step::OpenSheets) {
            return None;
        }
        let mut hasher = self.keys.build_hasher();
        // Unlike that of any call.
        "visit".hash(&mut hasher);
        visit.step.hash(&mut hasher);
        visit.method.hash(&mut hasher);
        visit
            .uri
            .path_and_query()
            .map(PathAndQuery::as_str)
            .hash(&mut hasher);
        headers(&visit.headers, &mut hasher);
        answered.status.hash(&mut hasher);
        headers(answered.headers, &mut hasher);
        Some((flow, hasher.finish()))
    }

    /// The text of the call of `print`, if it waits to be written.
    pub(super) fn find(&self, print: &Print) -> Option<Text> {
        self.texts().get(print)?.upgrade()
    }

    /// Notes that `text` is what the call of `print` comes to.
    pub(super) fn note(&self, print: Print, text: &Text) {
        let mut texts = self.texts();
        if texts.len() >= REMEMBERED {
            texts.clear();
        }
        texts.insert(print, Arc::downgrade(text));
    }

    fn texts(&self) -> MutexGuard<'_, HashMap<Print, Weak<Vec<u8>>>> {
        // Each use is one operation on the map, so a panic can't leave it half-changed.
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn headers(all: &HeaderMap, hasher: &mut impl Hasher) {
    all.len().hash(hasher);
    for (name, value) in all {
        (name, value.as_bytes()).hash(hasher);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use proptest::prelude::*;

    use axum::http::{StatusCode, header::LOCATION};

    use super::*;
    use crate::flow::encoded::{Encoded, EncodedRow, decode};
    use crate::flow::message::Message;
    use crate::transport::{Answer, Purpose};

    /// One call: whose flow, whose token, what is answered, when.
    type Made = (u8, u8, u8, i64, u64);

    fn made(
        repeats: &Repeats,
        (flow, person, answer, second, micros): Made,
    ) -> (Encoded, Message, bool) {
        let url = "https://api.smartsheet.com/2.0/users/me".parse().unwrap();
        let mut request = reqwest::Request::new(reqwest::Method::GET, url);
        let token = format!("Bearer {person}l352u9jujauoqz4gstvsae05");
        request
            .headers_mut()
            .insert("authorization", token.parse().unwrap());
        let answer = Answer {
            status: reqwest::StatusCode::OK,
            headers: HeaderMap::new(),
            retry_after: None,
            body: format!(r#"{{"id":{answer},"email":"{person}@example.com"}}"#).into_bytes(),
        };
        let call = Call {
            purpose: Purpose::CurrentUser,
            attempt: 1,
            request: &request,
            outcome: Outcome::Answered(&answer),
            duration: Duration::from_micros(micros),
            whole_length: None,
        };
        let now = Timestamp::from_second(second).unwrap();
        let message = Message::of_call(&call, now);
        let print = repeats.print(FlowKey([flow; 32]), &call).unwrap();
        let known = repeats.find(&print);
        let is_known = known.is_some();
        (
            Encoded::of_call(repeats, FlowKey([flow; 32]), &call, now).unwrap(),
            message,
            is_known,
        )
    }

    fn calls() -> impl Strategy<Value = Vec<Made>> {
        proptest::collection::vec(
            (0..3_u8, 0..3_u8, 0..2_u8, 0..1000_i64, 0..1_000_000_u64),
            1..40,
        )
    }

    proptest! {
        #[test]
        fn everybody_sees_what_was_said_to_them(calls in calls()) {
            let repeats = Repeats::default();
            // All wait at once.
            let mut waiting = Vec::new();
            for call in calls {
                let (encoded, message, _) = made(&repeats, call);
                let shown = decode(&EncodedRow::of(encoded.clone()).content).unwrap();
                prop_assert_eq!(shown, [message]);
                waiting.push(encoded);
            }
        }
    }

    /// One visit: whose flow, whose cookie, which page, which status.
    type Visited = (u8, u8, u8, u16);

    fn visited(
        repeats: &Repeats,
        (flow, person, page, status): Visited,
    ) -> (Encoded, Message, bool) {
        let cookie = format!("session={person}Zk2Lq8sXv0aVt1bQwErTy");
        let request = axum::http::Request::get(format!("/sheets?page={page}"));
        let visit = Visit::of(
            Step::OpenSheets,
            &request.header("cookie", cookie).body(()).unwrap(),
        );
        let location = format!("/sheets/{page}").parse().unwrap();
        let answered = Answered {
            status: StatusCode::from_u16(status).unwrap(),
            headers: &HeaderMap::from_iter([(LOCATION, location)]),
            at: Timestamp::UNIX_EPOCH,
            took: Duration::from_micros(status.into()),
        };
        let print = repeats.print_visit(FlowKey([flow; 32]), &visit, answered);
        let is_known = repeats.find(&print.unwrap()).is_some();
        let encoded = Encoded::of_visit(repeats, FlowKey([flow; 32]), &visit, answered);
        (encoded.unwrap(), visit.message(answered), is_known)
    }

    proptest! {
        #[test]
        fn every_visit_is_told_as_it_was(
            visits in proptest::collection::vec((0..3_u8, 0..3_u8, 0..2_u8, 200..202_u16), 1..40),
        ) {
            let repeats = Repeats::default();
            let mut waiting = Vec::new();
            for visit in visits {
                let is_there = waiting.iter().any(|(before, _)| *before == visit);
                let (encoded, message, is_known) = visited(&repeats, visit);
                prop_assert_eq!(is_known, is_there);
                let shown = decode(&EncodedRow::of(encoded.clone()).content).unwrap();
                prop_assert_eq!(shown, [message]);
                waiting.push((visit, encoded));
            }
        }
    }

    #[test]
    fn a_step_that_is_made_once_is_not_remembered() {
        let request = axum::http::Request::get("/redirect?code=sample6p9qisx6a");
        let visit = Visit::of(Step::Callback, &request.body(()).unwrap());
        let answered = Answered {
            status: StatusCode::SEE_OTHER,
            headers: &HeaderMap::new(),
            at: Timestamp::UNIX_EPOCH,
            took: Duration::ZERO,
        };
        let repeats = Repeats::default();
        Encoded::of_visit(&repeats, FlowKey([1; 32]), &visit, answered).unwrap();
        assert!(repeats.texts().is_empty());
    }

    #[test]
    fn nothing_is_kept_but_what_waits() {
        let repeats = Repeats::default();
        let (first, _, is_known) = made(&repeats, (1, 1, 1, 1, 1));
        assert!(!is_known);
        let (again, _, is_known) = made(&repeats, (1, 1, 1, 2, 2));
        assert!(is_known);
        for other in [(2, 1, 1, 1, 1), (1, 2, 1, 1, 1), (1, 1, 0, 1, 1)] {
            assert!(!made(&repeats, other).2, "{other:?}");
        }
        let mut row = EncodedRow::of(first);
        row.add(again);
        assert!(made(&repeats, (1, 1, 1, 3, 3)).2);
        drop(row);
        assert!(!made(&repeats, (1, 1, 1, 4, 4)).2);
    }

    #[test]
    fn so_many_are_remembered() {
        let repeats = Repeats::default();
        let text: Text = Arc::new(Vec::new());
        for number in 0..10_000 {
            repeats.note((FlowKey([1; 32]), number), &text);
            assert!(repeats.texts().len() <= REMEMBERED);
        }
    }
}
