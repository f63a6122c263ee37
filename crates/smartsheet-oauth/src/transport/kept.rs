//! Which connections are kept from an earlier call. A server may close one just as the next request is sent.

use std::collections::HashSet;
use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpInfo;
use reqwest::Response;

/// How many connections are remembered. Those that were forgotten count as new ones.
const MAX: usize = 4096;

/// The two ends of a connection: ours and the server's.
type Ends = (SocketAddr, SocketAddr);

/// Connections that have carried an answer. Clones are the same list.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept(Arc<Mutex<HashSet<Ends>>>);

impl Kept {
    /// The connection of `response` has carried an answer, and may be used again.
    pub(super) fn answered(&self, response: &Response) {
        if let Some(info) = response.extensions().get() {
            let mut list = self.list();
            if list.len() >= MAX {
                list.clear();
            }
            list.insert(ends(info));
        }
    }

    /// Whether `error`, of a request that got no answer, is the end of a connection that had carried an answer before: the
    /// server closed it, and does not even know of the request in all likelihood (RFC 9112 section 9.3.1).
    pub(super) fn ended(&self, error: &reqwest::Error) -> bool {
        let (mut is_end, mut connection) = (false, None);
        let mut source = error.source();
        while let Some(cause) = source {
            if let Some(error) = cause.downcast_ref::<legacy::Error>() {
                connection = error.connect_info().and_then(|connected| {
                    let mut found = hyper::Request::new(());
                    connected.get_extras(found.extensions_mut());
                    found.extensions().get().map(ends)
                });
            }
            is_end |= cause
                .downcast_ref::<hyper::Error>()
                .is_some_and(hyper::Error::is_incomplete_message);
            is_end |= cause.downcast_ref().is_some_and(is_end_of_connection);
            source = cause.source();
        }
        connection.is_some_and(|ends| self.list().remove(&ends)) && is_end
    }

    fn list(&self) -> std::sync::MutexGuard<'_, HashSet<Ends>> {
        // Each use is one operation on the set, so a panic can't leave it half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ends(info: &HttpInfo) -> Ends {
    (info.local_addr(), info.remote_addr())
}

fn is_end_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof
    )
}
