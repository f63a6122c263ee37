//! Where in this program a step is.

use crate::flow::Step;

/// Where this program can be read, or nothing (`repository` in `Cargo.toml`).
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// A file of this program.
pub(super) struct SourceFile {
    pub(super) path: &'static str,
    /// Where it can be read, if that is known.
    pub(super) url: Option<String>,
}

impl SourceFile {
    /// The file to read about `step`.
    pub(super) fn of(step: Step) -> Self {
        let path = path(step);
        let has_address = REPOSITORY.starts_with("https://");
        Self {
            path,
            url: has_address.then(|| format!("{REPOSITORY}/blob/main/{path}")),
        }
    }
}

fn path(step: Step) -> &'static str {
    match step {
        Step::SignIn => "src/web/login.rs",
        Step::Consent => "crates/smartsheet-oauth/src/authorization.rs",
        Step::Callback => "src/web/redirect.rs",
        Step::CodeExchange => "crates/smartsheet-oauth/src/client.rs",
        Step::Refresh => "src/session/refresh.rs",
        Step::Revocation => "src/session/revocations.rs",
        Step::CurrentUser => "crates/smartsheet-oauth/src/api/profile.rs",
        Step::Profile => "src/web/me.rs",
        Step::RefreshNow => "src/web/refresh.rs",
        Step::OpenSheets => "src/web/sheets/table.rs",
        Step::SubmitRow => "src/web/sheets/write.rs",
        Step::ListSheets => "crates/smartsheet-oauth/src/api/sheets.rs",
        Step::ReadSheet => "crates/smartsheet-oauth/src/api/sheet.rs",
        Step::CellHistory => "crates/smartsheet-oauth/src/api/history.rs",
        Step::SaveRow => "crates/smartsheet-oauth/src/api/rows.rs",
        Step::SignOut => "src/web/logout.rs",
        Step::PassOn => "src/gateway/api/calls.rs",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_there() {
        for step in [
            Step::SignIn,
            Step::Consent,
            Step::Callback,
            Step::CodeExchange,
            Step::Refresh,
            Step::Revocation,
            Step::CurrentUser,
            Step::Profile,
            Step::RefreshNow,
            Step::OpenSheets,
            Step::SubmitRow,
            Step::ListSheets,
            Step::ReadSheet,
            Step::CellHistory,
            Step::SaveRow,
            Step::SignOut,
            Step::PassOn,
        ] {
            let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
            assert!(root.join(path(step)).is_file(), "{step:?}");
        }
    }
}
