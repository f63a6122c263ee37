//! Turning away whom the sandbox does not answer, see [`Access`].

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    access::{Access, ControlAccess, HostName, Peer},
    api_error::ApiError,
    grants::Millis,
    limiter::Limiter,
    options::OpenError,
    pages,
    paths::{is_control, speaks_json},
};

/// What proxies say of whom they pass on. A request with one of them is not this machine's own, whoever brings it.
const FORWARDED: [&str; 5] = [
    "x-forwarded-for",
    "x-forwarded-host",
    "x-real-ip",
    "forwarded",
    "via",
];

/// The rules, ready to be applied.
pub(super) struct Guard {
    hosts: Option<Vec<HostName>>,
    control: ControlAccess,
    /// Of the control endpoints, for all other machines together.
    limiter: Limiter<()>,
}

/// Why a request is turned away.
pub(super) enum Refusal {
    Host,
    OtherSite,
    OtherMachine,
    TooOften(ApiError),
}

impl Guard {
    /// # Errors
    ///
    /// When one of the hosts is neither a name nor an address.
    pub(super) fn new(access: Access) -> Result<Self, OpenError> {
        let read = |host: String| {
            let name = HostName::read(host.as_bytes());
            name.ok_or(OpenError::Host(host))
        };
        let hosts = access
            .hosts
            .map(|hosts| hosts.into_iter().map(read).collect());
        let limit = match access.control {
            ControlAccess::Limited(a_minute) => Some(a_minute.get()),
            ControlAccess::Anybody | ControlAccess::ThisMachine => None,
        };
        Ok(Self {
            hosts: hosts.transpose()?,
            control: access.control,
            limiter: Limiter::new(limit),
        })
    }

    /// Whether the request may go on.
    pub(super) fn check(&self, request: &Request, now: Millis) -> Result<(), Refusal> {
        let headers = request.headers();
        if !self.is_asked_by_a_known_name(request) {
            return Err(Refusal::Host);
        }
        if !is_control(request.uri().path()) {
            return Ok(());
        }
        if is_of_another_site(headers) {
            return Err(Refusal::OtherSite);
        }
        match self.control {
            ControlAccess::Anybody => Ok(()),
            _ if is_of_this_machine(request) => Ok(()),
            ControlAccess::ThisMachine => Err(Refusal::OtherMachine),
            ControlAccess::Limited(_) => self.limiter.take(&(), now).map_err(Refusal::TooOften),
        }
    }

    /// Each name counts that the request brings: there may be one in its target, too (RFC 9112 section 3.2.2). Without any it
    /// is not a browser's.
    fn is_asked_by_a_known_name(&self, request: &Request) -> bool {
        let Some(hosts) = &self.hosts else {
            return true;
        };
        all_names(request, |name| name.is_loopback() || hosts.contains(name))
    }
}

/// Whether each host that the request names `is_right`.
fn all_names(request: &Request, is_right: impl Fn(&HostName) -> bool) -> bool {
    let target = request.uri().authority();
    let target = target.map(|authority| authority.as_str().as_bytes());
    let lines = request.headers().get_all(header::HOST);
    let mut names = lines.iter().map(HeaderValue::as_bytes).chain(target);
    names.all(|name| HostName::read(name).is_some_and(|name| is_right(&name)))
}

/// A proxy on this machine is a peer as close as the machine itself. It is told by the headers that it adds, or if it adds none, by
/// the name that it is known by.
fn is_of_this_machine(request: &Request) -> bool {
    let headers = request.headers();
    let is_forwarded = FORWARDED.iter().any(|name| headers.contains_key(*name));
    let peer = request.extensions().get::<Peer>();
    let is_own = peer.is_some_and(|Peer(address)| address.to_canonical().is_loopback());
    is_own && !is_forwarded && all_names(request, HostName::is_loopback)
}

/// Whether a browser sends it for a page that is not the sandbox's. `Sec-Fetch-Site` and `Origin` are set by browsers and never
/// by pages; each must speak for the sandbox where it is there. Whoever sends neither is no browser.
///
/// A page without an origin that it wants to tell sends `Origin: null`, as frames of other sites may: without
/// `Sec-Fetch-Site`, nobody knows whose it is.
fn is_of_another_site(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all("sec-fetch-site").iter();
    let says_site = headers.contains_key("sec-fetch-site");
    let site_is_ours = sites.all(|site| site == "same-origin" || site == "none");
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
    let origin_is_ours = headers.get_all(header::ORIGIN).iter().all(|origin| {
        let origin = origin.as_bytes();
        let place = origin.windows(3).position(|part| part == b"://");
        match place {
            None => origin == b"null" && says_site,
            Some(place) => {
                let from = origin.get(place + 3..).unwrap_or_default();
                host.is_some_and(|host| host.eq_ignore_ascii_case(from))
            }
        }
    });
    !(site_is_ours && origin_is_ours)
}

impl Refusal {
    /// What whoever is turned away is told; the log is told, too.
    pub(super) fn answer(self, request: &Request) -> Response {
        let path = request.uri().path();
        let (status, why) = match self {
            Self::Host => (
                StatusCode::MISDIRECTED_REQUEST,
                "The sandbox is not known by the name in this address.",
            ),
            Self::OtherSite => (
                StatusCode::FORBIDDEN,
                "The sandbox is not steered by pages of other sites.",
            ),
            Self::OtherMachine => (
                StatusCode::FORBIDDEN,
                "This sandbox is steered from its own machine alone, without a proxy in between.",
            ),
            Self::TooOften(error) => {
                tracing::info!("the sandbox is steered too often");
                return error.into_response();
            }
        };
        let peer = request.extensions().get::<Peer>();
        tracing::info!(
            status = status.as_u16(),
            peer = peer.map(|Peer(address)| tracing::field::display(*address)),
            host = ?request.headers().get(header::HOST).map(|host| Start(host.as_bytes())),
            "the sandbox turned a request away: {why}"
        );
        if speaks_json(path) {
            ApiError::turned_away(status, why).into_response()
        } else {
            pages::error_at(status, "Not this way", why, path, None)
        }
    }
}

/// The start of what anybody may have sent, for the log.
struct Start<'a>(&'a [u8]);

impl std::fmt::Debug for Start<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let start = self.0.get(..100).unwrap_or(self.0);
        write!(f, "\"{}\"", start.escape_ascii())
    }
}
