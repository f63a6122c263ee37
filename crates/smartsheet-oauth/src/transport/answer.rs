//! An answer, read whole.

use std::fmt;
use std::io::Read as _;
use std::time::Duration;

use flate2::bufread::GzDecoder;
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode, header};

use super::{TransportError, classify, retry_after};

/// An answer whose body arrived whole.
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// What `Retry-After` asks for: a number of seconds, or the time until a date (RFC 9110 section 10.2.3).
    pub retry_after: Option<Duration>,
    /// The body, at most [`Limits::max_answer_bytes`](super::Limits::max_answer_bytes) long, decoded.
    pub body: Vec<u8>,
}

impl fmt::Debug for Answer {
    /// Nothing of the content: a body may be made of tokens.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Answer({}, {} bytes)",
            self.status,
            self.body.len()
        )
    }
}

impl Answer {
    /// Reads `response`, up to `limit` bytes as they arrive and as many once they are decoded.
    pub(super) async fn read(mut response: Response, limit: usize) -> Result<Self, TransportError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))? {
            if body.len() + chunk.len() > limit {
                return Err(TransportError::TooLong(limit));
            }
            body.extend_from_slice(&chunk);
        }
        let headers = std::mem::take(response.headers_mut());
        if is_gzip(&headers) && body.starts_with(GZIP) {
            body = decoded(&body, limit)?;
        }
        let wait = headers.get(header::RETRY_AFTER);
        Ok(Self {
            status: response.status(),
            retry_after: wait.and_then(|value| retry_after(value.to_str().ok()?, Timestamp::now())),
            headers,
            body,
        })
    }
}

/// What a gzip member begins with (RFC 1952 section 2.3.1).
const GZIP: &[u8] = b"\x1f\x8b";

/// Whether gzip is the one coding of a body (RFC 9110 section 8.4; `x-gzip` is the same by section 8.4.1.3).
fn is_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::CONTENT_ENCODING).iter();
    let mut codings = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(|coding| coding.trim().to_ascii_lowercase())
        .filter(|coding| !coding.is_empty() && coding != "identity");
    let is_gzip = codings
        .next()
        .is_some_and(|coding| coding == "gzip" || coding == "x-gzip");
    is_gzip && codings.next().is_none()
}

/// What was compressed as `members`. Decoding ends as soon as it is longer than `limit` bytes, so that a short answer can't
/// become a long one in memory.
///
/// What follows the last member is ignored. A member that is damaged is read up to there: whoever needs it will find what is
/// missing.
fn decoded(mut members: &[u8], limit: usize) -> Result<Vec<u8>, TransportError> {
    let mut body = Vec::new();
    while members.starts_with(GZIP) {
        let left = limit.saturating_sub(body.len()) as u64;
        let mut decoder = GzDecoder::new(members).take(left + 1);
        let read = decoder.read_to_end(&mut body);
        if body.len() > limit {
            return Err(TransportError::TooLong(limit));
        }
        if let Err(error) = read {
            tracing::warn!(%error, "a compressed answer is damaged");
            break;
        }
        members = decoder.into_inner().into_inner();
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    fn member(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn members_one_after_the_other_and_what_follows_them() {
        let two = [member(b"one,"), member(b"two"), b"\0\0trailer".to_vec()].concat();
        assert_eq!(decoded(&two, 7).unwrap(), b"one,two");
        assert!(matches!(decoded(&two, 6), Err(TransportError::TooLong(6))));
    }

    #[test]
    fn many_empty_members_end() {
        let members = member(b"").repeat(50_000);
        assert_eq!(decoded(&members, 10).unwrap(), b"");
    }

    #[test]
    fn damaged_or_cut_it_is_read_as_far_as_it_goes() {
        let mut whole = member(b"some text");
        let end = whole.len();
        whole[end - 6] ^= 1;
        assert_eq!(decoded(&whole, 100).unwrap(), b"some text");
        assert_eq!(decoded(&whole[..end - 8], 100).unwrap(), b"some text");
        assert_eq!(decoded(&whole[..4], 100).unwrap(), b"");
    }

    #[test]
    fn which_codings_are_gzip() {
        for (values, expected) in [
            (&["gzip"][..], true),
            (&["GZip "], true),
            (&["x-gzip"], true),
            (&["identity, gzip"], true),
            (&["gzip", "identity"], true),
            (&[], false),
            (&["identity"], false),
            (&["br"], false),
            (&["gzip, gzip"], false),
            (&["gzip", "br"], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CONTENT_ENCODING, value.parse().unwrap());
            }
            assert_eq!(is_gzip(&headers), expected, "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_back(text in proptest::collection::vec(any::<u8>(), 0..3000)) {
            prop_assert_eq!(decoded(&member(&text), text.len()).unwrap(), text);
        }

        #[test]
        fn nothing_is_decoded_beyond_the_limit(
            tail in proptest::collection::vec(any::<u8>(), 0..300),
            limit in 0_usize..400,
        ) {
            let body = decoded(&[&member(b"begin")[..], &tail[..]].concat(), limit);
            prop_assert!(body.is_ok_and(|body| body.len() <= limit) || limit < 400);
            let body = decoded(&[GZIP, &tail[..]].concat(), limit);
            prop_assert!(body.map_or(0, |body| body.len()) <= limit);
        }
    }
}
