//! Who may use the sites.

use percent_encoding::percent_decode_str;

use crate::session::Identity;

/// Who is let through: any entry suffices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    /// `ada@example.com`.
    Email(String),
    /// `@example.com`: every address at this domain, and none below it.
    Domain(String),
    /// `account:ID`.
    Account(String),
    /// `group:NAME`.
    Group(String),
}

const EXPECTED: &str = "expected ada@example.com, @example.com, account:ID or group:NAME, separated by commas, with a comma within \
                        a name written %2C";

impl Allow {
    /// Reads a list of `ada@example.com`, `@example.com`, `account:ID` and `group:NAME`, separated by commas. Names may have
    /// spaces; a comma in one is written `%2C`, a percent sign `%25`.
    ///
    /// # Errors
    ///
    /// What was expected, for anything else, and for an empty list.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut entries = Vec::new();
        for part in text.split(',') {
            let decoded = percent_decode_str(part.trim()).decode_utf8();
            let decoded = decoded.map_err(|_| EXPECTED.to_owned())?;
            let mut rest = decoded.trim();
            // Spaces part what has none of its own.
            while !rest.is_empty() {
                if let Some(name) = rest.strip_prefix("group:") {
                    entries.push(group(name).ok_or(EXPECTED)?);
                    break;
                }
                let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                entries.push(entry(word).ok_or(EXPECTED)?);
                rest = after.trim_start();
            }
        }
        if entries.is_empty() {
            return Err(EXPECTED.to_owned());
        }
        Ok(Self(entries))
    }

    /// Whether `identity` is let through.
    #[must_use]
    pub fn admits(&self, identity: &Identity) -> bool {
        let email = folded(&identity.email);
        let domain = email.rsplit_once('@').map(|(_, domain)| domain);
        self.0.iter().any(|entry| match entry {
            Entry::Email(allowed) => *allowed == email,
            Entry::Domain(allowed) => domain == Some(allowed),
            Entry::Account(id) => *id == identity.account_id,
            Entry::Group(name) => identity.groups.iter().any(|group| folded(group) == *name),
        })
    }
}

fn entry(word: &str) -> Option<Entry> {
    if let Some(id) = word.strip_prefix("account:") {
        let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        return is_number.then(|| Entry::Account(id.to_owned()));
    }
    let (name, domain) = word.rsplit_once('@')?;
    if domain.is_empty() || word.contains(char::is_control) {
        return None;
    }
    Some(if name.is_empty() {
        Entry::Domain(folded(domain))
    } else {
        Entry::Email(folded(word))
    })
}

/// A name whose words look like further entries was probably meant to end before them.
fn group(name: &str) -> Option<Entry> {
    let is_entry = |word: &str| {
        word.contains('@') || word.starts_with("group:") || word.starts_with("account:")
    };
    let name = name.trim();
    let is_name = !name.is_empty() && !name.split_whitespace().any(is_entry);
    is_name.then(|| Entry::Group(folded(name)))
}

/// `text` in small letters. No other letter becomes one of ASCII: the Kelvin sign is not a k.
fn folded(text: &str) -> String {
    let fold = |letter: char| {
        let small: String = letter.to_lowercase().collect();
        if letter.is_ascii() || !small.contains(|small: char| small.is_ascii()) {
            small
        } else {
            letter.to_string()
        }
    };
    text.chars().map(fold).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ada() -> Identity {
        Identity {
            id: "9187654321098765".to_owned(),
            email: "Ada@Example.com".to_owned(),
            account_id: "4503599627370496".to_owned(),
            groups: ["Φίλοι, Søren & co", "100% Compilers"]
                .map(str::to_owned)
                .to_vec(),
            ..Identity::default()
        }
    }

    #[test]
    fn any_entry_suffices() {
        for text in [
            "ada@example.com",
            "ADA@EXAMPLE.COM",
            "@example.com",
            "@EXAMPLE.com",
            "account:4503599627370496",
            "group:φίλοι%2C søren & CO",
            "group: 100%25 compilers ",
            "bob@example.com,@other.example,group:x,account:4503599627370496",
            "bob@example.com ada@example.com",
            "bob@example.com @example.com group:Site Admins",
        ] {
            assert!(Allow::parse(text).unwrap().admits(&ada()), "{text}");
        }
        for text in [
            "bob@example.com",
            "da@example.com",
            "@ample.com",
            "@xample.com",
            "@com",
            "account:450359962737049",
            "account:9187654321098765",
            "group:Φίλοι",
            "group:Compilers",
            "@e\u{445}ample.com",
        ] {
            assert!(!Allow::parse(text).unwrap().admits(&ada()), "{text}");
        }
        // Whoever has nothing is nobody's.
        let nobody = Identity::default();
        for text in ["@example.com", "account:1", "group:x", "a@b"] {
            assert!(!Allow::parse(text).unwrap().admits(&nobody), "{text}");
        }
    }

    #[test]
    fn letters_that_look_alike_are_not() {
        let kelvin = Identity {
            email: "ada@\u{212a}.example".to_owned(),
            ..Identity::default()
        };
        assert!(!Allow::parse("@k.example").unwrap().admits(&kelvin));
        assert!(Allow::parse("@\u{212a}.example").unwrap().admits(&kelvin));
    }

    #[test]
    fn what_is_none() {
        for text in [
            "",
            ",",
            "ada",
            "account:",
            "account:x",
            "group:",
            "group: ",
            "@",
            "ada@",
            "everybody",
            "group:Admins @example.com",
            "group:Admins account:5",
            "user:ada",
            "%ff@example.com",
        ] {
            assert!(Allow::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "\\PC{0,40}") {
            if let Ok(allow) = Allow::parse(&text) {
                let _ = allow.admits(&ada());
            }
        }
    }
}
