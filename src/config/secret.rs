//! Secrets, given as they are or in a file of their own.

use std::path::Path;

use secrecy::SecretString;

use super::origin::Origin;
use super::source::Sources;
use super::{SettingError, passwords};
use crate::one_line::{self, NoValue};

/// The secret `name`, given as it is, or as the file that `file_name` names. White space around it is not part of it.
///
/// # Errors
///
/// When both are given, when there is nothing in it, and when it has several lines.
pub(super) fn secret(
    sources: &Sources,
    name: &'static str,
    file_name: &'static str,
) -> Result<Option<SecretString>, SettingError> {
    match (sources.get(name), sources.get(file_name)) {
        (None, None) => Ok(None),
        (Some((value, origin)), None) => as_given(value)
            .map(|secret| Some(secret.into()))
            .map_err(|problem| SettingError::new(name, origin.clone(), problem.to_owned())),
        (Some(_), Some((_, origin))) => Err(SettingError::new(
            file_name,
            origin.clone(),
            format!(
                "is set, and so is {name} ({}); expected one of the two",
                sources.origin(name)
            ),
        )),
        (None, Some((path, origin))) => in_file(path, file_name, origin).map(Some),
    }
}

fn as_given(value: &str) -> Result<&str, &'static str> {
    match value.trim() {
        "" => Err("is blank; expected the secret, or no such setting at all"),
        value if value.contains(char::is_control) => {
            Err("has more than one line, or a control character; expected one line of text")
        }
        value => Ok(value),
    }
}

fn in_file(path: &str, name: &str, origin: &Origin) -> Result<SecretString, SettingError> {
    match one_line::read(Path::new(path)) {
        Ok(secret) => Ok(secret.as_str().into()),
        Err(problem) => {
            let expected = match problem {
                NoValue::Unreadable(_) => "a file that this user may read",
                _ => "the secret on one line, in UTF-8",
            };
            // Whoever takes the one setting for the other has a password here.
            let path = passwords::without_password(path);
            let problem = format!("{path:?} {problem}; expected {expected}");
            Err(SettingError::new(name, origin.clone(), problem))
        }
    }
}
