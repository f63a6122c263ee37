//! A client of HTTP that shows what a server said.

use reqwest::{Client, ClientBuilder, redirect};

/// One that follows no redirect and keeps no cookie.
#[must_use]
pub fn http_client() -> Client {
    http_client_builder().build().unwrap()
}

/// The same, with more to choose.
pub fn http_client_builder() -> ClientBuilder {
    // The app does the same; whoever is second changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(redirect::Policy::none())
        .tls_certs_only([])
        .no_proxy()
}
