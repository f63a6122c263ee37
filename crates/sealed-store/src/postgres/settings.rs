//! What a statement needs of the session or the transaction that it runs in.

use std::str::FromStr;

/// What a commit waits for before it is acknowledged: the values of PostgreSQL's `synchronous_commit`. All but
/// [`Wait::Nothing`] wait for the server's own disk; they differ in what they wait for on standbys, where
/// `synchronous_standby_names` names some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// `off`: for nothing. What was acknowledged in the last moments may be lost when the server crashes.
    Nothing,
    /// `local`: for no standby.
    OwnDisk,
    /// `remote_write`: until the standby has received it.
    StandbyReceived,
    /// `on`: until it is on the standby's disk.
    StandbyDisk,
    /// `remote_apply`: until it can be read on the standby.
    StandbyApplied,
}

impl Wait {
    /// As PostgreSQL writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "off",
            Self::OwnDisk => "local",
            Self::StandbyReceived => "remote_write",
            Self::StandbyDisk => "on",
            Self::StandbyApplied => "remote_apply",
        }
    }

    /// The statements that set up a session, for as long as it lasts.
    pub(super) fn for_session(self) -> String {
        self.set("SET")
    }

    /// The statements that set up a transaction, and end with it.
    pub(super) fn for_transaction(self) -> String {
        self.set("SET LOCAL")
    }

    fn set(self, set: &str) -> String {
        let name = self.name();
        // A statement that hangs must not hold its connection for ever. And there is an index for every statement, so no plan is to
        // go through a whole table: one that was made while the table was empty is kept when it is not empty any more, and one
        // that is made before the server has counted what is in it guesses. Where a table has no index that helps, that makes a plan
        // look dear, and a plan that looks dear is compiled, which takes a hundred times longer than any statement here.
        format!(
            "{set} synchronous_commit = '{name}'; {set} statement_timeout = '5s'; {set} lock_timeout = '3s'; \
             {set} enable_seqscan = off; {set} jit = off; "
        )
    }
}

impl FromStr for Wait {
    type Err = ();

    /// Those that wait for a disk.
    fn from_str(text: &str) -> Result<Self, ()> {
        let all = [
            Self::OwnDisk,
            Self::StandbyReceived,
            Self::StandbyDisk,
            Self::StandbyApplied,
        ];
        all.into_iter().find(|wait| wait.name() == text).ok_or(())
    }
}
