//! Serving a sandbox on its own.

use std::{io, pin::pin, time::Duration};

use axum::serve::ListenerExt;
use tokio::{net::TcpListener, sync::oneshot};

use super::Sandbox;

/// How long requests that are being answered may take once the server is asked to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Serves the sandbox at the root of `listener` until `shutdown` completes; requests that are being answered then get
/// five more seconds.
///
/// # Errors
///
/// When the listener fails in a way that waiting doesn't mend.
pub async fn serve(
    sandbox: Sandbox,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    // Answers are small: waiting to fill a packet would only delay them.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let (stopping, stopped) = oneshot::channel();
    let mut server = pin!(
        axum::serve(listener, sandbox.router())
            .with_graceful_shutdown(async move {
                shutdown.await;
                let _ = stopping.send(());
            })
            .into_future()
    );
    let grace_is_over = async {
        if stopped.await.is_ok() {
            tokio::time::sleep(GRACE).await;
        } else {
            // The server ended by itself and reports why.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        result = &mut server => result,
        () = grace_is_over => Ok(()),
    }
}
