//! Where tokens, codes and `refId`s come from.

use std::sync::{Mutex, PoisonError};

use rand::{
    RngExt, SeedableRng,
    distr::{Alphanumeric, SampleString},
    rngs::StdRng,
};

const CODE_LENGTH: usize = 30;
const TOKEN_LENGTH: usize = 37;
const REF_ID_LENGTH: usize = 13;

/// Randomness: the operating system's, or repeatable when a seed is given.
///
/// Tokens and `refId`s come from two streams, so that one more failed request does not change the tokens that follow.
pub(super) struct Dice(Option<Streams>);

struct Streams {
    tokens: Mutex<StdRng>,
    references: Mutex<StdRng>,
}

impl Dice {
    /// `start` counts the starts with the same grants file. It keeps a seeded sandbox from handing out, after a restart,
    /// the very tokens that it replaced before.
    pub(super) fn new(seed: Option<u64>, start: u64) -> Self {
        Self(seed.map(|seed| {
            let mut source = StdRng::seed_from_u64(seed ^ start.rotate_right(16));
            Streams {
                tokens: Mutex::new(StdRng::from_rng(&mut source)),
                references: Mutex::new(StdRng::from_rng(&mut source)),
            }
        }))
    }

    /// An authorization code.
    pub(super) fn code(&self) -> String {
        self.text(CODE_LENGTH, |streams| &streams.tokens)
    }

    /// An access or a refresh token, in the shape of Smartsheet's.
    pub(super) fn token(&self) -> String {
        self.text(TOKEN_LENGTH, |streams| &streams.tokens)
    }

    /// An id of a row or a cell: positive, and within the integers that every JSON parser keeps.
    pub(super) fn id(&self) -> i64 {
        const RANGE: std::ops::Range<i64> = 1_000_000_000_000_000..9_000_000_000_000_000;
        match &self.0 {
            None => rand::rng().random_range(RANGE),
            Some(streams) => lock(&streams.tokens).random_range(RANGE),
        }
    }

    /// What an error answer carries so that it can be found in the log.
    pub(super) fn ref_id(&self) -> String {
        self.text(REF_ID_LENGTH, |streams| &streams.references)
            .to_ascii_lowercase()
    }

    fn text(&self, length: usize, stream: impl Fn(&Streams) -> &Mutex<StdRng>) -> String {
        match &self.0 {
            None => Alphanumeric.sample_string(&mut rand::rng(), length),
            Some(streams) => Alphanumeric.sample_string(&mut *lock(stream(streams)), length),
        }
    }
}

fn lock(stream: &Mutex<StdRng>) -> std::sync::MutexGuard<'_, StdRng> {
    stream.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_a_restart_does_not() {
        let (one, again, restarted) = (
            Dice::new(Some(7), 0),
            Dice::new(Some(7), 0),
            Dice::new(Some(7), 1),
        );
        let _ = again.ref_id();
        let token = one.token();
        assert_eq!(token, again.token());
        assert_ne!(token, restarted.token());
        assert_ne!(Dice::new(None, 0).token(), Dice::new(None, 0).token());
        assert_eq!(token.len(), TOKEN_LENGTH);
    }
}
