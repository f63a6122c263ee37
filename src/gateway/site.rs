//! The site of a request: from what a trusted proxy says, or else from `Host`. As bytes, until they are one of ours.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, header};
use url::Url;

use super::authority::{Authority, is_https_by, is_part_of_host, only};

const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A site that gets the signed-in person from here, or the app itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    origin: String,
    host: String,
    port: u16,
    is_https: bool,
}

/// Where a request was sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The app's own address.
    App,
    /// One of the sites.
    Site(Arc<Site>),
    /// Another address, or none that can be told.
    Elsewhere,
}

/// A place, and how it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Where.
    pub place: Place,
    /// Whether the host had a dot at its end: the same host, but for browsers another one, with other cookies.
    pub has_dot: bool,
}

/// The sites, and the app's own address.
#[derive(Debug, Clone)]
pub struct Sites {
    all: Vec<Arc<Site>>,
    app: Site,
    /// The port that the app listens at, where browsers of this machine reach it by any of its loopback names.
    own_port: Option<u16>,
}

impl Site {
    /// The site at `url`. `None` when that has no host or one that no `Host` could name.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        let host = url.host_str()?;
        let is_name = host.bytes().all(is_part_of_host) && !host.ends_with('.');
        is_name.then(|| Self::at(url))
    }

    fn at(url: &Url) -> Self {
        let host = url.host_str().unwrap_or_default();
        Self {
            origin: url.origin().ascii_serialization(),
            host: host.trim_end_matches('.').to_ascii_lowercase(),
            port: url.port_or_known_default().unwrap_or_default(),
            is_https: url.scheme() == "https",
        }
    }

    /// Scheme, host and port, as browsers write an origin.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether browsers reach it by TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// The port, also where it is the scheme's own.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is the site of `host`, asked by this scheme, if that is known.
    fn is_at(&self, host: &Authority, is_https: Option<bool>) -> bool {
        let own_port = if self.is_https { 443 } else { 80 };
        is_https.is_none_or(|is_https| is_https == self.is_https)
            && host.name == self.host
            && host.port.unwrap_or(own_port) == self.port
    }
}

