//! Sealing: what makes a stolen database worthless.
//!
//! XChaCha20-Poly1305 with a random nonce of 192 bits, long enough that any number of instances may draw their own. The
//! additional data binds what is sealed to its row and to the row's version, so that content copied or moved to another row, or
//! put back without its version, does not open.

mod xchacha;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::Rng as _;
use sha2::{Digest, Sha256};

use xchacha::{Cipher, NONCE_BYTES, TAG_BYTES};

/// The layout of what is sealed: this byte, the key's id, the nonce, the ciphertext with its tag.
const FORMAT: u8 = 1;
const KEY_ID_BYTES: usize = 4;
const HEADER_BYTES: usize = 1 + KEY_ID_BYTES + NONCE_BYTES;

/// What is authenticated beside the content: the same byte, the key's id, the row, its version.
const ADDITIONAL_BYTES: usize = 1 + KEY_ID_BYTES + 32 + 8;

/// The length of a sealing key.
pub const KEY_BYTES: usize = xchacha::KEY_BYTES;

/// Seals with its first key and opens with any.
#[derive(Clone)]
pub struct Sealer {
    keys: Vec<SealingKey>,
}

#[derive(Clone)]
struct SealingKey {
    id: [u8; KEY_ID_BYTES],
    cipher: Cipher,
}

/// Why keys can't be used. Shows nothing of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There is none in the list.
    #[error("it is empty")]
    Empty,
    /// Not base64. Counted from 1.
    #[error("key {0} is not base64")]
    NotBase64(usize),
    /// Another length than [`KEY_BYTES`]. Counted from 1.
    #[error("key {position} is {bytes} bytes long")]
    Length {
        /// Which key of the list, counted from 1.
        position: usize,
        /// How long it is.
        bytes: usize,
    },
}

/// It is too long to be sealed: 256 GiB or more (RFC 8439 section 2.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is too long to be sealed")]
pub struct SealError;

/// Why something sealed doesn't open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Sealed with a key that is not among ours.
    #[error("it was sealed with another key")]
    UnknownKey,
    /// A layout of a later version of this program.
    #[error("it was written by a later version of this program")]
    UnknownFormat,
    /// Cut, changed, or sealed for another row or version.
    #[error("it is damaged, or was sealed for another row")]
    Damaged,
}

impl Sealer {
    /// Reads a comma-separated list of base64 keys of [`KEY_BYTES`] bytes: the first seals, all open.
    ///
    /// # Errors
    ///
    /// [`KeyError`] for an empty list and for anything in it that is no key.
    pub fn from_base64(list: &str) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        for (index, text) in list.split(',').map(str::trim).enumerate() {
            if text.is_empty() {
                continue;
            }
            let position = index + 1;
            let bytes = STANDARD
                .decode(text)
                .map_err(|_| KeyError::NotBase64(position))?;
            let key =
                <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).map_err(|_| KeyError::Length {
                    position,
                    bytes: bytes.len(),
                })?;
            keys.push(SealingKey::new(key));
        }
        if keys.is_empty() {
            return Err(KeyError::Empty);
        }
        Ok(Self { keys })
    }

    /// A new random key, in base64, as the settings take it.
    #[must_use]
    pub fn new_key() -> String {
        let mut key = [0; KEY_BYTES];
        rand::rng().fill_bytes(&mut key);
        STANDARD.encode(key)
    }

    /// Seals `content` for version `version` of the row `row`.
    ///
    /// # Errors
    ///
    /// [`SealError`] for content that the cipher refuses.
    pub fn seal(&self, row: &[u8; 32], version: i64, content: &[u8]) -> Result<Vec<u8>, SealError> {
        let key = &self.keys[0];
        let mut sealed = Vec::with_capacity(HEADER_BYTES + content.len() + TAG_BYTES);
        sealed.push(FORMAT);
        sealed.extend_from_slice(&key.id);
        let mut nonce = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(content);
        let additional = additional_data(key.id, row, version);
        let tag = key
            .cipher
            .encrypt(nonce, &additional, &mut sealed[HEADER_BYTES..])
            .map_err(|_| SealError)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what was sealed for version `version` of the row `row`.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; nothing of the content is given then.
    pub fn open(&self, row: &[u8; 32], version: i64, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        match sealed.first() {
            Some(&FORMAT) => {}
            Some(_) => return Err(OpenError::UnknownFormat),
            None => return Err(OpenError::Damaged),
        }
        let (header, ciphertext) = sealed
            .split_at_checked(HEADER_BYTES)
            .ok_or(OpenError::Damaged)?;
        let (key_id, nonce) = header[1..].split_at(KEY_ID_BYTES);
        let key = self
            .keys
            .iter()
            .find(|key| key.id == key_id)
            .ok_or(OpenError::UnknownKey)?;
        let nonce = nonce.try_into().map_err(|_| OpenError::Damaged)?;
        let additional = additional_data(key.id, row, version);
        let mut content = ciphertext.to_vec();
        let length = key
            .cipher
            .decrypt(nonce, &additional, &mut content)
            .map_err(|_| OpenError::Damaged)?
            .len();
        content.truncate(length);
        Ok(content)
    }
}

