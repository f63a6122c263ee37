//! The section `[sandbox]`.

use super::source::Sources;
use super::{SettingError, parse, value};

/// The section `[sandbox]`: the stand-in for Smartsheet that is mounted in sandbox mode.
#[derive(Debug, Clone, Copy)]
pub struct SandboxSettings {
    /// `sandbox.control`: who may tell it to fail, to expire tokens and the like.
    pub control: SandboxControl,
}

/// Who may steer the mounted sandbox. No page of another site ever may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SandboxControl {
    /// This machine alone, without a proxy in between.
    Local,
    /// Whoever reaches the app.
    Open,
}

impl SandboxControl {
    const ALL: [(&str, Self); 2] = [("local", Self::Local), ("open", Self::Open)];

    /// The name in the settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Open => "open",
        }
    }
}

pub(super) fn read(sources: &Sources) -> Result<SandboxSettings, SettingError> {
    Ok(SandboxSettings {
        control: value(sources, "sandbox.control", |text| {
            parse::one_of(text, &SandboxControl::ALL)
        })?,
    })
}