impl Sites {
    /// `sites` beside an app at `base_url`, which listens at `own_port`, if it does at one. What has no host is left out, and so is
    /// the app itself.
    #[must_use]
    pub fn new(sites: &[Url], base_url: &Url, own_port: Option<u16>) -> Self {
        let app = Site::at(base_url);
        let sites = sites.iter().filter_map(Site::of);
        let sites = sites.filter(|site| *site != app).map(Arc::new).collect();
        let own_port = own_port.filter(|_| crate::transport::is_loopback(base_url));
        Self {
            all: sites,
            app,
            own_port,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All of them, as they were listed.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Site>> {
        self.all.iter()
    }

    /// The app's own address.
    #[must_use]
    pub fn app(&self) -> &Site {
        &self.app
    }

    /// The site of this origin.
    #[must_use]
    pub fn of_origin(&self, origin: &str) -> Option<&Arc<Site>> {
        self.all.iter().find(|site| site.origin == origin)
    }

    /// Where a request with `headers` was sent to. `X-Forwarded-Host` and `-Proto` count if it `is_from_proxy` that is trusted.
    ///
    /// Without sites, the app answers by any name.
    #[must_use]
    pub fn locate(&self, headers: &HeaderMap, is_from_proxy: bool) -> Located {
        if self.is_empty() {
            return Located {
                place: Place::App,
                has_dot: false,
            };
        }
        let located = self.find(headers, is_from_proxy);
        located.unwrap_or(Located {
            place: Place::Elsewhere,
            has_dot: false,
        })
    }

    fn find(&self, headers: &HeaderMap, is_from_proxy: bool) -> Option<Located> {
        let mut is_https = None;
        let mut host = None;
        if is_from_proxy {
            is_https = only(headers, &FORWARDED_PROTO)?.map(is_https_by);
            host = only(headers, &FORWARDED_HOST)?;
        }
        // A scheme that is none of ours leads nowhere.
        let is_https = match is_https {
            Some(known) => Some(known?),
            None => None,
        };
        let host = match host {
            Some(host) => host,
            None => only(headers, &header::HOST)??,
        };
        let host = Authority::read(host)?;
        let place = if self.app.is_at(&host, is_https) {
            Place::App
        } else if let Some(site) = self.all.iter().find(|site| site.is_at(&host, is_https)) {
            Place::Site(Arc::clone(site))
        } else if host.is_loopback() && host.port.is_some() && host.port == self.own_port {
            Place::App
        } else {
            return None;
        };
        Some(Located {
            place,
            has_dot: host.has_dot,
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn sites() -> Sites {
        let url = |text: &str| Url::parse(text).unwrap();
        let sites = [
            "https://wiki.example.com",
            "http://a.localhost:3000",
            "https://[2001:db8::1]:8443",
            "https://app.example.com",
        ];
        Sites::new(&sites.map(url), &url("https://app.example.com"), Some(8080))
    }

    fn place(pairs: &[(&str, &[u8])], is_from_proxy: bool) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name = HeaderName::try_from(*name).unwrap();
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        match sites().locate(&headers, is_from_proxy).place {
            Place::App => "app".to_owned(),
            Place::Site(site) => site.origin().to_owned(),
            Place::Elsewhere => "elsewhere".to_owned(),
        }
    }

    #[test]
    fn by_host_alone() {
        for (host, expected) in [
            ("wiki.example.com", "https://wiki.example.com"),
            ("WIKI.Example.COM:443", "https://wiki.example.com"),
            ("wiki.example.com.", "https://wiki.example.com"),
            ("a.localhost:3000", "http://a.localhost:3000"),
            ("[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
            ("app.example.com", "app"),
            ("wiki.example.com:80", "elsewhere"),
            ("wiki.example.com:0443x", "elsewhere"),
            ("wiki.example.com:", "elsewhere"),
            ("wiki.example.com..", "elsewhere"),
            ("a.localhost", "elsewhere"),
            ("ann@wiki.example.com", "elsewhere"),
            ("wiki.example.com/", "elsewhere"),
            ("wiki.example.com, wiki.example.com", "elsewhere"),
            ("wiki.example.com\t", "elsewhere"),
            ("xwiki.example.com", "elsewhere"),
            // The app is not on this machine alone.
            ("localhost:8080", "elsewhere"),
            ("", "elsewhere"),
        ] {
            assert_eq!(
                place(&[("host", host.as_bytes())], false),
                expected,
                "{host}"
            );
        }
        assert_eq!(place(&[], false), "elsewhere");
        assert_eq!(
            place(&[("host", b"wiki.example.com\xff")], false),
            "elsewhere"
        );
    }

    #[test]
    fn a_proxy_is_believed_when_it_is_trusted() {
        let said: [(&str, &[u8]); 3] = [
            ("host", b"app.example.com"),
            ("x-forwarded-host", b"wiki.example.com"),
            ("x-forwarded-proto", b"HTTPS"),
        ];
        assert_eq!(place(&said, true), "https://wiki.example.com");
        assert_eq!(place(&said, false), "app");
        // Each alone.
        assert_eq!(place(&said[..2], true), "https://wiki.example.com");
        assert_eq!(place(&[said[0], said[2]], true), "app");
        for (name, value) in [
            ("x-forwarded-host", &b"wiki.example.com"[..]),
            ("x-forwarded-proto", b"https"),
        ] {
            // A second one, even the same.
            let twice = [&said[..], &[(name, value)]].concat();
            assert_eq!(place(&twice, true), "elsewhere");
        }
        for (host, scheme) in [
            (&b"wiki.example.com, app.example.com"[..], &b"https"[..]),
            (b"wiki.example.com", b"http"),
            (b"wiki.example.com", b"https, https"),
            (b"wiki.example.com", b"ftp"),
            (b"wiki.example.com", b""),
            (b"", b"https"),
            (b"wiki.example.com/auth", b"https"),
            (b"ann@wiki.example.com", b"https"),
        ] {
            let said: [(&str, &[u8]); 3] = [
                ("host", b"app.example.com"),
                ("x-forwarded-host", host),
                ("x-forwarded-proto", scheme),
            ];
            assert_eq!(place(&said, true), "elsewhere", "{said:?}");
        }
    }

    #[test]
    fn on_this_machine_the_app_has_all_of_its_names() {
        let url = |text: &str| Url::parse(text).unwrap();
        let sites = [url("http://localhost:3000")];
        let sites = Sites::new(&sites, &url("http://localhost:8080"), Some(4711));
        let place = |host: &'static str| {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
            sites.locate(&headers, false).place
        };
        for host in [
            "localhost:8080",
            "localhost:4711",
            "127.0.0.1:4711",
            "[::1]:4711",
        ] {
            assert_eq!(place(host), Place::App, "{host}");
        }
        for host in [
            "localhost:3001",
            "127.0.0.1:3000",
            "localhost",
            "evil.example:4711",
        ] {
            assert_eq!(place(host), Place::Elsewhere, "{host}");
        }
        assert!(matches!(place("localhost:3000"), Place::Site(_)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(host in proptest::collection::vec(prop_oneof![Just(b'\t'), 0x20_u8..=0x7e, 0x80_u8..], 0..40)) {
            place(&[("host", &host)], false);
            place(&[("x-forwarded-host", &host), ("x-forwarded-proto", &host)], true);
        }
    }
}
