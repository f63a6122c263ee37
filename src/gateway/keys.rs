//! The keys that assertions are signed with: P-256, as PKCS#8 PEM. The first signs, all are published.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use sha2::{Digest as _, Sha256};

use crate::session::make_private_file;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// The object identifier of P-256 in DER (RFC 5480 section 2.1.1.1).
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// One or more keys. Cheap to clone. What `Debug` shows is public.
#[derive(Debug, Clone)]
pub struct SigningKeys(Arc<[SigningKey]>);

#[derive(Debug)]
struct SigningKey {
    pair: EcdsaKeyPair,
    id: String,
}

/// Why text is not keys. None of it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// There is no PEM in it.
    #[error("holds no private key")]
    None,
    /// It breaks off, or is no base64.
    #[error("is damaged")]
    Damaged,
    /// It is sealed with a passphrase.
    #[error("has a passphrase")]
    Passphrase,
    /// It is of another form than PKCS#8, such as SEC 1 or RSA's own.
    #[error("is not in PKCS#8 form (-----BEGIN PRIVATE KEY-----)")]
    Form,
    /// It is of another curve or algorithm.
    #[error("is not of the curve P-256")]
    Curve,
    /// It can't be used otherwise: its public key is not in it, as a rule, or does not fit.
    #[error("is no complete key")]
    Incomplete,
}

impl SigningKeys {
    /// What is expected of keys, for errors.
    pub const EXPECTED: &str = "expected P-256 private keys as PKCS#8 PEM without a passphrase, as `openssl genpkey -algorithm EC \
                                -pkeyopt ec_paramgen_curve:P-256` prints them";

    /// Reads keys: PEM blocks (RFC 7468), one after the other, with commas in between or not. Line ends may be missing or written
    /// `\n`, as variables of the environment have them. Repeated keys count once.
    ///
    /// # Errors
    ///
    /// [`KeyProblem`] of the first that is not right.
    pub fn parse(text: &str) -> Result<Self, KeyProblem> {
        let mut keys: Vec<SigningKey> = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find(BEGIN) {
            rest = &rest[start + BEGIN.len()..];
            let (label, after) = rest.split_once(DASHES).ok_or(KeyProblem::Damaged)?;
            match label {
                "PRIVATE KEY" => {}
                "ENCRYPTED PRIVATE KEY" => return Err(KeyProblem::Passphrase),
                _ => return Err(KeyProblem::Form),
            }
            let (body, after) = after.split_once(END).ok_or(KeyProblem::Damaged)?;
            let after = after.strip_prefix(label).ok_or(KeyProblem::Damaged)?;
            rest = after.strip_prefix(DASHES).ok_or(KeyProblem::Damaged)?;
            let key = SigningKey::read(body)?;
            if keys.iter().all(|known| known.id != key.id) {
                keys.push(key);
            }
        }
        if keys.is_empty() {
            return Err(KeyProblem::None);
        }
        Ok(Self(keys.into()))
    }

    /// The key in `file`, made (mode 0600) if there is none.
    ///
    /// # Errors
    ///
    /// When the file can't be read or made, or holds something else.
    pub fn read_or_make(file: &Path) -> io::Result<Self> {
        match std::fs::read_to_string(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_private_file(file, &new_pem()?)?;
            }
            other => return Self::parse(&other?).map_err(io::Error::other),
        }
        // Another process may have been first.
        Self::parse(&std::fs::read_to_string(file)?).map_err(io::Error::other)
    }

    /// One that is kept nowhere.
    ///
    /// # Errors
    ///
    /// When the system gives no random bytes.
    pub fn random() -> io::Result<Self> {
        Self::parse(&new_pem()?).map_err(io::Error::other)
    }

    /// The ids of all keys, the one that signs first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.id.as_str())
    }

    /// The ids and public keys: uncompressed points (SEC 1 section 2.3.3).
    pub(super) fn public(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let keys = self.0.iter();
        keys.map(|key| (key.id.as_str(), key.pair.public_key().as_ref()))
    }

    /// Signs `message`: the id of the key, and `R || S` (RFC 7518 section 3.4). `None` when the system gives no random bytes.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let signature = self.0[0].pair.sign(&SystemRandom::new(), message);
        Some(signature.ok()?.as_ref().to_vec())
    }

    /// The id of the key that signs.
    pub(super) fn signing_id(&self) -> &str {
        &self.0[0].id
    }
}

