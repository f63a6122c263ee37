//! What the server asks of the pages.

use std::sync::Arc;

use crate::server::Hooks;
use crate::web::{self, App};

/// The answers of the pages to what the server asks.
pub(super) fn hooks(app: &Arc<App>) -> Hooks {
    let refusing = Arc::clone(app);
    Hooks {
        proxies: app.settings.trusted_proxies.clone(),
        refuse: Arc::new(move |client, status| web::refusal(&refusing, client, status)),
        stopping: app.running.stopping.clone(),
    }
}
