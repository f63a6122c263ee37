//! The section `[flow]`: the record of what was said.

use super::source::Sources;
use super::{SettingError, parse, value};

/// The section `[flow]`.
#[derive(Debug, Clone)]
pub struct FlowSettings {
    /// `flow.record` (`FLOW_RECORD`): whether messages are recorded.
    pub record: bool,
    /// `flow.max_size` (`FLOW_MAX_SIZE`): how large the record of all flows may get, in bytes.
    pub max_size: u64,
}

/// What a unit is, in bytes, the largest first.
const UNITS: [(&str, u64); 3] = [("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)];

/// Less does not hold one flow and the log that SQLite writes first; more is no bound.
const LEAST: u64 = 4 << 20;
const MOST: u64 = 1 << 40;

pub(super) fn read(sources: &Sources) -> Result<FlowSettings, SettingError> {
    Ok(FlowSettings {
        record: value(sources, "flow.record", |text| {
            parse::one_of(text, &[("on", true), ("off", false)])
        })?,
        max_size: value(sources, "flow.max_size", size)?,
    })
}

/// A size in bytes: `4MB`, `512MB` or `2GB`, where a KB is 1024 bytes.
fn size(text: &str) -> Result<u64, parse::Expected> {
    let expected = || "expected a size from 4MB to 1024GB, such as 256MB".to_owned();
    let (digits, unit) = UNITS
        .iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))
        .ok_or_else(expected)?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| digits.parse::<u64>().ok()).flatten();
    number
        .and_then(|number| number.checked_mul(*unit))
        .filter(|bytes| (LEAST..=MOST).contains(bytes))
        .ok_or_else(expected)
}

/// `bytes` as they are written in the settings.
pub(super) fn show_size(bytes: u64) -> String {
    let whole = UNITS.iter().find(|(_, unit)| bytes.is_multiple_of(*unit));
    match whole {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("4MB", 4 << 20),
            ("4096KB", 4 << 20),
            ("256MB", 256 << 20),
            ("1024GB", 1 << 40),
        ] {
            assert_eq!(size(text), Ok(bytes));
            assert_eq!(size(&show_size(bytes)), Ok(bytes));
        }
        for text in [
            "",
            "256",
            "MB",
            "-1MB",
            "+5MB",
            "1.5GB",
            "256 MB",
            "256mb",
            "3MB",
            "1025GB",
            "99999999999999999999GB",
            "18446744073709551615GB",
        ] {
            assert!(size(text).unwrap_err().contains("such as 256MB"), "{text}");
        }
    }
}
