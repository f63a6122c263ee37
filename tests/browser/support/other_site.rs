//! A site of somebody else, who means no good.

use axum::Router;
use axum::http::header;
use axum::response::{AppendHeaders, Html, IntoResponse as _};
use tokio::net::TcpListener;

use super::DOMAIN;

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
        Self::serve(Router::new().fallback(async move || Html(page))).await
    }

    /// A server whose every answer sets `cookies`.
    pub(crate) async fn setting(cookies: Vec<String>) -> Self {
        let page = "<!doctype html><html lang=en><head><link rel=icon href='data:,'><title>Next door</title></head><body>Hello";
        Self::serve(Router::new().fallback(async move || {
            let set = cookies
                .iter()
                .map(|cookie| (header::SET_COOKIE, cookie.clone()));
            (AppendHeaders(set.collect::<Vec<_>>()), Html(page)).into_response()
        }))
        .await
    }

    async fn serve(routes: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(axum::serve(listener, routes).into_future());
        Self { port }
    }

    /// Its address as another site than the app's.
    pub(crate) fn cross_site(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Its address as a neighbour of an app behind TLS, by plain http, where whoever is on the network can speak for it.
    pub(crate) fn next_door(&self) -> String {
        format!("http://neighbour.{DOMAIN}:{}/", self.port)
    }

    /// Its address as another origin of the app's site: ports don't count for `SameSite`, so cookies are sent from there.
    pub(crate) fn same_site(&self) -> String {
        format!("http://localhost:{}/", self.port)
    }
}
