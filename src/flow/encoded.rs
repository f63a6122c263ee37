//! Messages as they are sealed: one after the other, without the escapes that JSON within JSON would have.
//!
//! They are encoded as soon as they are made. A message is some fifty texts, and those that wait to be written would push what
//! is used out of the processor's caches.

use super::message::Message;
use super::retention::MESSAGE_BYTES;
use super::shorten::shorten;

/// Messages of one flow.
#[derive(Debug)]
pub(super) struct Encoded {
    /// When the last of them was sent, in microseconds since 1970.
    pub(super) at: i64,
    /// How many they are.
    pub(super) count: usize,
    pub(super) content: Vec<u8>,
}

impl Encoded {
    /// One message, shortened if it is larger than [`MESSAGE_BYTES`]. `None` never happens: all that a message is made of can
    /// be encoded, and what is left of it after the last shortening is small.
    pub(super) fn of(message: &Message) -> Option<Self> {
        let mut content = postcard::to_allocvec(message).ok()?;
        let mut steps = shorten(message);
        while content.len() > MESSAGE_BYTES {
            content = postcard::to_allocvec(&steps.next()?).ok()?;
        }
        Some(Self {
            at: message.at.as_microsecond(),
            count: 1,
            content,
        })
    }

    /// Adds those that ended later.
    pub(super) fn add(&mut self, later: &Self) {
        self.at = self.at.max(later.at);
        self.count += later.count;
        self.content.extend_from_slice(&later.content);
    }
}

/// The messages that were encoded as `content`; `None` when something else was.
pub(super) fn decode(mut content: &[u8]) -> Option<Vec<Message>> {
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
    use crate::flow::message::{Ending, Step};
    use crate::flow::parts::{Answer, Request};

    fn message() -> impl Strategy<Value = Message> {
        let texts = proptest::collection::vec((any::<String>(), any::<String>()), 0..4);
        let parts = (texts, any::<Option<String>>(), any::<u16>());
        (
            parts,
            "\\PC{0,20}",
            any::<(u32, u64)>(),
            0..3,
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
                        _ => Ending::Unseen { location: text },
                    },
                },
            )
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(messages in proptest::collection::vec(message(), 1..5)) {
            let mut encoded = messages.iter().filter_map(Encoded::of);
            let mut all = encoded.next().unwrap();
            encoded.for_each(|message| all.add(&message));
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
            prop_assert!(encoded.content.len() <= MESSAGE_BYTES, "{}", encoded.content.len());
            let decoded = decode(&encoded.content).unwrap();
            prop_assert_eq!(decoded[0].status(), Some(200));
        }

        #[test]
        fn other_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
