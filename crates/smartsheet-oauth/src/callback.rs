//! The second message: what Smartsheet sends the browser back with.

use std::collections::HashSet;

use percent_encoding::percent_decode_str;

use super::{AuthorizationCode, AuthorizationError, State};

/// The longest value of a parameter that is read, in bytes. Real ones are below 100.
pub const MAX_VALUE_BYTES: usize = 4096;

/// A well-formed answer to the redirect URL (RFC 6749 sections 4.1.2 and 4.1.2.1). Nothing in it is to be believed before
/// [`Callback::state`] was found among the sign-ins that this very browser started.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Callback {
    /// The `state` that came back. Absent when the parameter is missing or empty.
    pub state: Option<State>,
    /// What the person or Smartsheet decided.
    pub outcome: Result<AuthorizationCode, AuthorizationError>,
}

/// Why a callback can't be read. None of them shows a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// Neither `code` nor `error` is there.
    #[error("neither `code` nor `error` is there")]
    NothingToReadFrom,
    /// RFC 6749 section 3.1: parameters must not be included more than once.
    #[error("a parameter is there twice")]
    Repeated,
    /// A name or a value is not UTF-8 once decoded.
    #[error("a parameter is not UTF-8")]
    NotUtf8,
    /// A value is longer than [`MAX_VALUE_BYTES`].
    #[error("a parameter is longer than {MAX_VALUE_BYTES} bytes")]
    TooLong,
}

impl Callback {
    /// Reads the query of a request to the redirect URL.
    ///
    /// `expires_in`, which Smartsheet adds (the code's life, in milliseconds), and parameters of unknown names are
    /// ignored, as RFC 6749 section 4.1.2 says. When both `code` and `error` are there, the error counts: no request is
    /// made for an answer that contradicts itself.
    ///
    /// # Errors
    ///
    /// [`CallbackError`] for an answer that Smartsheet does not give.
    ///
    /// ```
    /// use smartsheet_oauth::Callback;
    /// let callback = Callback::parse("code=sample6p9qisx6a&expires_in=599135&state=MY_STATE")?;
    /// assert_eq!(callback.outcome?.expose(), "sample6p9qisx6a");
    /// assert_eq!(callback.state.ok_or("no state")?.expose(), "MY_STATE");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse(query: &str) -> Result<Self, CallbackError> {
        // A set: with a list, a query of thousands of names would take a noticeable time.
        let mut names = HashSet::new();
        let (mut code, mut error, mut description, mut state) = (None, None, None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if value.len() > MAX_VALUE_BYTES || name.len() > MAX_VALUE_BYTES {
                return Err(CallbackError::TooLong);
            }
            if names.contains(&name) {
                return Err(CallbackError::Repeated);
            }
            // RFC 6749 section 3.1: a parameter without a value is treated as if it were omitted.
            let value = (!value.is_empty()).then_some(value);
            match name.as_str() {
                "code" => code = value,
                "error" => error = value,
                "error_description" => description = value,
                "state" => state = value,
                _ => {}
            }
            names.insert(name);
        }
        let outcome = match (code, error) {
            (_, Some(error)) => Err(AuthorizationError::new(&error, description.as_deref())),
            (Some(code), None) => Ok(AuthorizationCode::new(code)),
            (None, None) => return Err(CallbackError::NothingToReadFrom),
        };
        Ok(Self {
            state: state.map(State::new),
            outcome,
        })
    }
}

/// `application/x-www-form-urlencoded`, strictly: the lenient parsers replace what is not UTF-8, and a `state` that was
/// changed on the way must not be compared.
fn decode(text: &str) -> Result<String, CallbackError> {
    let text = text.replace('+', " ");
    percent_decode_str(&text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| CallbackError::NotUtf8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error_of(query: &str) -> AuthorizationError {
        Callback::parse(query).unwrap().outcome.unwrap_err()
    }

    #[test]
    fn denial_and_other_errors() {
        assert_eq!(
            error_of("error=access_denied&state=s"),
            AuthorizationError::AccessDenied
        );
        assert_eq!(
            error_of("error=invalid_scope&state=s"),
            AuthorizationError::InvalidScope
        );
        assert!(matches!(
            error_of("error=something_new&error_description=why+not&state=s"),
            AuthorizationError::Other { error, description: Some(description) }
                if error == "something_new" && description == "why not"
        ));
        assert_eq!(
            error_of("code=x&error=access_denied"),
            AuthorizationError::AccessDenied
        );
    }

    #[test]
    fn bad_input_is_refused() {
        let long = "x".repeat(MAX_VALUE_BYTES + 1);
        for (query, expected) in [
            ("", CallbackError::NothingToReadFrom),
            ("state=s", CallbackError::NothingToReadFrom),
            ("code=&state=s", CallbackError::NothingToReadFrom),
            ("code=a&code=a&state=s", CallbackError::Repeated),
            ("code=a&state=s&st%61te=s", CallbackError::Repeated),
            ("code=%ff&state=s", CallbackError::NotUtf8),
            ("code=a&%fe=s", CallbackError::NotUtf8),
            (&format!("code={long}"), CallbackError::TooLong),
        ] {
            assert_eq!(Callback::parse(query), Err(expected), "{query:.40}");
        }
    }

    #[test]
    fn the_longest_value_is_read() {
        let longest = "x".repeat(MAX_VALUE_BYTES);
        let callback = Callback::parse(&format!("code={longest}&state=s")).unwrap();
        assert_eq!(callback.outcome.unwrap().expose(), longest);
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_read_back(code in "\\PC{1,100}", state in "\\PC{1,100}") {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.append_pair("code", &code).append_pair("state", &state);
            let callback = Callback::parse(&query.finish()).unwrap();
            prop_assert_eq!(callback.outcome, Ok(AuthorizationCode::new(code)));
            prop_assert_eq!(callback.state, Some(State::new(state)));
        }

        #[test]
        fn no_query_panics(query in "[ -~]{0,200}") {
            let _ = Callback::parse(&query);
        }
    }
}
