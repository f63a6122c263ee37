//! Sign in with Smartsheet: OAuth 2.0's authorization code grant (RFC 6749) as Smartsheet speaks it, and the API behind the
//! token.
//!
//! Five messages, five calls. The crate knows no web framework, no storage and no template: it fits into any app that runs on
//! tokio. Read [`Client`] first, then [`Callback`] and [`Token`]; [`api::Api`] calls Smartsheet with the token.
//!
//! | message | here |
//! | --- | --- |
//! | the browser is sent to Smartsheet | [`Client::authorization_url`] with a fresh [`State`] |
//! | Smartsheet sends it back | [`Callback::parse`] |
//! | the code becomes tokens | [`Client::exchange_code`] |
//! | the tokens become new ones | [`Client::refresh`], when [`Token::expires_within`] says so |
//! | the tokens are given back | [`Client::revoke`] |
//!
//! # Building the URL
//!
//! ```
//! use smartsheet_oauth::{Client, ClientAuthentication, Endpoints, Registration, Scope, State, rand};
//! use smartsheet_oauth::transport::{Limits, Transport};
//!
//! let endpoints = Endpoints {
//!     authorize: "https://app.smartsheet.com/b/authorize".parse()?,
//!     token: "https://api.smartsheet.com/2.0/token".parse()?,
//! };
//! # let endpoints = Endpoints { token: "http://127.0.0.1:9/token".parse()?, ..endpoints };
//! let registration = Registration {
//!     client_id: "CLIENT_ID".to_owned(),
//!     client_secret: "CLIENT_SECRET".into(),
//!     redirect_uri: "http://localhost:8080/redirect".parse()?,
//!     authentication: ClientAuthentication::Hash,
//! };
//! let transport = Transport::new(&[&endpoints.token], "my-app/1.0", Limits::default())?;
//! let client = Client::new(registration, endpoints, transport);
//!
//! let state = State::random(&mut rand::rng()); // keep it with the browser's session
//! let url = client.authorization_url(&[Scope::ReadSheets, Scope::WriteSheets], &state);
//! assert!(url.as_str().starts_with(
//!     "https://app.smartsheet.com/b/authorize?response_type=code&client_id=CLIENT_ID\
//!      &redirect_uri=http%3A%2F%2Flocalhost%3A8080%2Fredirect&scope=READ_SHEETS+WRITE_SHEETS&state="
//! ));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Exchanging a code, asking whether a token has expired, refreshing
//!
//! ```
//! # use smartsheet_oauth::*;
//! # use smartsheet_oauth::transport::{Limits, Transport};
//! # use std::io::{Read, Write};
//! # // A token endpoint that issues "access-1", "access-2" and so on.
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let address = listener.local_addr()?;
//! # std::thread::spawn(move || listener.incoming().enumerate().try_for_each(|(n, stream)| {
//! #     let (mut stream, mut request) = (stream?, Vec::new());
//! #     while !String::from_utf8_lossy(&request).contains("hash=") {
//! #         let mut part = [0; 2048];
//! #         let read = stream.read(&mut part)?;
//! #         request.extend_from_slice(&part[..read]);
//! #     }
//! #     let n = n + 1;
//! #     let body = format!(r#"{{"access_token":"access-{n}","token_type":"bearer","refresh_token":"refresh-{n}","expires_in":604799}}"#);
//! #     write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
//! # }));
//! # let endpoints = Endpoints { authorize: "http://127.0.0.1/b/authorize".parse()?, token: format!("http://{address}/2.0/token").parse()? };
//! # let registration = Registration {
//! #     client_id: "CLIENT_ID".to_owned(), client_secret: "CLIENT_SECRET".into(),
//! #     redirect_uri: "http://localhost:8080/redirect".parse()?, authentication: ClientAuthentication::Hash,
//! # };
//! # let transport = Transport::new(&[&endpoints.token], "my-app/1.0", Limits::default())?;
//! # let client = Client::new(registration, endpoints, transport);
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use std::time::Duration;
//! use smartsheet_oauth::jiff::Timestamp;
//!
//! // In the handler of the redirect URL, with the query of the request:
//! let callback = Callback::parse("code=sample6p9qisx6a&expires_in=599135&state=MY_STATE")?;
//! // … only after `callback.state` was found with this browser:
//! let code = callback.outcome?;
//! let token = client.exchange_code(&code, Timestamp::now()).await?;
//! assert_eq!(token.access_token.expose(), "access-1");
//!
//! // Before each call to the API:
//! let margin = Duration::from_secs(5 * 60);
//! assert!(!token.expires_within(margin, Timestamp::now()));
//!
//! // Seven days later. The old pair is void from here on: store the new one before using it.
//! let refresh_token = token.refresh_token.ok_or("Smartsheet always issues one")?;
//! let token = client.refresh(&refresh_token, Timestamp::now()).await?;
//! assert_eq!(token.access_token.expose(), "access-2");
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Restoring a client from a stored token
//!
//! The client keeps nothing, so there is nothing to restore but the [`Token`], which serialises (in clear: seal what you
//! store):
//!
//! ```
//! use smartsheet_oauth::Token;
//! let stored = r#"{"access_token":"ll352u9jujauoqz4gstvsae05","refresh_token":"e9x352a9mp4151le2505",
//!                  "expires_at":"2026-11-28T12:00:00Z"}"#;
//! let token: Token = serde_json::from_str(stored)?;
//! let authorization = format!("Bearer {}", token.access_token.expose());
//! assert_eq!(authorization, "Bearer ll352u9jujauoqz4gstvsae05");
//! # Ok::<(), serde_json::Error>(())
//! ```

#![forbid(unsafe_code)]

pub mod api;
mod authorization;
mod authorization_error;
mod callback;
mod client;
mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod hash;
pub mod json;
pub mod masking;
mod refusal;
mod region;
mod scope;
mod secret;
mod token;
pub mod transport;

pub use authorization_error::AuthorizationError;
pub use callback::{Callback, CallbackError, MAX_VALUE_BYTES};
pub use client::{Client, ClientAuthentication, Endpoints, Registration, Revoked};
pub use error::OAuthError;
pub use hash::hash;
pub use refusal::Refusal;
pub use region::Region;
pub use scope::{Scope, UnknownScope};
pub use secret::{AccessToken, AuthorizationCode, RefreshToken, State};
pub use token::Token;

/// The crates whose types are part of this one's interface, in the versions that fit.
pub use {jiff, rand, reqwest, secrecy, url};

/// The README's examples, compiled with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
