//! `GET /static/…`: the assets, compiled into the binary.

use std::sync::LazyLock;

use axum::extract::{Path, RawQuery};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256, Sha384};

struct Asset {
    name: &'static str,
    content_type: &'static str,
    content: &'static [u8],
}

const STYLESHEET: Asset = Asset {
    name: "style.css",
    content_type: "text/css; charset=utf-8",
    content: include_bytes!("../../static/style.css"),
};

const SHEETS_STYLESHEET: Asset = Asset {
    name: "sheets.css",
    content_type: "text/css; charset=utf-8",
    content: include_bytes!("../../static/sheets.css"),
};

const FLOW_STYLESHEET: Asset = Asset {
    name: "flow.css",
    content_type: "text/css; charset=utf-8",
    content: include_bytes!("../../static/flow.css"),
};

const SCRIPT: Asset = Asset {
    name: "comfort.js",
    content_type: "text/javascript; charset=utf-8",
    content: include_bytes!("../../static/comfort.js"),
};

const ICON: Asset = Asset {
    name: "icon.svg",
    content_type: "image/svg+xml",
    content: include_bytes!("../../static/icon.svg"),
};

const ROBOTS: Asset = Asset {
    name: "robots.txt",
    content_type: "text/plain; charset=utf-8",
    content: include_bytes!("../../static/robots.txt"),
};

const ASSETS: [Asset; 5] = [STYLESHEET, SHEETS_STYLESHEET, FLOW_STYLESHEET, SCRIPT, ICON];

impl Asset {
    /// Names this very content: 64 bits of its SHA-256.
    fn version(&self) -> String {
        hex::encode(&Sha256::digest(self.content)[..8])
    }

    fn url(&self) -> String {
        format!("/static/{}?v={}", self.name, self.version())
    }
}

/// The stylesheet's address. It changes with the content, so browsers may keep what they have for ever.
pub(super) fn stylesheet_url() -> &'static str {
    static URL: LazyLock<String> = LazyLock::new(|| STYLESHEET.url());
    &URL
}

/// The address of what the pages of sheets have beside it, likewise.
pub(super) fn sheets_stylesheet_url() -> &'static str {
    static URL: LazyLock<String> = LazyLock::new(|| SHEETS_STYLESHEET.url());
    &URL
}

/// The address of what the pages of the flow have beside it, likewise.
pub(super) fn flow_stylesheet_url() -> &'static str {
    static URL: LazyLock<String> = LazyLock::new(|| FLOW_STYLESHEET.url());
    &URL
}

/// The script's address, likewise.
pub(super) fn script_url() -> &'static str {
    static URL: LazyLock<String> = LazyLock::new(|| SCRIPT.url());
    &URL
}

/// What the script is, for browsers to compare (Subresource Integrity): text that came otherwise does not run.
pub(super) fn script_integrity() -> &'static str {
    static HASH: LazyLock<String> =
        LazyLock::new(|| format!("sha384-{}", STANDARD.encode(Sha384::digest(SCRIPT.content))));
    &HASH
}

/// The icon's address, likewise.
pub(super) fn icon_url() -> &'static str {
    static URL: LazyLock<String> = LazyLock::new(|| ICON.url());
    &URL
}

/// `GET /favicon.ico`, which browsers ask for on pages that name no icon, such as a profile's raw JSON.
pub(super) async fn icon() -> Response {
    answer(&ICON, "public, max-age=86400")
}

/// `GET /robots.txt`: the pages may be read; what starts a sign-in is not for robots (RFC 9309).
pub(super) async fn robots() -> Response {
    answer(&ROBOTS, "public, max-age=86400")
}

pub(super) async fn get(Path(name): Path<String>, RawQuery(query): RawQuery) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let is_this_version =
        query.is_some_and(|query| query.strip_prefix("v=") == Some(&asset.version()));
    let caching = if is_this_version {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    answer(asset, caching)
}

fn answer(asset: &Asset, caching: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, caching),
        // Caches on the way must not give what is compressed to those who did not ask for it.
        (header::VARY, "accept-encoding"),
    ];
    (headers, asset.content).into_response()
}
