//! This instance shows itself to the others, and tells them when it ends.

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::presence::EVERY;
use super::rows::RowsError;
use super::store::Store;

impl Store {
    /// Shows this instance to the others for as long as this is polled. Ends at once where nobody keeps track of instances.
    pub async fn show_presence(&self) {
        let mut every = interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            let started = Instant::now();
            let shown = self.rows.show(self.presence.id()).await;
            match shown {
                Ok(true) => self.presence.note(started, true),
                Ok(false) => return,
                Err(error) => {
                    self.presence.note(started, false);
                    tracing::debug!(%error, "this instance could not show itself to the others");
                }
            }
        }
    }

    /// Tells the others that this instance ends, so that nobody waits for it.
    pub(super) async fn leave(&self) -> Result<(), RowsError> {
        if self.presence.seen_as(Instant::now()).is_some() {
            self.rows.leave(self.presence.id()).await?;
        }
        Ok(())
    }
}
