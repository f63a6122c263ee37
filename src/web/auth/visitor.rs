//! The browser of a request at another site: the cookies that it has there, and who is signed in with it.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng as _;
use sha2::{Digest as _, Sha256};

use crate::gateway::{Place, Site};
use crate::session::{NonceHash, Pointer, SIGN_IN_TIME, StoreError, Stored};
use crate::web::App;
use crate::web::at::At;
use crate::web::browser::Browser;
use crate::web::cookie::{self, cookies};

/// How many cookies of a site's name are tried, as with the app's own.
const MAX_POINTERS: usize = 4;

/// How many sign-ins of a browser may be under way at a site. Of more the oldest go.
const MAX_NONCES: usize = 10;

/// How long the nonce of a sign-in is kept: as long as the sign-in at Smartsheet may take, and a while for the ways there and back.
const NONCE_TIME: Duration = SIGN_IN_TIME.saturating_add(Duration::from_mins(5));

/// Who is signed in where the request was sent to, if anybody is.
///
/// # Errors
///
/// [`StoreError`].
pub(super) async fn signed_in(
    app: &App,
    at: &At,
    headers: &HeaderMap,
) -> Result<Option<Stored>, StoreError> {
    match at.place() {
        Place::App => Browser::of(app, headers).session().await,
        Place::Site(site) => {
            for pointer in pointers(headers, site) {
                let stored = app
                    .sessions
                    .store
                    .visit_site(&pointer, site.origin())
                    .await?;
                if stored.is_some() {
                    return Ok(stored);
                }
            }
            Ok(None)
        }
        Place::Elsewhere => Ok(None),
    }
}

/// What the cookies of `site` point at.
pub(super) fn pointers(headers: &HeaderMap, site: &Site) -> Vec<Pointer> {
    let name = cookie::of_site(site.is_https(), site.port());
    let values = cookies(headers).filter(|(found, _)| *found == name.as_bytes());
    let pointers = values.filter_map(|(_, value)| Pointer::parse(value));
    pointers.take(MAX_POINTERS).collect()
}

/// The cookie of `site` that points at `pointer`, for so long.
pub(super) fn set_pointer(site: &Site, pointer: &Pointer, age: Duration) -> Option<HeaderValue> {
    let name = cookie::of_site(site.is_https(), site.port());
    cookie::set(&name, &pointer.text(), age, site.is_https())
}

/// Takes the cookie of `site` back.
pub(super) fn remove_pointer(site: &Site) -> Option<HeaderValue> {
    let name = cookie::of_site(site.is_https(), site.port());
    cookie::remove(&name, site.is_https())
}

/// The nonces of the sign-ins that this browser has under way at a site: the cookie's name, and the hash.
pub(super) struct Nonces(Vec<(String, NonceHash)>);

/// A nonce that is new.
pub(super) struct Nonce {
    /// In the URL-safe base64 alphabet.
    pub(super) hash: String,
    /// The cookies that keep it, and take back those that are too many.
    pub(super) cookies: Vec<HeaderValue>,
}

impl Nonces {
    /// Those in `headers`, the oldest first.
    pub(super) fn of(headers: &HeaderMap, site: &Site) -> Self {
        let prefix = cookie::nonce_of_site(site.is_https(), site.port());
        let found = cookies(headers).filter(|(name, _)| name.starts_with(prefix.as_bytes()));
        let found = found.filter_map(|(name, value)| {
            let hash = Sha256::digest(value).into();
            let name = std::str::from_utf8(name).ok()?;
            (name == name_of(&prefix, &hash)).then(|| (name.to_owned(), hash))
        });
        // Of another browser's, however many there are, none would fit.
        Self(found.take(MAX_NONCES * 4).collect())
    }

    pub(super) fn hashes(&self) -> Vec<NonceHash> {
        self.0.iter().map(|(_, hash)| *hash).collect()
    }

    /// Takes back the cookie of the sign-in that `hash` belongs to.
    pub(super) fn remove(&self, site: &Site, hash: &NonceHash) -> Option<HeaderValue> {
        let (name, _) = self.0.iter().find(|(_, known)| known == hash)?;
        cookie::remove(name, site.is_https())
    }

    /// One more. Each has a cookie of its own, so that tabs don't overwrite each other's.
    pub(super) fn add(&self, site: &Site) -> Nonce {
        let mut bytes = [0; 16];
        rand::rng().fill_bytes(&mut bytes);
        let value = URL_SAFE_NO_PAD.encode(bytes);
        let hash: NonceHash = Sha256::digest(&value).into();
        let is_https = site.is_https();
        let name = name_of(&cookie::nonce_of_site(is_https, site.port()), &hash);
        let mut given = Vec::new();
        let surplus = (self.0.len() + 1).saturating_sub(MAX_NONCES);
        for (name, _) in &self.0[..surplus] {
            given.extend(cookie::remove(name, is_https));
        }
        given.extend(cookie::set(&name, &value, NONCE_TIME, is_https));
        Nonce {
            hash: URL_SAFE_NO_PAD.encode(hash),
            cookies: given,
        }
    }
}

fn name_of(prefix: &str, hash: &NonceHash) -> String {
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(&hash[..6]))
}

/// The hash of a nonce, read as [`Nonce::hash`] is written.
pub(super) fn read_hash(text: &str) -> Option<NonceHash> {
    let mut hash = [0; 32];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut hash).ok()?;
    (length == hash.len()).then_some(hash)
}
