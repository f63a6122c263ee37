//! How things end, as labels: a closed set, so that each is there from the start, at zero. A figure that first appears
//! with its first event can't be seen to rise.

/// What became of a sign-in, or that one began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn {
    /// A browser was sent to Smartsheet.
    Started,
    /// The person is signed in.
    Succeeded,
    /// The person chose not to sign in.
    Denied,
    /// The callback was not one that Smartsheet sends.
    Unreadable,
    /// The callback's `state` is not one that this browser was given, or not any more.
    UnknownState,
    /// The callback came once more, for a sign-in that had succeeded: the person was sent where it went.
    Repeated,
    /// Smartsheet refused the authorization request.
    RequestRefused,
    /// The token endpoint refused the code.
    CodeRefused,
    /// The token endpoint refused the app's credentials or its request: the operator must act.
    AppRefused,
    /// Smartsheet was unreachable, slow, or did not answer as it should.
    SmartsheetFailed,
    /// The session store failed.
    StoreFailed,
    /// The exchange panicked.
    Interrupted,
}

impl SignIn {
    pub(super) const ALL: [Self; 12] = [
        Self::Started,
        Self::Succeeded,
        Self::Denied,
        Self::Unreadable,
        Self::UnknownState,
        Self::Repeated,
        Self::RequestRefused,
        Self::CodeRefused,
        Self::AppRefused,
        Self::SmartsheetFailed,
        Self::StoreFailed,
        Self::Interrupted,
    ];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Succeeded => "succeeded",
            Self::Denied => "denied",
            Self::Unreadable => "unreadable",
            Self::UnknownState => "unknown_state",
            Self::Repeated => "repeated",
            Self::RequestRefused => "request_refused",
            Self::CodeRefused => "code_refused",
            Self::AppRefused => "app_refused",
            Self::SmartsheetFailed => "smartsheet_failed",
            Self::StoreFailed => "store_failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What became of a refresh of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// There are new tokens, and they are stored.
    Granted,
    /// There were new tokens, but the person had signed out meanwhile: they were given back.
    SignedOut,
    /// There were new tokens, but they could not be stored. The login is lost.
    NotStored,
    /// Another instance had used the refresh token already, and stored its tokens.
    AnotherWasFaster,
    /// The grant is gone: the person must sign in again.
    GrantGone,
    /// No tokens this time. The session keeps those that it has.
    Failed,
}

impl Refresh {
    pub(super) const ALL: [Self; 6] = [
        Self::Granted,
        Self::SignedOut,
        Self::NotStored,
        Self::AnotherWasFaster,
        Self::GrantGone,
        Self::Failed,
    ];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::SignedOut => "signed_out",
            Self::NotStored => "not_stored",
            Self::AnotherWasFaster => "another_was_faster",
            Self::GrantGone => "grant_gone",
            Self::Failed => "failed",
        }
    }
}

/// What became of a try to revoke the tokens of a session that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// They are void.
    Done,
    /// Their grant was gone already.
    GrantGone,
    /// Not this time. It is tried again.
    Failed,
    /// Not this time, and it has been tried for long enough.
    GivenUp,
}

impl Revocation {
    pub(super) const ALL: [Self; 4] = [Self::Done, Self::GrantGone, Self::Failed, Self::GivenUp];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::GrantGone => "grant_gone",
            Self::Failed => "failed",
            Self::GivenUp => "given_up",
        }
    }
}
