//! Messages as they are sealed: one after the other, without the escapes that JSON within JSON would have.
//!
//! They are encoded as soon as they are made. A message is some fifty texts, and those that wait to be written would push what
//! is used out of the processor's caches.
//!
//! A page that is visited again is said again, word for word but for when. So a row says each text once, and of a message that
//! repeats one of the same row only when it was, and which.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::message::{Ending, Message, began, micros};
use super::parts::Request;
use super::repeats::{Print, Repeats};
use super::retention::MESSAGE_BYTES;
use super::rows::FlowKey;
use super::shorten::shorten;
use super::step::Step;
use super::visit::{Answered, Visit};
use crate::transport::Call;

/// What a row begins with. Rows of earlier versions begin with the number of a step, and say every message whole.
const FORM: u8 = 0x7F;

/// All of a message but when it was.
pub(super) type Text = Arc<Vec<u8>>;

/// What differs from one time to the next.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct When {
    #[serde(with = "jiff::fmt::serde::timestamp::nanosecond::required")]
    at: Timestamp,
    micros: u64,
    attempt: u32,
}

/// One message, encoded.
#[derive(Debug, Clone)]
pub(super) struct Encoded {
    when: When,
    text: Text,
}

impl Encoded {
    /// `message`, shortened if it is larger than [`MESSAGE_BYTES`]. `None` never happens: all that a message is made of can
    /// be encoded, and what is left of it after the last shortening is small.
    pub(super) fn of(message: &Message) -> Option<Self> {
        let mut text = text_of(message)?;
        let mut steps = shorten(message);
        while text.len() > MESSAGE_BYTES {
            text = text_of(&steps.next()?)?;
        }
        let when = When {
            at: message.at,
            micros: message.micros,
            attempt: message.attempt,
        };
        Some(Self {
            when,
            text: Arc::new(text),
        })
    }

    /// The message of `call` of `flow`, which has ended just now, at `now`. One of `repeats` is not made again.
    pub(super) fn of_call(
        repeats: &Repeats,
        flow: FlowKey,
        call: &Call<'_>,
        now: Timestamp,
    ) -> Option<Self> {
        let when = When {
            at: began(now, call.duration),
            micros: micros(call.duration),
            attempt: call.attempt,
        };
        let print = repeats.print(flow, call);
        Self::known(repeats, print, when, || Message::of_call(call, now))
    }

    /// The message of a browser's request of `flow`, and its answer. One of `repeats` is not made again.
    pub(super) fn of_visit(
        repeats: &Repeats,
        flow: FlowKey,
        visit: &Visit,
        answered: Answered<'_>,
    ) -> Option<Self> {
        let when = When {
            at: began(answered.at, answered.took),
            micros: micros(answered.took),
            attempt: 1,
        };
        let print = repeats.print_visit(flow, visit, answered);
        Self::known(repeats, print, when, || visit.message(answered))
    }

    /// What is known by `print`, or else is made, and known by it from then on.
    fn known(
        repeats: &Repeats,
        print: Option<Print>,
        when: When,
        make: impl FnOnce() -> Message,
    ) -> Option<Self> {
        if let Some(text) = print.as_ref().and_then(|print| repeats.find(print)) {
            return Some(Self { when, text });
        }
        let message = Self::of(&make())?;
        if let Some(print) = print {
            repeats.note(print, &message.text);
        }
        Some(message)
    }
}

fn text_of(message: &Message) -> Option<Vec<u8>> {
    postcard::to_allocvec(&(message.step, &message.request, &message.ending)).ok()
}

/// Messages of one flow that become one row.
#[derive(Debug)]
pub(super) struct EncodedRow {
    /// When the last of them was sent, in microseconds since 1970.
    pub(super) at: i64,
    /// How many they are.
    pub(super) count: usize,
    pub(super) content: Vec<u8>,
    /// The texts in it, in their order.
    texts: Vec<Text>,
}

impl EncodedRow {
    /// One that begins with `message`.
    pub(super) fn of(message: Encoded) -> Self {
        let mut row = Self {
            at: message.when.at.as_microsecond(),
            count: 0,
            content: vec![FORM],
            texts: Vec::new(),
        };
        row.add(message);
        row
    }

    /// Adds one that ended later.
    pub(super) fn add(&mut self, later: Encoded) {
        let known = self
            .texts
            .iter()
            .position(|text| Arc::ptr_eq(text, &later.text) || **text == *later.text);
        let number = known.unwrap_or(self.texts.len());
        // Writing to a vector can't fail.
        let entry = (later.when, number);
        let Ok(entry) = postcard::to_allocvec(&entry) else {
            return;
        };
        self.content.extend_from_slice(&entry);
        if known.is_none() {
            self.content.extend_from_slice(&later.text);
            self.texts.push(later.text);
        }
        self.at = self.at.max(later.when.at.as_microsecond());
        self.count += 1;
    }
}

