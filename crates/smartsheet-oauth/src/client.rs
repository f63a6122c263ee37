//! The client's side of the token endpoint: exchange, refresh, revocation.

use std::sync::Arc;

use jiff::Timestamp;
use reqwest::{Method, header};
use secrecy::{ExposeSecret, SecretString};
use url::{Url, form_urlencoded};

use super::{
    AccessToken, AuthorizationCode, OAuthError, RefreshToken, Scope, State, Token, authorization,
    hash,
};
use crate::transport::{Answer, Observer, Over, Purpose, Transport};

/// How the app proves to be the app that was registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientAuthentication {
    /// By `hash`, made from the secret and the credential (see [`hash`]). The secret itself is never sent.
    #[default]
    Hash,
    /// By `client_secret` in the body (RFC 6749 section 2.3.1).
    Secret,
}

/// The app, as it is registered in Smartsheet's Developer Tools.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The app's client id. Not a secret.
    pub client_id: String,
    /// The app's secret.
    pub client_secret: SecretString,
    /// Where Smartsheet sends the browser back to. Must equal the registered one to the letter.
    pub redirect_uri: Url,
    /// How the app proves to be itself.
    pub authentication: ClientAuthentication,
}

impl Registration {
    /// An app that proves itself by [`ClientAuthentication::Hash`], as Smartsheet's documentation does.
    #[must_use]
    pub fn new(client_id: &str, client_secret: SecretString, redirect_uri: Url) -> Self {
        Self {
            client_id: client_id.to_owned(),
            client_secret,
            redirect_uri,
            authentication: ClientAuthentication::default(),
        }
    }
}

/// The two addresses of an authorization server.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// The authorization endpoint, where browsers are sent to (RFC 6749 section 3.1).
    pub authorize: Url,
    /// The token endpoint (RFC 6749 section 3.2).
    pub token: Url,
}

/// An OAuth 2.0 client for the authorization code grant as Smartsheet speaks it. Cheap to clone, keeps no tokens.
#[derive(Debug, Clone)]
pub struct Client {
    app: Arc<App>,
    transport: Transport,
}

#[derive(Debug)]
struct App {
    registration: Registration,
    endpoints: Endpoints,
}

/// What came of a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    /// The pair is void.
    Done,
    /// The access token is not accepted: it has expired, or is void already. Its refresh token may still live.
    NotAccepted,
}

impl Client {
    /// A client of `endpoints` for the app of `registration`, sending through `transport`.
    #[must_use]
    pub fn new(registration: Registration, endpoints: Endpoints, transport: Transport) -> Self {
        let app = App {
            registration,
            endpoints,
        };
        Self {
            app: Arc::new(app),
            transport,
        }
    }

    /// The same client, with one more that sees its requests to the token endpoint.
    #[must_use]
    pub fn observed_by(&self, observer: Arc<dyn Observer>) -> Self {
        Self {
            app: Arc::clone(&self.app),
            transport: self.transport.observed_by(observer),
        }
    }

