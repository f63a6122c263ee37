//! Cookies that attackers set for other people's browsers, as a neighbouring subdomain or another port of the host can.

use rand::RngExt as _;
use rand::rngs::StdRng;

use super::users::User;
use crate::support::Planted;

/// What an attacker puts into other people's browsers.
#[derive(Clone, Debug)]
pub(super) struct Bait {
    /// Who the attacker is.
    pub(super) user: User,
    /// The id of the attacker's own session, which is alive.
    pub(super) session: String,
    /// The callback of a sign-in that the attacker began and allowed, and did not finish.
    pub(super) callback: String,
    /// The cookie of that sign-in: its name, and the value.
    pub(super) sign_in: (String, String),
}

impl Bait {
    /// The cookies of this attacker, in spellings of which none is ours.
    pub(super) fn spelt(&self, random: &mut StdRng) -> Planted {
        let (name, value) = &self.sign_in;
        let session = misspelt("session", &self.session, random);
        Planted {
            before: vec![session.clone(), misspelt(name, value, random)],
            after: vec![misspelt("session", &self.session, random), session],
        }
    }

    /// The same, and a plain cookie of the session's name behind the person's own: on plain http nobody can keep it out.
    pub(super) fn spelt_and_plain(&self, random: &mut StdRng) -> Planted {
        let mut planted = self.spelt(random);
        let plain = format!("session={}", self.session);
        planted.after.insert(0, plain.into_bytes());
        planted
    }
}

/// A cookie whose name becomes `name` for whoever decodes, trims, unquotes or ignores the case, and is another by its bytes.
fn misspelt(name: &str, value: &str, random: &mut StdRng) -> Vec<u8> {
    let at = random.random_range(0..name.len());
    let (before, rest) = name.split_at(at);
    let (letter, after) = rest.split_at(1);
    let code = letter.as_bytes()[0];
    let spelling = match random.random_range(0..10) {
        0 | 1 => format!("{before}%{code:02x}{after}"),
        2 => format!("{before}%{code:02X}{after}"),
        3 => {
            let bytes = name.bytes().map(|byte| format!("%{byte:02X}"));
            bytes.collect::<Vec<_>>().concat()
        }
        4 => format!("\u{a0}{name}"),
        5 => format!("{name}\u{3000}"),
        6 => format!("{name} "),
        7 => format!("\"{name}\""),
        8 => name.to_ascii_uppercase(),
        _ => format!("+{name}%20"),
    };
    format!("{spelling}={value}").into_bytes()
}
