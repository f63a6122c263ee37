//! Which parts of the sandbox a path belongs to.

/// Where tokens are issued and revoked.
pub(super) const TOKEN_PATH: &str = "/2.0/token";

/// Whether the path belongs to the API.
pub(super) fn is_api(path: &str) -> bool {
    path == "/2.0" || path.starts_with("/2.0/")
}

/// Whether the path is that of a sheet's rows, where changes are saved.
pub(super) fn is_rows(path: &str) -> bool {
    path.starts_with("/2.0/sheets/") && path.ends_with("/rows")
}

/// Whether the path belongs to what steers the sandbox.
pub(super) fn is_control(path: &str) -> bool {
    path == "/control" || path.starts_with("/control/")
}

/// Whether errors at this path have the API's form; at all others they are pages.
pub(super) fn speaks_json(path: &str) -> bool {
    is_api(path) || is_control(path)
}
