//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): `HChaCha20` makes a key of its own for each nonce, and the rest is
//! ChaCha20-Poly1305 (RFC 8439) as ring has it, by the processor's vector instructions.

use chacha20::{Key, R20, hchacha};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, Tag, UnboundKey};
use ring::error::Unspecified;

/// The length of a key.
pub(super) const KEY_BYTES: usize = 32;

/// The length of a nonce.
pub(super) const NONCE_BYTES: usize = 24;

/// The length of what authenticates a content.
pub(super) const TAG_BYTES: usize = 16;

/// How much of a nonce goes into the key.
const FOR_KEY: usize = 16;

#[derive(Clone)]
pub(super) struct Cipher(Key);

impl Cipher {
    pub(super) fn new(key: [u8; KEY_BYTES]) -> Self {
        Self(key.into())
    }

    /// Encrypts `content` in its place, and gives what authenticates it and `additional`. A nonce must never be used again.
    pub(super) fn encrypt(
        &self,
        nonce: [u8; NONCE_BYTES],
        additional: &[u8],
        content: &mut [u8],
    ) -> Result<Tag, Unspecified> {
        let (key, nonce) = self.for_nonce(nonce)?;
        key.seal_in_place_separate_tag(nonce, Aad::from(additional), content)
    }

    /// Decrypts `content`, which ends with its tag, in its place.
    pub(super) fn decrypt<'a>(
        &self,
        nonce: [u8; NONCE_BYTES],
        additional: &[u8],
        content: &'a mut [u8],
    ) -> Result<&'a [u8], Unspecified> {
        let (key, nonce) = self.for_nonce(nonce)?;
        let content = key.open_in_place(nonce, Aad::from(additional), content)?;
        Ok(content)
    }

    fn for_nonce(&self, nonce: [u8; NONCE_BYTES]) -> Result<(LessSafeKey, Nonce), Unspecified> {
        let mut for_key = [0; FOR_KEY];
        for_key.copy_from_slice(&nonce[..FOR_KEY]);
        let mut rest = [0; 12];
        rest[4..].copy_from_slice(&nonce[FOR_KEY..]);
        let key = hchacha::<R20>(&self.0, &for_key.into());
        let key = UnboundKey::new(&CHACHA20_POLY1305, &key)?;
        Ok((LessSafeKey::new(key), Nonce::assume_unique_for_key(rest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDITIONAL: &str = "50515253c0c1c2c3c4c5c6c7";
    const NONCE: &str = "404142434445464748494a4b4c4d4e4f5051525354555657";
    const TEXT: &str = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
        sunscreen would be it.";
    const CIPHERTEXT: &str = "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb\
        731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452\
        2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9\
        21f9664c97637da9768812f615c68b13b52e";
    const TAG: &str = "c0875924c1c7987947deafd8780acf49";

    /// The draft's example, appendix A.3.1.
    #[test]
    fn the_known_answer_of_the_draft() {
        let cipher = Cipher::new(std::array::from_fn(|at| 0x80 + u8::try_from(at).unwrap()));
        let nonce = hex::decode(NONCE).unwrap().try_into().unwrap();
        let additional = hex::decode(ADDITIONAL).unwrap();
        let mut content = TEXT.as_bytes().to_vec();
        let tag = cipher.encrypt(nonce, &additional, &mut content).unwrap();
        assert_eq!(hex::encode(&content), CIPHERTEXT);
        assert_eq!(hex::encode(tag.as_ref()), TAG);
        assert_eq!(tag.as_ref().len(), TAG_BYTES);

        content.extend_from_slice(tag.as_ref());
        let mut changed = content.clone();
        changed[0] ^= 1;
        assert!(cipher.decrypt(nonce, &additional, &mut changed).is_err());
        let opened = cipher.decrypt(nonce, &additional, &mut content).unwrap();
        assert_eq!(opened, TEXT.as_bytes());
    }
}
