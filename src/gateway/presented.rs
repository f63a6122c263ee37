//! Assertions that come back: a site's back end calls Smartsheet's API as the person that one was given for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde::Deserialize;

use super::assertion::Assertions;
use super::site::{Place, Sites};
use crate::session::Id;

/// How long one may be, in bytes. Those with the most groups are half as long.
const MAX_LENGTH: usize = 16 * 1024;

/// How far another instance's clock may be ahead, in seconds.
const AHEAD: i64 = 5;

#[derive(Deserialize)]
struct Header<'a> {
    alg: &'a str,
    kid: &'a str,
    /// What whoever reads it must understand (RFC 7515 section 4.1.11). Ours have nothing.
    crit: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    /// Of those that are for a site alone, it is no list.
    aud: Vec<String>,
    iat: i64,
    exp: i64,
    jti: String,
}

impl Assertions {
    /// The session of `assertion`, presented at `place`. `None` when it is not one of this app's, for this app and that place, and in
    /// force. The session may have ended.
    #[must_use]
    pub fn presented(
        &self,
        assertion: &[u8],
        place: &Place,
        sites: &Sites,
        now: Timestamp,
    ) -> Option<Id> {
        let references = self.references()?;
        if assertion.len() > MAX_LENGTH {
            return None;
        }
        let assertion = std::str::from_utf8(assertion).ok()?;
        let (signed, signature) = assertion.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let header = decoded(header)?;
        let header: Header<'_> = serde_json::from_slice(&header).ok()?;
        // The algorithm is what the key is for, whatever the header says (RFC 8725 section 3.1).
        let is_ours = header.alg == "ES256" && header.crit.is_none();
        let mut keys = self.keys().public();
        let (_, point) = keys.find(|(id, _)| is_ours && *id == header.kid)?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        key.verify(signed.as_bytes(), &decoded(signature)?).ok()?;
        let claims: Claims = serde_json::from_slice(&decoded(claims)?).ok()?;

        let now = now.as_second();
        let is_in_force = claims.iat <= now + AHEAD && now < claims.exp;
        let is_for = |audience: &str| claims.aud.iter().any(|known| known == audience);
        let is_for_this_place = match place {
            // A site that was taken out of the settings is none any more.
            Place::App => claims
                .aud
                .iter()
                .all(|audience| audience == self.issuer() || sites.of_origin(audience).is_some()),
            Place::Site(site) => is_for(site.origin()),
            Place::Elsewhere => false,
        };
        let is_good = claims.iss == self.issuer() && is_for(self.issuer()) && is_in_force;
        (is_good && is_for_this_place).then(|| references.open_reference(&claims.jti))?
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::{Value, json};
    use url::Url;

    use super::super::assertion::tests::{ID, ada, at, store, wiki};
    use super::super::keys::SigningKeys;
    use super::super::keys::tests::OPENSSL;
    use super::*;
    use crate::session::Store;

    const APP: &str = "https://app.example.com";

    struct Test {
        keys: SigningKeys,
        store: Store,
        assertions: Assertions,
        sites: Sites,
    }

    impl Test {
        fn new() -> Self {
            let keys = SigningKeys::parse(OPENSSL).unwrap();
            let store = store();
            let url = |text: &str| Url::parse(text).unwrap();
            Self {
                assertions: Assertions::new(keys.clone(), APP, Some(store.clone())),
                sites: Sites::new(
                    &[
                        url("https://wiki.example.com"),
                        url("https://board.example.com"),
                    ],
                    &url(APP),
                    None,
                ),
                keys,
                store,
            }
        }

        fn presented(&self, assertion: &str, place: &Place, second: i64) -> Option<Id> {
            let now = at(second);
            self.assertions
                .presented(assertion.as_bytes(), place, &self.sites, now)
        }

        fn site(&self, name: &str) -> Place {
            let site = self.sites.of_origin(&format!("https://{name}.example.com"));
            Place::Site(Arc::clone(site.unwrap()))
        }

        /// A token of this header and of these claims, changed from good ones, signed with our key.
        fn signed(&self, header: &Value, change: &Value) -> String {
            let mut claims = json!({
                "iss": APP, "aud": ["https://wiki.example.com", APP], "sub": "1",
                "iat": at(0).as_second(), "exp": at(60).as_second(),
                "jti": self.store.seal_reference(ID),
            });
            claims
                .as_object_mut()
                .unwrap()
                .extend(change.as_object().unwrap().clone());
            let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let signed = format!("{}.{}", encode(header), encode(&claims));
            let signature = self.keys.sign(signed.as_bytes()).unwrap();
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
        }
    }

    #[test]
    fn one_that_was_given_is_taken_where_it_is_for() {
        let test = Test::new();
        let given = test.assertions.sign(&ada(), ID, &wiki(), at(0)).unwrap();
        let given = given.to_str().unwrap();
        assert_eq!(test.presented(given, &Place::App, 0), Some(ID));
        assert_eq!(test.presented(given, &test.site("wiki"), 59), Some(ID));
        assert_eq!(test.presented(given, &Place::App, -5), Some(ID));
        for (place, second) in [
            (test.site("board"), 0),
            (Place::Elsewhere, 0),
            (Place::App, 60),
            (Place::App, -6),
        ] {
            assert_eq!(
                test.presented(given, &place, second),
                None,
                "{place:?} {second}"
            );
        }
        // Nothing of the session can be read in it, and no two are alike.
        assert_ne!(test.store.seal_reference(ID), test.store.seal_reference(ID));
        // An app that does not take any takes none.
        let deaf = Assertions::new(test.keys.clone(), APP, None);
        let now = at(0);
        assert!(
            deaf.presented(given.as_bytes(), &Place::App, &test.sites, now)
                .is_none()
        );
    }

    #[test]
    fn what_is_not_quite_one_is_not_taken() {
        let test = Test::new();
        let kid = test.keys.signing_id();
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": kid});
        let good = test.signed(&header, &json!({}));
        assert_eq!(test.presented(&good, &Place::App, 0), Some(ID));
        let padded = "x".repeat(20 * 1024);
        for (header, change) in [
            (json!({"alg": "none", "kid": kid}), json!({})),
            (json!({"alg": "HS256", "kid": kid}), json!({})),
            (json!({"alg": "es256", "kid": kid}), json!({})),
            (json!({"alg": "ES256"}), json!({})),
            (json!({"alg": "ES256", "kid": "another"}), json!({})),
            (
                json!({"alg": "ES256", "kid": kid, "crit": ["exp"]}),
                json!({}),
            ),
            (header.clone(), json!({"iss": "https://evil.example"})),
            (header.clone(), json!({"aud": "https://app.example.com"})),
            (header.clone(), json!({"aud": ["https://evil.example"]})),
            (header.clone(), json!({"aud": ["https://wiki.example.com"]})),
            (
                header.clone(),
                json!({"aud": [APP, "https://evil.example"]}),
            ),
            (header.clone(), json!({"exp": at(0).as_second()})),
            (header.clone(), json!({"exp": null})),
            (header.clone(), json!({"iat": at(6).as_second()})),
            (header.clone(), json!({"jti": "AAAA"})),
            (header.clone(), json!({"name": padded})),
        ] {
            let token = test.signed(&header, &change);
            assert_eq!(
                test.presented(&token, &Place::App, 0),
                None,
                "{header} {change}"
            );
        }
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let other_key = SigningKeys::random().unwrap();
        let other = URL_SAFE_NO_PAD.encode(other_key.sign(signed.as_bytes()).unwrap());
        for wrong in [
            "",
            ".",
            "..",
            "...",
            signed,
            &format!("{signed}."),
            &format!("{signed}.{other}"),
            &format!("{good}="),
            &format!("{good}.x"),
            &format!(" {good}"),
            &format!("{signed}.{}", &signature[..40]),
        ] {
            assert_eq!(test.presented(wrong, &Place::App, 0), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(token in "[A-Za-z0-9_.=-]{0,80}") {
            prop_assert_eq!(Test::new().presented(&token, &Place::App, 0), None);
        }
    }
}
