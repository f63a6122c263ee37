//! Variables of the environment that are no setting's, and were probably meant to be one's.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::table::{TABLE, variable};

/// How many letters may differ: a missing one, two that changed places, another ending.
const LETTERS: usize = 2;

/// A line for each of `names` that is nearly the variable of a setting. Values are not looked at.
pub(super) fn misspelt<'a>(names: impl Iterator<Item = Cow<'a, str>>) -> Vec<String> {
    let known: Vec<(String, String)> = TABLE
        .iter()
        .map(|setting| variable(setting.name))
        .map(|known| (bare(&known), known))
        .collect();
    let unknown: BTreeSet<Cow<'a, str>> = names
        .filter(|name| !known.iter().any(|(_, known)| known == name))
        .collect();
    unknown
        .iter()
        .filter_map(|name| {
            let meant = nearest(name, &known)?;
            let name = name.escape_debug();
            Some(format!(
                "the variable {name} is no setting's; did you mean {meant}?"
            ))
        })
        .collect()
}

/// The one of `known` that differs from `name` in a few letters.
fn nearest<'a>(name: &str, known: &'a [(String, String)]) -> Option<&'a String> {
    let name = bare(name);
    known
        .iter()
        // No other can differ in so few.
        .filter(|(bare, _)| bare.len().abs_diff(name.len()) <= LETTERS)
        .map(|(bare, known)| (strsim::osa_distance(&name, bare), known))
        .filter(|(distance, _)| *distance <= LETTERS)
        .min()
        .map(|(_, known)| known)
}

/// A name without what is not compared: underscores and capitals.
fn bare(name: &str) -> String {
    name.replace('_', "").to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_and_others() {
        let lines = |name: &'static str| misspelt([Cow::Borrowed(name)].into_iter());
        for (name, meant) in [
            ("SMARTSHEET_CLIENTID", "SMARTSHEET_CLIENT_ID"),
            ("smartsheet_client_id", "SMARTSHEET_CLIENT_ID"),
            ("SMARTSHEET_CLIENT_SECERT", "SMARTSHEET_CLIENT_SECRET"),
            ("SMARTHSEET_REGION", "SMARTSHEET_REGION"),
            ("SERVER_BASEURL", "SERVER_BASE_URL"),
            ("SESSION_KEYS", "SESSION_KEY"),
            ("SESION_STORE", "SESSION_STORE"),
        ] {
            let expected = format!("the variable {name} is no setting's; did you mean {meant}?");
            assert_eq!(lines(name), [expected]);
        }
        for name in [
            "SERVER_LISTEN",
            "SESSION_MANAGER",
            "SESSION_ID",
            "SMARTSHEET_ACCESS_TOKEN",
            "SERVER_NAME",
            "LOG_LEVEL",
            "PORT",
            "PATH",
            "",
        ] {
            assert_eq!(lines(name), [""; 0], "{name}");
        }
    }
}