impl SigningKey {
    fn read(body: &str) -> Result<Self, KeyProblem> {
        let body = body.replace("\\n", "").replace("\\r", "");
        let body: String = body.split_whitespace().collect();
        let der = STANDARD.decode(body).map_err(|_| KeyProblem::Damaged)?;
        if !der.windows(P256.len()).any(|part| part == P256) {
            return Err(KeyProblem::Curve);
        }
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, &der, &SystemRandom::new());
        let pair = pair.map_err(|_| KeyProblem::Incomplete)?;
        let id = thumbprint(pair.public_key().as_ref());
        Ok(Self { pair, id })
    }
}

/// The two halves of an uncompressed point, in base64.
pub(super) fn coordinates(point: &[u8]) -> (String, String) {
    let (x, y) = point[1..].split_at(point.len() / 2);
    (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y))
}

/// RFC 7638: the same for the same key, wherever it is.
fn thumbprint(point: &[u8]) -> String {
    let (x, y) = coordinates(point);
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(canonical))
}

fn new_pem() -> io::Result<String> {
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let der = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new())
        .map_err(|_| io::Error::other("the system gives no random bytes"))?;
    let base64 = STANDARD.encode(der.as_ref());
    let mut pem = "-----BEGIN PRIVATE KEY-----\n".to_owned();
    for line in base64.as_bytes().chunks(64) {
        // Base64 is ASCII, and writing to a string does not fail.
        let _ = writeln!(pem, "{}", String::from_utf8_lossy(line));
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    Ok(pem)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Made by `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`.
    pub(in super::super) const OPENSSL: &str = "-----BEGIN PRIVATE KEY-----\n\
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgzgmvdeeG+Tw7el1R\n\
        rvrWCkJ0Ga4PV/lWe/t2PVFqJpGhRANCAAQ6xaAbvshap5YNnJGvL2rm8ULkdAZp\n\
        73qjPH5M7FjfRcsb+YFltn1lkkDyNWzttYdqOLSPzg4Yt2SHi7qNhwTm\n\
        -----END PRIVATE KEY-----\n";

    #[test]
    fn keys_as_people_have_them() {
        let one = SigningKeys::parse(OPENSSL).unwrap();
        let id = one.signing_id().to_owned();
        let other = new_pem().unwrap();
        let other_id = SigningKeys::parse(&other).unwrap().signing_id().to_owned();
        assert_ne!(id, other_id);
        let ids = |text: &str| {
            let keys = SigningKeys::parse(text).unwrap();
            keys.ids().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            ids(&format!("{OPENSSL},{other}")),
            [id.clone(), other_id.clone()]
        );
        assert_eq!(
            ids(&format!("{other}{OPENSSL}{other}")),
            [other_id, id.clone()]
        );
        for line_end in ["", " ", "\\n", "\r\n"] {
            assert_eq!(
                ids(&OPENSSL.replace('\n', line_end)),
                std::slice::from_ref(&id),
                "{line_end:?}"
            );
        }
    }

    #[test]
    fn what_is_no_key() {
        let label = |label: &str| OPENSSL.replace("PRIVATE KEY", label);
        for (text, problem) in [
            ("", KeyProblem::None),
            ("hunter2", KeyProblem::None),
            ("-----BEGIN PRIVATE KEY-----", KeyProblem::Damaged),
            (&OPENSSL[..OPENSSL.len() / 2], KeyProblem::Damaged),
            (&OPENSSL.replace("MIG", "!!!"), KeyProblem::Damaged),
            (
                &format!("{OPENSSL},{}", &OPENSSL[..90]),
                KeyProblem::Damaged,
            ),
            (&label("ENCRYPTED PRIVATE KEY"), KeyProblem::Passphrase),
            (&label("EC PRIVATE KEY"), KeyProblem::Form),
            (&label("RSA PRIVATE KEY"), KeyProblem::Form),
            (&label("PUBLIC KEY"), KeyProblem::Form),
            (
                "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----",
                KeyProblem::Curve,
            ),
        ] {
            assert_eq!(SigningKeys::parse(text).unwrap_err(), problem, "{text}");
        }
    }

    #[test]
    fn a_key_that_is_made_is_kept() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("new/signing.key");
        let made = SigningKeys::read_or_make(&file).unwrap();
        let again = SigningKeys::read_or_make(&file).unwrap();
        assert_eq!(made.signing_id(), again.signing_id());
        std::fs::write(&file, "").unwrap();
        assert!(SigningKeys::read_or_make(&file).is_err());
    }

    proptest! {
        #[test]
        fn nothing_panics(body in "[A-Za-z0-9+/=\\\\\n ,-]{0,80}") {
            let _ = SigningKeys::parse(&body);
            let _ = SigningKeys::parse(&format!("-----BEGIN PRIVATE KEY-----{body}-----END PRIVATE KEY-----"));
        }
    }
}
