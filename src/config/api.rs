//! The section `[api]`: Smartsheet's API for pages and back ends.

use super::source::Sources;
use super::{SettingError, parse, value};
use crate::gateway::api::AllowList;

/// The section `[api]`.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// `api.allow` (`API_ALLOW`): what may be called. Nothing turns the API off.
    pub allow: AllowList,
    /// `api.assertions` (`API_ASSERTIONS`): whether a site's back end may call with an assertion instead of the cookie.
    pub assertions: bool,
}

pub(super) fn read(sources: &Sources) -> Result<ApiSettings, SettingError> {
    Ok(ApiSettings {
        allow: value(sources, "api.allow", AllowList::parse)?,
        assertions: value(sources, "api.assertions", |text| {
            parse::one_of(text, &[("on", true), ("off", false)])
        })?,
    })
}