/// The messages that were encoded as `content`; `None` when something else was.
pub(super) fn decode(content: &[u8]) -> Option<Vec<Message>> {
    match content.split_first() {
        Some((&FORM, rest)) => decode_row(rest),
        _ => decode_whole(content),
    }
}

fn decode_row(mut content: &[u8]) -> Option<Vec<Message>> {
    let mut texts: Vec<(Step, Request, Ending)> = Vec::new();
    let mut messages = Vec::new();
    while !content.is_empty() {
        let ((when, number), rest): ((When, usize), _) = postcard::take_from_bytes(content).ok()?;
        content = rest;
        if number == texts.len() {
            let (text, rest) = postcard::take_from_bytes(content).ok()?;
            texts.push(text);
            content = rest;
        }
        let (step, request, ending) = texts.get(number)?.clone();
        messages.push(Message {
            step,
            at: when.at,
            micros: when.micros,
            attempt: when.attempt,
            request,
            ending,
        });
    }
    Some(messages)
}

/// As an earlier version wrote them.
fn decode_whole(mut content: &[u8]) -> Option<Vec<Message>> {
    let mut messages = Vec::new();
    while !content.is_empty() {
        let (message, rest) = postcard::take_from_bytes(content).ok()?;
        messages.push(message);
        content = rest;
    }
    Some(messages)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flow::message::Ending;
    use crate::flow::parts::{Answer, Request};
    use crate::flow::step::Step;

    fn message() -> impl Strategy<Value = Message> {
        let texts = proptest::collection::vec((any::<String>(), any::<String>()), 0..4);
        let parts = (texts, any::<Option<String>>(), any::<u16>());
        (
            parts,
            "\\PC{0,20}",
            any::<(u32, u64)>(),
            0..4,
            -1_000_000..1_000_000_i64,
        )
            .prop_map(
                |((headers, body, status), text, (attempt, micros), ending, second)| Message {
                    step: Step::Callback,
                    at: jiff::Timestamp::new(second, 123_456_789 * second.signum() as i32).unwrap(),
                    micros,
                    attempt,
                    request: Request {
                        method: "GET".to_owned(),
                        url: text.clone(),
                        headers: headers.clone(),
                        body: body.clone(),
                    },
                    ending: match ending {
                        0 => Ending::Answer(Answer {
                            status,
                            headers,
                            body,
                        }),
                        1 => Ending::Failure(text),
                        2 => Ending::Unusable {
                            answer: Answer {
                                status,
                                headers,
                                body,
                            },
                            why: text,
                        },
                        _ => Ending::Unseen { location: text },
                    },
                },
            )
    }

    fn row(messages: &[Message]) -> EncodedRow {
        let mut encoded = messages.iter().filter_map(Encoded::of);
        let mut row = EncodedRow::of(encoded.next().unwrap());
        encoded.for_each(|message| row.add(message));
        row
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            different in proptest::collection::vec(message(), 1..5),
            again in proptest::collection::vec((any::<proptest::sample::Index>(), any::<(u32, u64)>(), 0..1_000_000_i64), 0..6),
        ) {
            let mut messages = different.clone();
            messages.extend(again.iter().map(|(which, (attempt, micros), second)| Message {
                at: jiff::Timestamp::new(*second, 1).unwrap(),
                attempt: *attempt,
                micros: *micros,
                ..which.get(&different).clone()
            }));
            let whole: Vec<u8> = messages.iter().flat_map(|message| postcard::to_allocvec(message).unwrap()).collect();
            prop_assert_eq!(decode(&whole), Some(messages.clone()), "as an earlier version wrote it");
            let all = row(&messages);
            // What is said again takes a few bytes.
            prop_assert!(all.content.len() <= row(&different).content.len() + again.len() * 40);
            prop_assert_eq!(all.count, messages.len());
            prop_assert_eq!(all.at, messages.iter().map(|message| message.at.as_microsecond()).max().unwrap());
            prop_assert_eq!(decode(&all.content), Some(messages));
            prop_assert_eq!(decode(&all.content[..all.content.len() - 1]), None);
        }

        #[test]
        fn no_message_is_larger_than_it_may_be(
            message in message(),
            long in "\\PC{100,300}",
            (texts, headers) in (1..100_usize, 1..200_usize),
        ) {
            let (long, mut message) = (long.repeat(texts), message);
            message.request.headers.extend(std::iter::repeat_n((long.clone(), long.clone()), headers));
            message.request.url.push_str(&long);
            message.request.body = Some(long.clone());
            message.ending = Ending::Answer(Answer { status: 200, headers: message.request.headers.clone(), body: Some(long) });
            let encoded = Encoded::of(&message).unwrap();
            prop_assert!(encoded.text.len() <= MESSAGE_BYTES, "{}", encoded.text.len());
            let decoded = decode(&EncodedRow::of(encoded).content).unwrap();
            prop_assert_eq!(decoded[0].status(), Some(200));
        }

        #[test]
        fn other_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (decode(&bytes), decode(&[&[FORM], &bytes[..]].concat()));
        }
    }
}
