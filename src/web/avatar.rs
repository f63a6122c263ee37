//! What stands for a person's picture: their initials on a colour of their own.

use sha2::{Digest as _, Sha256};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::session::Person;

/// How many colours the stylesheet has for avatars.
const HUES: u8 = 8;

/// The longest grapheme that is taken whole, in bytes. The longest emoji there are fit; towers of accents do not.
const MAX_GRAPHEME: usize = 40;

/// Initials, and which of the stylesheet's colours they are on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Avatar {
    pub(super) initials: String,
    pub(super) hue: u8,
}

impl Avatar {
    /// The same person has the same colour everywhere.
    pub(super) fn of(person: &Person) -> Self {
        Self {
            initials: initials(&person.name),
            hue: Sha256::digest(person.email.as_bytes())[0] % HUES,
        }
    }
}

/// The first letter or emoji of the first and of the last word. A grapheme each: a flag and an accented letter are several
/// characters.
fn initials(name: &str) -> String {
    // Of an address, what stands before the @ is the person.
    let name = match name.split_once('@') {
        Some((local, _)) if !name.contains(' ') => local,
        _ => name,
    };
    let mut words = name.split_whitespace().filter_map(initial);
    match (words.next(), words.next_back()) {
        // The zero-width non-joiner keeps Arabic letters from being written as a word.
        (Some(first), Some(last)) => format!("{first}\u{200c}{last}"),
        (Some(only), None) => only,
        (None, _) => "?".to_owned(),
    }
}

fn initial(word: &str) -> Option<String> {
    let grapheme = word
        .graphemes(true)
        .find(|grapheme| grapheme.chars().next().is_some_and(stands_for_a_name))?;
    let first = grapheme.chars().next()?;
    if grapheme.len() > MAX_GRAPHEME {
        return Some(first.to_string());
    }
    let mut upper = first.to_uppercase();
    Some(match (upper.next(), upper.next()) {
        (Some(letter), None) => format!("{letter}{}", &grapheme[first.len_utf8()..]),
        // "ß" would become two letters.
        _ => grapheme.to_owned(),
    })
}

/// Letters and digits, and emoji and other symbols; not quotes, brackets, dashes and the like.
fn stands_for_a_name(character: char) -> bool {
    character.is_alphanumeric()
        || matches!(character, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_of_all_kinds_of_names() {
        for (name, expected) in [
            ("Grace Hopper", "G|H"),
            ("grace brewster murray hopper", "G|H"),
            ("Cher", "C"),
            ("sam@example.com", "S"),
            ("  émile   zola ", "É|Z"),
            ("e\u{301}mile", "E\u{301}"),
            ("ßen", "ß"),
            ("李 小龍", "李|小"),
            ("مريم حسن", "م|ح"),
            ("👩‍🚀 Ride", "👩‍🚀|R"),
            ("🏳️‍🌈🇨🇭", "🏳️‍🌈"),
            ("\"O'Brien\" <b>", "O|B"),
            ("& — …", "?"),
            ("", "?"),
            ("\u{202e}evil", "E"),
        ] {
            let expected = expected.replace('|', "\u{200c}");
            assert_eq!(initials(name), expected, "{name}");
        }
        let tower = format!("Z{}", "\u{335}".repeat(500));
        assert_eq!(initials(&tower), "Z");
    }

    #[test]
    fn a_colour_of_their_own() {
        let avatar = |email: &str| {
            Avatar::of(&Person {
                name: "Ann".to_owned(),
                email: email.to_owned(),
                ..Person::default()
            })
        };
        assert_eq!(avatar("a@example.com"), avatar("a@example.com"));
        let hues: std::collections::BTreeSet<u8> = (0..100)
            .map(|number| avatar(&format!("{number}@example.com")).hue)
            .collect();
        assert_eq!(hues, (0..HUES).collect());
    }
}
