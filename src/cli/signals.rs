//! When the server is to stop.

/// Comes true on SIGTERM, which containers are stopped with, and on Ctrl-C.
pub(super) fn stop_signal() -> impl Future<Output = ()> + Send {
    let (terminate, interrupt) = (system::terminate(1), system::interrupt());
    async {
        tokio::select! {
            () = terminate => {}
            () = interrupt => {}
        }
    }
}

/// Comes true on Ctrl-C, and on a second SIGTERM: then nobody wants to wait for a balancer to notice.
pub(super) fn hurry_signal() -> impl Future<Output = ()> + Send {
    let (terminate, interrupt) = (system::terminate(2), system::interrupt());
    async {
        tokio::select! {
            () = terminate => {}
            () = interrupt => {}
        }
    }
}

/// What the system says to a process. It is caught from the call on, not only once it is awaited: a stop right after the
/// start must be in good order, too.
#[cfg(unix)]
mod system {
    use tokio::signal::unix::{SignalKind, signal};

    /// Comes true at the SIGTERM of this number.
    pub(super) fn terminate(number: u32) -> impl Future<Output = ()> + Send {
        received(SignalKind::terminate(), number)
    }

    /// Comes true on Ctrl-C.
    pub(super) fn interrupt() -> impl Future<Output = ()> + Send {
        received(SignalKind::interrupt(), 1)
    }

    fn received(kind: SignalKind, number: u32) -> impl Future<Output = ()> + Send {
        let caught = signal(kind);
        async move {
            match caught {
                Ok(mut signal) => {
                    for _ in 0..number {
                        signal.recv().await;
                    }
                }
                // The operating system gave no handler, so its own way of stopping this process is in force.
                Err(_) => std::future::pending().await,
            }
        }
    }
}

/// Elsewhere there is Ctrl-C alone.
#[cfg(not(unix))]
mod system {
    pub(super) async fn terminate(_: u32) {
        std::future::pending().await
    }

    pub(super) async fn interrupt() {
        let _ = tokio::signal::ctrl_c().await;
    }
}
