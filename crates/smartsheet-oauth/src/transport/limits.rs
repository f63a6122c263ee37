//! How long a call may take, and how much it may bring.

use std::time::Duration;

/// How long a call may take and how much it may answer.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until the TCP and TLS handshakes are done.
    pub connect_timeout: Duration,
    /// From the first byte sent to the last byte received.
    pub total_timeout: Duration,
    /// Bytes of an answer's body, as it arrives and once it is decoded. Longer answers are refused, not cut.
    pub max_answer_bytes: usize,
    /// How many calls may be under way at once.
    pub max_calls: usize,
    /// How long a call waits for others to end. What it waited it has less for itself.
    pub max_wait: Duration,
    /// Of a call that is passed on: from the first byte sent to the end of the answer's head.
    pub head_timeout: Duration,
    /// Of a call that is passed on: how long nothing may come of the answer's body while it is waited for.
    pub silence_timeout: Duration,
    /// How many answers may be passed on at once.
    pub max_streams: usize,
}

impl Default for Limits {
    /// 3 seconds to connect, 10 seconds in all (what the pages promise), 1 MiB; 256 calls at once, which others wait for 2
    /// seconds. Calls that are passed on: 30 seconds to the answer, 30 of silence, 2048 answers at once.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            total_timeout: Duration::from_secs(10),
            max_answer_bytes: 1024 * 1024,
            max_calls: 256,
            max_wait: Duration::from_secs(2),
            head_timeout: Duration::from_secs(30),
            silence_timeout: Duration::from_secs(30),
            max_streams: 2048,
        }
    }
}