    /// The app's client id, which is no secret.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.app.registration.client_id
    }

    /// The token endpoint (RFC 6749 section 3.2).
    #[must_use]
    pub fn token_url(&self) -> &Url {
        &self.app.endpoints.token
    }

    /// The URL that asks a person for `scopes` (RFC 6749 section 4.1.1). Keep `state` with the browser until it comes back.
    #[must_use]
    pub fn authorization_url(&self, scopes: &[Scope], state: &State) -> Url {
        let App {
            registration,
            endpoints,
        } = &*self.app;
        authorization::url(&endpoints.authorize, registration, scopes, state)
    }

    /// Exchanges `code` for tokens (RFC 6749 section 4.1.3). `now` is the time before the request.
    ///
    /// Sent once and never repeated: the code is spent with the first request, and RFC 6749 section 4.1.2 lets a server
    /// revoke what it issued when it sees the code again.
    ///
    /// # Errors
    ///
    /// [`OAuthError`], by what the caller can do about it.
    pub async fn exchange_code(
        &self,
        code: &AuthorizationCode,
        now: Timestamp,
    ) -> Result<Token, OAuthError> {
        // Smartsheet calls `redirect_uri` deprecated here but takes it; RFC 6749 section 4.1.3 requires it.
        let grant = [
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", self.app.registration.redirect_uri.as_str()),
        ];
        self.request_token(Purpose::CodeExchange, &grant, code.expose(), now)
            .await
    }

    /// Asks for a new pair of tokens with `refresh_token` (RFC 6749 section 6). `now` is the time before the request.
    ///
    /// Smartsheet's refresh tokens work once: with a success the old pair is void, so the new one must be stored before it
    /// is used, and only one such request may be under way for a refresh token.
    ///
    /// # Errors
    ///
    /// [`OAuthError`]; [`OAuthError::is_final`] says whether the grant is gone.
    pub async fn refresh(
        &self,
        refresh_token: &RefreshToken,
        now: Timestamp,
    ) -> Result<Token, OAuthError> {
        let grant = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose()),
        ];
        let mut token = self
            .request_token(Purpose::Refresh, &grant, refresh_token.expose(), now)
            .await?;
        // RFC 6749 section 6: a server that sends no new refresh token leaves the old one valid.
        token
            .refresh_token
            .get_or_insert_with(|| refresh_token.clone());
        Ok(token)
    }

    /// Revokes the pair that `access_token` belongs to (Smartsheet's documentation, "Revoke access token").
    ///
    /// # Errors
    ///
    /// [`OAuthError`]; a token that is not accepted is none, see [`Revoked::NotAccepted`].
    pub async fn revoke(&self, access_token: &AccessToken) -> Result<Revoked, OAuthError> {
        let request = self
            .transport
            .request(Method::DELETE, self.app.endpoints.token.clone())
            .bearer_auth(access_token.expose());
        let secrets = [access_token.expose()];
        let read = |answer: &Answer| {
            if answer.status.is_success() {
                return told(answer, &secrets).map_or(Ok(Revoked::Done), Err);
            }
            if answer.status == reqwest::StatusCode::UNAUTHORIZED {
                return Ok(Revoked::NotAccepted);
            }
            Err(refused(answer, &secrets))
        };
        self.transport
            .send_and_read(Over::Any, Purpose::Revocation, 1, request, read)
            .await?
    }

    /// One request to the token endpoint: the parameters of `grant`, the client's id and its proof, in the form body.
    async fn request_token(
        &self,
        purpose: Purpose,
        grant: &[(&str, &str)],
        credential: &str,
        now: Timestamp,
    ) -> Result<Token, OAuthError> {
        let Registration {
            client_id,
            client_secret,
            authentication,
            ..
        } = &self.app.registration;
        let hash = hash(client_secret, credential);
        let proof = match authentication {
            ClientAuthentication::Hash => ("hash", hash.as_str()),
            ClientAuthentication::Secret => ("client_secret", client_secret.expose_secret()),
        };
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(grant)
            .append_pair("client_id", client_id)
            .append_pair(proof.0, proof.1)
            .finish();
        let request = self
            .transport
            .request(Method::POST, self.app.endpoints.token.clone())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(body);
        let secrets = [credential, client_secret.expose_secret(), &hash];
        let read = |answer: &Answer| {
            if !answer.status.is_success() {
                return Err(refused(answer, &secrets));
            }
            Token::parse(&answer.body, now)
                .map_err(|malformed| told(answer, &secrets).unwrap_or(malformed))
        };
        self.transport
            .send_and_read(Over::Any, purpose, 1, request, read)
            .await?
    }
}

/// The error of an answer that is none by its status.
fn refused(answer: &Answer, secrets: &[&str]) -> OAuthError {
    let error = OAuthError::from_refusal(answer.status, &answer.body, secrets);
    error.with_retry_after(answer.retry_after)
}

/// The error that an answer tells of although its status is that of a success.
fn told(answer: &Answer, secrets: &[&str]) -> Option<OAuthError> {
    let error = OAuthError::told_with_success(answer.status, &answer.body, secrets)?;
    Some(error.with_retry_after(answer.retry_after))
}
