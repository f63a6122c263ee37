//! Assertions: who is signed in, signed for one site. A JWT (RFC 7519) with ES256.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rand::Rng as _;
use serde::Serialize;
use serde_json::json;

use super::keys::SigningKeys;
use super::site::Site;
use crate::session::{Id, Identity, Store};

/// How long an assertion is good for, in seconds.
const LIFE: i64 = 60;

/// How many are remembered. Each is good for a second; beyond that the same is signed again.
const MAX_REMEMBERED: usize = 10_000;

/// Signs assertions.
#[derive(Debug)]
pub struct Assertions {
    keys: SigningKeys,
    /// The base URL without a slash at its end.
    issuer: String,
    /// What the numbers of assertions that the app itself takes are made with: they say of which session one is.
    references: Option<Store>,
    header: String,
    signed: Mutex<Signed>,
}

/// What was signed in one second, by all that it says but its times and its number.
#[derive(Debug, Default)]
struct Signed {
    second: i64,
    assertions: HashMap<(Option<Id>, String), HeaderValue>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: Audience<'a>,
    sub: &'a str,
    email: &'a str,
    name: &'a str,
    given_name: &'a str,
    family_name: &'a str,
    account_id: &'a str,
    account_name: &'a str,
    groups: &'a [String],
}

#[derive(Serialize)]
#[serde(untagged)]
enum Audience<'a> {
    One(&'a str),
    Both([&'a str; 2]),
}

impl Assertions {
    /// Assertions of the app at `issuer`, signed with `keys`. With `references` they are meant for the app, too, which finds the
    /// session of each in there.
    #[must_use]
    pub fn new(keys: SigningKeys, issuer: &str, references: Option<Store>) -> Self {
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": keys.signing_id()});
        Self {
            header: URL_SAFE_NO_PAD.encode(header.to_string()),
            keys,
            issuer: issuer.trim_end_matches('/').to_owned(),
            references,
            signed: Mutex::default(),
        }
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    /// The base URL without a slash at its end.
    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What the references of assertions are opened with, if the app takes any.
    pub(super) fn references(&self) -> Option<&Store> {
        self.references.as_ref()
    }

    /// An assertion for `site` that this is `identity`, by the session `id`. The same one for a second. `None` when it can't be made.
    #[must_use]
    pub fn sign(
        &self,
        identity: &Identity,
        id: Id,
        site: &Site,
        now: Timestamp,
    ) -> Option<HeaderValue> {
        let aud = if self.references.is_some() {
            Audience::Both([site.origin(), &self.issuer])
        } else {
            Audience::One(site.origin())
        };
        let claims = serde_json::to_string(&Claims {
            iss: &self.issuer,
            aud,
            sub: &identity.id,
            email: &identity.email,
            name: &identity.name,
            given_name: &identity.given_name,
            family_name: &identity.family_name,
            account_id: &identity.account_id,
            account_name: &identity.account_name,
            groups: &identity.groups,
        });
        let claims = claims.ok()?;
        let second = now.as_second();
        // Where one says of which session it is, the same person's other session has another.
        let of = (self.references.as_ref().map(|_| id), claims);
        if let Some(known) = self.signed().at(second).get(&of) {
            return Some(known.clone());
        }
        // Outside of the lock: others need not wait for a signature.
        let assertion = self.sign_anew(&of.1, id, second)?;
        let mut signed = self.signed();
        let assertions = signed.at(second);
        if assertions.len() < MAX_REMEMBERED {
            assertions.insert(of, assertion.clone());
        }
        Some(assertion)
    }

    fn sign_anew(&self, claims: &str, id: Id, second: i64) -> Option<HeaderValue> {
        let jti = if let Some(references) = &self.references {
            references.seal_reference(id)?
        } else {
            let mut jti = [0; 16];
            rand::rng().fill_bytes(&mut jti);
            URL_SAFE_NO_PAD.encode(jti)
        };
        // The claims are an object that is not empty.
        let claims = claims.strip_suffix('}')?;
        let claims = format!(
            r#"{claims},"iat":{second},"exp":{},"jti":"{jti}"}}"#,
            second + LIFE
        );
        let mut token = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(claims));
        let signature = self.keys.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        HeaderValue::try_from(token).ok()
    }

    fn signed(&self) -> std::sync::MutexGuard<'_, Signed> {
        // Each use is one operation on the map, so a panic can't leave it half-changed.
        self.signed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Signed {
    /// What was signed in this `second`. What was signed in another is forgotten.
    fn at(&mut self, second: i64) -> &mut HashMap<(Option<Id>, String), HeaderValue> {
        if self.second != second {
            self.second = second;
            self.assertions.clear();
        }
        &mut self.assertions
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
    use serde_json::Value;
    use url::Url;

    use super::super::keys::tests::OPENSSL;
    use super::*;
    use crate::clock::Clock;
    use crate::seal::Sealer;
    use crate::session::{Lifetimes, MemoryRows};

    pub(in super::super) const ID: Id = Id(42);

    pub(in super::super) fn store() -> Store {
        let sealer = Sealer::from_base64(&Sealer::new_key()).unwrap();
        let lifetimes = Lifetimes {
            idle: Duration::from_hours(1),
            total: Duration::from_hours(1),
        };
        Store::new(
            Arc::new(MemoryRows::default()),
            sealer,
            lifetimes,
            Clock::system(),
        )
    }

    pub(in super::super) fn ada() -> Identity {
        Identity {
            id: "9187654321098765".to_owned(),
            email: "ada@example.com".to_owned(),
            name: "Ada \"é\" Lovelace".to_owned(),
            groups: vec!["a,b".to_owned()],
            ..Identity::default()
        }
    }

    pub(in super::super) fn wiki() -> Site {
        Site::of(&Url::parse("https://wiki.example.com").unwrap()).unwrap()
    }

    pub(in super::super) fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    /// The claims of a token whose signature is right.
    fn verified(assertions: &Assertions, token: &HeaderValue) -> Value {
        let token = token.to_str().unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let (_, point) = assertions.keys.public().next().unwrap();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        key.verify(message.as_bytes(), &signature).unwrap();
        let (header, claims) = message.split_once('.').unwrap();
        let header: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
        assert_eq!(
            (&header["alg"], &header["typ"]),
            (&json!("ES256"), &json!("JWT"))
        );
        assert_eq!(header["kid"], assertions.keys.jwks()["keys"][0]["kid"]);
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
    }

    #[test]
    fn what_it_says_and_for_whom() {
        let keys = SigningKeys::parse(OPENSSL).unwrap();
        let assertions = Assertions::new(keys.clone(), "https://app.example.com/", None);
        let mut claims = verified(
            &assertions,
            &assertions.sign(&ada(), ID, &wiki(), at(0)).unwrap(),
        );
        assert_eq!(claims["jti"].as_str().unwrap().len(), 22);
        claims.as_object_mut().unwrap().remove("jti");
        let expected = json!({
            "iss": "https://app.example.com", "aud": "https://wiki.example.com", "sub": "9187654321098765",
            "email": "ada@example.com", "name": "Ada \"é\" Lovelace", "given_name": "", "family_name": "",
            "account_id": "", "account_name": "", "groups": ["a,b"], "iat": 1_800_000_000, "exp": 1_800_000_060,
        });
        assert_eq!(claims, expected);
        let both = Assertions::new(keys, "https://app.example.com/", Some(store()));
        let claims = verified(&both, &both.sign(&ada(), ID, &wiki(), at(0)).unwrap());
        assert_eq!(
            claims["aud"],
            json!(["https://wiki.example.com", "https://app.example.com"])
        );
    }

    #[test]
    fn the_same_for_a_second_and_only_for_what_it_says() {
        let keys = SigningKeys::parse(OPENSSL).unwrap();
        let assertions = Assertions::new(keys, "https://app.example.com", None);
        let sign = |identity: &Identity, second| {
            assertions.sign(identity, ID, &wiki(), at(second)).unwrap()
        };
        let first = sign(&ada(), 0);
        assert_eq!(sign(&ada(), 0), first);
        let promoted = Identity {
            groups: vec!["Admins".to_owned()],
            ..ada()
        };
        assert_ne!(sign(&promoted, 0), first);
        let other = Site::of(&Url::parse("https://other.example.com").unwrap()).unwrap();
        assert_ne!(assertions.sign(&ada(), ID, &other, at(0)).unwrap(), first);
        let next = sign(&ada(), 1);
        assert_ne!(next, first);
        // A clock that goes back brings none of them back.
        assert_ne!(sign(&ada(), 0), first);
        assert_eq!(verified(&assertions, &next)["iat"], 1_800_000_001);
    }

    #[test]
    fn memory_is_bounded() {
        let keys = SigningKeys::parse(OPENSSL).unwrap();
        let assertions = Assertions::new(keys, "https://app.example.com", None);
        for number in 0..=MAX_REMEMBERED {
            let identity = Identity {
                id: number.to_string(),
                ..ada()
            };
            assert!(assertions.sign(&identity, ID, &wiki(), at(0)).is_some());
        }
        assert_eq!(assertions.signed().assertions.len(), MAX_REMEMBERED);
    }
}
