//! Secrets, and every form in which one may turn up where it must not.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What stands right before a secret in a request or an answer.
const MARKERS: [&str; 10] = [
    "\"access_token\":\"",
    "\"refresh_token\":\"",
    "\"token\":\"",
    "code=",
    "state=",
    "hash=",
    "refresh_token=",
    "client_secret=",
    "Bearer ",
    "session=",
];

/// Shorter ones are words or numbers.
const SHORTEST: usize = 10;

/// Secrets that occurred.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets(BTreeSet<Vec<u8>>);

impl Secrets {
    pub(crate) fn add(&mut self, secret: impl AsRef<[u8]>) {
        let secret = secret.as_ref();
        assert!(
            secret.len() >= SHORTEST,
            "{secret:?} is too short to look for"
        );
        self.0.insert(secret.to_vec());
    }

    /// Adds the value of a session's cookie: the number that it stands for, too.
    pub(crate) fn add_cookie(&mut self, value: impl AsRef<[u8]>) {
        let value = value.as_ref();
        self.add(value);
        let bytes = URL_SAFE_NO_PAD.decode(value).unwrap_or_default();
        if let Ok(bytes) = <[u8; 16]>::try_from(bytes) {
            self.add(bytes);
            for number in [i128::from_le_bytes(bytes), i128::from_be_bytes(bytes)] {
                self.add(number.to_string());
                self.add(number.cast_unsigned().to_string());
            }
        }
    }

    /// Adds what an URL, a request or an answer carries, and says how many were new.
    pub(crate) fn add_from(&mut self, said: &str) -> usize {
        let before = self.0.len();
        for marker in MARKERS {
            for (start, _) in said.match_indices(marker) {
                let rest = &said[start + marker.len()..];
                let end =
                    rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-._~+/%".contains(c)));
                let value = &rest[..end.unwrap_or(rest.len())];
                let value: Vec<u8> = percent_decode_str(value).collect();
                if value.len() < SHORTEST {
                    continue;
                }
                if marker == "session=" {
                    self.add_cookie(&value);
                }
                self.0.insert(value);
            }
        }
        // The cookie of a sign-in under way has a name of its own.
        for (start, _) in said.match_indices("sign-in-") {
            let rest = &said[start..];
            let cookie = &rest[..rest.find([';', '\r', '\n']).unwrap_or(rest.len())];
            if let Some((_, value)) = cookie.split_once('=')
                && value.len() >= SHORTEST
            {
                self.add(value);
            }
        }
        self.0.len() - before
    }

    /// Which of them `text` contains, in whatever form.
    pub(crate) fn in_text(&self, text: &str) -> Vec<String> {
        let forms = self.0.iter().flat_map(|secret| forms(secret));
        forms.filter(|form| text.contains(form)).collect()
    }

    /// Of which of them `text` shows more than four characters. What `innocent` contains, which knows none of them, is
    /// chance.
    pub(crate) fn hinted_at(&self, text: &str, innocent: &str) -> Vec<String> {
        let beginnings = self.0.iter().flat_map(|secret| forms(beginning(secret)));
        // Eight characters, because four of base64 could be anybody's.
        let encoded = self.0.iter().flat_map(|secret| base64s(&secret[..8]));
        let all = beginnings.chain(encoded);
        let told = |form: &String| text.contains(form) && !innocent.contains(form);
        all.filter(told).collect()
    }
}

/// The first five characters; of those that begin with digits, up to the first that is none, because five digits are part of
/// many a time or length.
fn beginning(secret: &[u8]) -> &[u8] {
    let digits = secret.iter().take_while(|byte| byte.is_ascii_digit());
    let length = (digits.count() + 1).clamp(5, secret.len());
    &secret[..length]
}

fn forms(secret: &[u8]) -> Vec<String> {
    let hex = hex::encode(secret);
    let numbers: Vec<String> = secret.iter().map(ToString::to_string).collect();
    let mut forms = vec![
        hex.to_uppercase(),
        hex,
        numbers.join(", "),
        numbers.join(","),
    ];
    forms.extend(base64s(secret).into_iter().filter(|form| form.len() >= 6));
    if let Ok(text) = std::str::from_utf8(secret) {
        forms.push(utf8_percent_encode(text, NON_ALPHANUMERIC).to_string());
        forms.push(text.to_owned());
    }
    forms
}

/// How base64 shows `secret` within a longer text: that depends on where it begins there.
fn base64s(secret: &[u8]) -> Vec<String> {
    let mut all = Vec::new();
    for before in 0..3 {
        let padded = [&b"\0\0"[..before], secret].concat();
        // Characters that `secret` alone decides.
        let (first, end) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            all.push(engine.encode(&padded)[first..end].to_owned());
        }
    }
    all
}

#[test]
fn the_search_finds_what_is_there() {
    let mut secrets = Secrets::default();
    secrets.add("s3cret/of the app");
    let b64 = |text: &str| STANDARD_NO_PAD.encode(text);
    for text in [
        "a s3cret/of the app b",
        "x=s3cret%2Fof%20the%20app",
        &b64("s3cret/of the app"),
        &b64("client:s3cret/of the app"),
        &b64("user:s3cret/of the app!"),
        &b64("us:s3cret/of the app!?"),
        &format!("{:?}", b"s3cret/of the app"),
        &hex::encode(b"..s3cret/of the app.."),
    ] {
        assert!(!secrets.in_text(text).is_empty(), "{text}");
        assert!(!secrets.hinted_at(text, "").is_empty(), "{text}");
    }
    assert!(secrets.in_text("s3cret/of the ap").is_empty());
    assert!(!secrets.hinted_at("s3cre…", "").is_empty());
    assert!(secrets.hinted_at("s3cr…", "").is_empty());
}
