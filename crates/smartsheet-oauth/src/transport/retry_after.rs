//! `Retry-After` (RFC 9110 section 10.2.3).

use std::time::Duration;

use jiff::Timestamp;

/// How long `value` asks to wait at `now`: a number of seconds, or the time until a date in any of the three forms of RFC 9110
/// section 5.6.7. A date that has passed asks for no wait. `None` for anything else.
pub(crate) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value)
        .ok()
        .and_then(|date| Timestamp::try_from(date).ok());
    // Not of RFC 9110, but clear: a date with another time zone than GMT.
    let date = date.or_else(|| Some(jiff::fmt::rfc2822::parse(value).ok()?.timestamp()))?;
    Some(date.duration_since(now).try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_seconds_or_as_a_date() {
        let now = "1994-11-06T08:49:30Z".parse().unwrap();
        let seconds = |value| retry_after(value, now).map(|wait| wait.as_secs());
        for (value, expected) in [
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("0", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(7)),
            ("Sun Nov  6 08:49:37 1994", Some(7)),
            ("Sun, 06 Nov 1994 09:49:37 +0100", Some(7)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("1.5", None),
            ("", None),
        ] {
            assert_eq!(seconds(value), expected, "{value:?}");
        }
    }
}
