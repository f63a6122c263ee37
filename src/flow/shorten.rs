//! Making a message smaller that is larger than it may be.

use super::message::{Ending, Message};
use super::shown::cut_again;

/// How much is left of each text, in bytes, and how many headers of each side, from one step to the next.
const STEPS: [(usize, usize); 5] = [(2048, 32), (1024, 32), (512, 16), (256, 8), (64, 8)];

/// `message`, shorter with each step. The last is smaller than a message may be, whatever it was: 40 texts of 64 bytes with a
/// word about each.
pub(super) fn shorten(message: &Message) -> impl Iterator<Item = Message> {
    STEPS.into_iter().map(|(bytes, headers)| {
        let mut shorter = message.clone();
        let text = |text: &mut String| *text = cut_again(text, bytes);
        let list = |list: &mut Vec<(String, String)>| {
            list.truncate(headers);
            for (name, value) in list {
                *name = cut_again(name, bytes);
                *value = cut_again(value, bytes);
            }
        };
        let request = &mut shorter.request;
        text(&mut request.method);
        text(&mut request.url);
        list(&mut request.headers);
        request.body.iter_mut().for_each(text);
        match &mut shorter.ending {
            Ending::Answer(answer) | Ending::Unusable { answer, .. } => {
                list(&mut answer.headers);
                answer.body.iter_mut().for_each(text);
            }
            Ending::Failure(why) => text(why),
            Ending::Unseen { location } => text(location),
        }
        if let Ending::Unusable { why, .. } = &mut shorter.ending {
            text(why);
        }
        shorter
    })
}
