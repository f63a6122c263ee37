//! What a client may take.

use std::time::Duration;

/// Bytes of a request's target, whose excess is a 414. Longer than any callback, whose parameters have bounds of their own.
pub const MAX_URL_BYTES: usize = 24 * 1024;

/// A request's body did not arrive in time. The body ends with this error.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the request's body did not arrive in time")]
pub struct BodyOverdue;

/// How long a client may take for what, and how much of a request is read before it is known what it is.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// From a request's first byte, or from the start of the connection, to the end of the request's head. 408 when it was
    /// begun.
    pub header_timeout: Duration,
    /// From the end of the head to the end of the body. 408.
    pub body_timeout: Duration,
    /// From one request to the next on the same connection.
    pub idle_timeout: Duration,
    /// From the moment the client stops taking an answer until it has taken all of it, or of a long one 256 KiB more.
    pub send_timeout: Duration,
    /// Bytes of a request's head. 431, or 414 when it is the URL that is too long.
    pub max_head_bytes: usize,
}

impl Default for ConnectionLimits {
    /// 10 seconds for the head, 20 for the body, 75 between requests: longer than proxies keep their connections, so that it
    /// is they who close them, and never while sending; 60 for taking an answer. 32 KiB.
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(75),
            send_timeout: Duration::from_mins(1),
            max_head_bytes: 32 * 1024,
        }
    }
}
