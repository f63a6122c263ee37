//! What a check says of a person, as headers.

use std::fmt::Write as _;

use crate::session::Identity;

/// What `Remote-User` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteUser {
    /// The user's id.
    Id,
    /// The email address.
    Email,
}

impl RemoteUser {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Id, Self::Email];

    /// As it is written in the settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Email => "email",
        }
    }
}

/// Names and values of the headers, all of them also where there is nothing to say, so that none of a client's own survives.
#[must_use]
pub fn remote_headers(identity: &Identity, user: RemoteUser) -> [(&'static str, String); 4] {
    let user = match user {
        RemoteUser::Id => &identity.id,
        RemoteUser::Email => &identity.email,
    };
    let mut groups = String::new();
    for group in &identity.groups {
        if !groups.is_empty() {
            groups.push(',');
        }
        encode(&mut groups, group, |byte| byte == b',');
    }
    [
        ("remote-user", encoded(user)),
        ("remote-email", encoded(&identity.email)),
        ("remote-name", encoded(&identity.name)),
        ("remote-groups", groups),
    ]
}

fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    encode(&mut encoded, text, |_| false);
    encoded
}

/// Adds `text` with all bytes percent-encoded that are not printable ASCII, and `%`, and what `also` names.
fn encode(to: &mut String, text: &str, also: impl Fn(u8) -> bool) {
    for byte in text.bytes() {
        let is_printable = (0x20..=0x7e).contains(&byte);
        if is_printable && byte != b'%' && !also(byte) {
            to.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(to, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn as_sites_get_it() {
        let identity = Identity {
            id: "9187654321098765".to_owned(),
            email: "zoë@example.com".to_owned(),
            name: "Zoë, 100%\r\nX: y".to_owned(),
            groups: ["Everybody", "Φ, b", ""].map(str::to_owned).to_vec(),
            ..Identity::default()
        };
        let expected = [
            ("remote-user", "9187654321098765"),
            ("remote-email", "zo%C3%AB@example.com"),
            ("remote-name", "Zo%C3%AB, 100%25%0D%0AX: y"),
            ("remote-groups", "Everybody,%CE%A6%2C b,"),
        ];
        let headers = remote_headers(&identity, RemoteUser::Id);
        for ((name, value), expected) in headers.iter().zip(expected) {
            assert_eq!((*name, value.as_str()), expected);
        }
        assert_eq!(
            remote_headers(&identity, RemoteUser::Email)[0].1,
            "zo%C3%AB@example.com"
        );
        let nobody = remote_headers(&Identity::default(), RemoteUser::Id);
        assert!(nobody.iter().all(|(_, value)| value.is_empty()));
    }

    proptest! {
        #[test]
        fn what_was_said_comes_back(name in "\\PC{0,20}|[\\x00-\\x7f]{0,20}") {
            let header = encoded(&name);
            prop_assert!(header.bytes().all(|byte| (0x20..=0x7e).contains(&byte)));
            prop_assert_eq!(percent_decode_str(&header).decode_utf8().unwrap(), name);
        }
    }
}
