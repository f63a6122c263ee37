//! A compressed body, decoded as it comes.

use flate2::write::MultiGzDecoder;
use hyper::body::Bytes;

use super::TransportError;

/// How much of a compressed body is decoded at once, in bytes: what becomes of it is a thousand times as long at most.
const DECODED_AT_ONCE: usize = 512;

/// A body of gzip on its way to what it was.
pub(super) struct Decoding {
    /// Whether anything has come.
    pub(super) begun: bool,
    /// What came and is not decoded yet.
    pub(super) encoded: Bytes,
    decoder: MultiGzDecoder<Vec<u8>>,
}

impl Default for Decoding {
    fn default() -> Self {
        Self {
            begun: false,
            encoded: Bytes::new(),
            decoder: MultiGzDecoder::new(Vec::new()),
        }
    }
}

impl Decoding {
    /// Decodes a little of what has come. `None` when more must come first.
    pub(super) fn step(&mut self) -> Option<Result<Bytes, TransportError>> {
        use std::io::Write as _;

        while !self.encoded.is_empty() {
            let part = self
                .encoded
                .split_to(DECODED_AT_ONCE.min(self.encoded.len()));
            if self.decoder.write_all(&part).is_err() {
                return Some(Err(TransportError::Undecodable));
            }
            let decoded = std::mem::take(self.decoder.get_mut());
            if !decoded.is_empty() {
                return Some(Ok(decoded.into()));
            }
        }
        None
    }

    /// What is left at the end, or that it broke off.
    pub(super) fn end(self) -> Option<Result<Bytes, TransportError>> {
        if !self.begun {
            return None;
        }
        match self.decoder.finish() {
            Ok(left) if left.is_empty() => None,
            Ok(left) => Some(Ok(left.into())),
            Err(_) => Some(Err(TransportError::Undecodable)),
        }
    }
}
