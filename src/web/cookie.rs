//! The cookie: a bare pointer to the session, which tower-sessions' layer owns.

use std::sync::Arc;

use axum::RequestPartsExt as _;
use axum::extract::{FromRequestParts, Request};
use axum::handler::Handler;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get_service};
use futures_util::future::Either;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_sessions::cookie::SameSite;
use tower_sessions::{Expiry, Session, SessionManagerLayer};

use super::App;
use super::failure::Failure;
use crate::session::{Browser, Id, Store, Visit};

/// Browsers refuse a cookie with this prefix unless it is Secure, for this very host and for every path.
const SECURE_NAME: &str = "__Host-session";
const NAME: &str = "session";

fn name(app: &App) -> &'static str {
    if app.is_https() { SECURE_NAME } else { NAME }
}

/// What reads and writes the cookie. `Lax`, because the callback comes from Smartsheet's site and must bring the cookie;
/// `Strict` would lose every sign-in.
pub(super) fn layer(app: &App) -> SessionManagerLayer<Store> {
    let age = tower_sessions::cookie::time::Duration::try_from(app.session_lifetime)
        .unwrap_or(tower_sessions::cookie::time::Duration::MAX);
    SessionManagerLayer::new(app.store.clone())
        .with_name(name(app))
        .with_secure(app.is_https())
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(age))
}

/// `page`, which reads the session and never writes the cookie. It needs the layer only where cookies need a closer look: not
/// for who brings none, and not for who brings the session's alone. For a small page the layer is a tenth of the work.
pub(super) fn glance<T: 'static>(
    page: impl Handler<T, Arc<App>>,
    app: &Arc<App>,
) -> MethodRouter<Arc<App>> {
    let page = page.with_state(Arc::clone(app));
    let store = Arc::new(app.store.clone());
    let name = name(app);
    // Shared, because each request gets a copy of the route.
    let behind_layer = Arc::new(layer(app).layer(page.clone()));
    get_service(service_fn(move |mut request: Request| {
        let Some(id) = plain_id(&request, name) else {
            return Either::Left((*behind_layer).clone().oneshot(request));
        };
        let pointer = Session::new(id, Arc::clone(&store) as _, None);
        request.extensions_mut().insert(pointer);
        Either::Right(page.clone().oneshot(request))
    }))
}

/// The id that `request` brings, if any; `None` when that is not plain to see.
#[expect(clippy::option_option, reason = "no cookie is an answer, too")]
fn plain_id(request: &Request, name: &str) -> Option<Option<Id>> {
    let mut cookies = request.headers().get_all(header::COOKIE).iter();
    let Some(cookie) = cookies.next() else {
        return Some(None);
    };
    let (sent, value) = cookie.to_str().ok()?.split_once('=')?;
    let is_only = sent == name && cookies.next().is_none();
    is_only.then(|| value.parse().ok()).flatten().map(Some)
}

impl FromRequestParts<Arc<App>> for Browser {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let pointer = parts
            .extract::<Session>()
            .await
            .map_err(|(_, problem)| Failure::internal(problem).into_response())?;
        let Ok(visit) = parts.extract::<Visit>().await;
        Ok(Browser::new(
            pointer,
            app.store.clone(),
            app.flow.clone(),
            visit,
        ))
    }
}
