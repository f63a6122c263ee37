//! Calls to this machine by way of a socket in the file system.

use std::path::Path;

use super::{Limits, Transport, client};

impl Transport {
    /// A client whose every call goes to the server that listens at `socket`, whatever host its URL names.
    ///
    /// # Errors
    ///
    /// When the client can't be set up, and on systems without such sockets.
    pub fn through(
        socket: &Path,
        user_agent: &str,
        limits: Limits,
    ) -> Result<Self, reqwest::Error> {
        let builder = || {
            let client = client(user_agent, limits).no_proxy().tls_certs_only([]);
            #[cfg(unix)]
            let client = client.unix_socket(socket);
            #[cfg(not(unix))]
            let _ = socket;
            client
        };
        Self::built(builder, limits)
    }
}
