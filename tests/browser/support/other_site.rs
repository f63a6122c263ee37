//! A site of somebody else, who means no good.

use axum::Router;
use axum::response::Html;
use tokio::net::TcpListener;

/// A server that answers everything with the same page, until the test ends.
pub(crate) struct OtherSite {
    port: u16,
}

impl OtherSite {
    /// Serves a page with `body`, which may contain scripts.
    pub(crate) async fn with(body: &str) -> Self {
        // Without an icon in the page the browser would ask for one, and show a failure that is not the app's.
        let page = format!(
            "<!doctype html><html lang=en><head><link rel=icon href='data:,'><title>Elsewhere</title></head><body>{body}"
        );
        let routes = Router::new().fallback(async move || Html(page));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(axum::serve(listener, routes).into_future());
        Self { port }
    }

    /// Its address as another site than the app's.
    pub(crate) fn cross_site(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Its address as another origin of the app's site: ports don't count for `SameSite`, so cookies are sent from there.
    pub(crate) fn same_site(&self) -> String {
        format!("http://localhost:{}/", self.port)
    }
}