impl SealingKey {
    fn new(key: [u8; KEY_BYTES]) -> Self {
        // Names the key without telling anything of it, so that a row sealed with a missing key can be told from damage.
        let hash = Sha256::new()
            .chain_update(b"smartsheet-oauth-demo sealing key id")
            .chain_update(key)
            .finalize();
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&hash[..KEY_ID_BYTES]);
        Self {
            id,
            cipher: Cipher::new(key),
        }
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Sealer({} keys)", self.keys.len())
    }
}

fn additional_data(
    key_id: [u8; KEY_ID_BYTES],
    row: &[u8; 32],
    version: i64,
) -> [u8; ADDITIONAL_BYTES] {
    let mut data = [FORMAT; ADDITIONAL_BYTES];
    let (id, rest) = data[1..].split_at_mut(KEY_ID_BYTES);
    let (of_row, of_version) = rest.split_at_mut(row.len());
    id.copy_from_slice(&key_id);
    of_row.copy_from_slice(row);
    of_version.copy_from_slice(&version.to_be_bytes());
    data
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROW: [u8; 32] = [7; 32];

    #[test]
    fn a_key_is_32_bytes_of_base64() {
        assert_eq!(Sealer::from_base64("").unwrap_err(), KeyError::Empty);
        assert_eq!(Sealer::from_base64(" , ").unwrap_err(), KeyError::Empty);
        assert_eq!(
            Sealer::from_base64("not base64!").unwrap_err(),
            KeyError::NotBase64(1)
        );
        let list = format!("{},{}", Sealer::new_key(), STANDARD.encode([1; 31]));
        assert_eq!(
            Sealer::from_base64(&list).unwrap_err(),
            KeyError::Length {
                position: 2,
                bytes: 31
            }
        );
    }

    #[test]
    fn rotation_opens_with_every_key_and_seals_with_the_first() {
        let (old, new) = (Sealer::new_key(), Sealer::new_key());
        let before = Sealer::from_base64(&old).unwrap();
        let during = Sealer::from_base64(&format!("{new},{old}")).unwrap();
        let after = Sealer::from_base64(&new).unwrap();

        let sealed = before.seal(&ROW, 1, b"content").unwrap();
        assert_eq!(during.open(&ROW, 1, &sealed).unwrap(), b"content");
        assert_eq!(after.open(&ROW, 1, &sealed), Err(OpenError::UnknownKey));
        let resealed = during.seal(&ROW, 2, b"content").unwrap();
        assert_eq!(after.open(&ROW, 2, &resealed).unwrap(), b"content");
    }

    #[test]
    fn sealing_twice_gives_different_bytes() {
        let sealer = Sealer::from_base64(&Sealer::new_key()).unwrap();
        assert_ne!(
            sealer.seal(&ROW, 1, b"same").unwrap(),
            sealer.seal(&ROW, 1, b"same").unwrap()
        );
    }

    #[test]
    fn a_later_format_is_told_from_damage() {
        let sealer = Sealer::from_base64(&Sealer::new_key()).unwrap();
        let mut later = sealer.seal(&ROW, 1, b"content").unwrap();
        later[0] = 2;
        assert_eq!(sealer.open(&ROW, 1, &later), Err(OpenError::UnknownFormat));
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_for_its_row_and_version_alone(
            content in proptest::collection::vec(any::<u8>(), 0..300),
            row in any::<[u8; 32]>(),
            version in any::<i64>(),
        ) {
            let sealer = Sealer::from_base64(&Sealer::new_key()).unwrap();
            let sealed = sealer.seal(&row, version, &content).unwrap();
            prop_assert_eq!(sealer.open(&row, version, &sealed).unwrap(), content);
            prop_assert_eq!(sealer.open(&row, version.wrapping_add(1), &sealed), Err(OpenError::Damaged));
            let mut other = row;
            other[0] ^= 1;
            prop_assert_eq!(sealer.open(&other, version, &sealed), Err(OpenError::Damaged));
        }

        #[test]
        fn no_bytes_of_others_open(
            bytes in proptest::collection::vec(any::<u8>(), 0..100),
            known in 0..=HEADER_BYTES,
        ) {
            let sealer = Sealer::from_base64(&Sealer::new_key()).unwrap();
            prop_assert!(sealer.open(&ROW, 1, &bytes).is_err());
            let forged = [&sealer.seal(&ROW, 1, b"").unwrap()[..known], &bytes].concat();
            prop_assert!(sealer.open(&ROW, 1, &forged).is_err());
        }

        #[test]
        fn a_changed_or_cut_byte_is_noticed(
            content in proptest::collection::vec(any::<u8>(), 0..100),
            position in any::<proptest::sample::Index>(),
            flip in 1_u8..,
        ) {
            let sealer = Sealer::from_base64(&Sealer::new_key()).unwrap();
            let sealed = sealer.seal(&ROW, 1, &content).unwrap();
            let position = position.index(sealed.len());
            prop_assert!(sealer.open(&ROW, 1, &sealed[..position]).is_err());
            let mut changed = sealed;
            changed[position] ^= flip;
            prop_assert!(sealer.open(&ROW, 1, &changed).is_err());
        }
    }
}
