//! How the content of a session is written, before it is sealed: a byte that names the form, then the fields in their order,
//! without names. Reading that takes a third of what JSON takes, and every visit does it.
//!
//! Earlier versions wrote JSON. It is read, and becomes the new form when the session is written next.

use super::data::SessionData;

/// The form that is written. Another order or number of fields is another form. JSON begins with a bracket.
const FORM: u8 = 1;

/// `session` in [`FORM`]. `None` never happens: all that a session is made of can be written.
pub(super) fn write(session: &SessionData) -> Option<Vec<u8>> {
    postcard::to_extend(session, vec![FORM]).ok()
}

/// What was written as `content`; `None` when it is of a later version, or no session.
pub(super) fn read(content: &[u8]) -> Option<SessionData> {
    match content.split_first()? {
        (&FORM, fields) => match postcard::take_from_bytes(fields).ok()? {
            (session, []) => Some(session),
            _ => None,
        },
        (b'{', _) => serde_json::from_slice(content).ok(),
        _ => None,
    }
}

/// Whether it is a session that an earlier version kept for a browser that nobody is signed in with.
pub(super) fn is_of_nobody(content: &[u8]) -> bool {
    let content = serde_json::from_slice::<serde_json::Value>(content);
    content
        .is_ok_and(|content| content.get("created_at").is_some() && content.get("login").is_none())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::flow::FlowId;
    use crate::oauth::{AccessToken, RefreshToken, Token};
    use crate::session::{Identity, Lease, Login, Person, RowKey};

    /// As the version before wrote it, with all that it could write.
    const JSON: &str = r#"{"created_at":"2026-11-21T12:00:00.123456789Z","login":{"signed_in_at":"2026-11-21T12:00:00.123456789Z",
        "token":{"access_token":"ll352u9jujauoqz4gstvsae05","refresh_token":"e9x352a9mp4151le2505","expires_at":"2026-11-28T11:59:59Z"},
        "refreshed_at":"2026-11-21T12:30:00Z","lease":{"holder":18446744073709551615,"until":"2026-11-21T12:31:00Z"},
        "person":{"name":"Zoë","email":"zoe@example.com","locale":"en_US","time_zone":"US/Pacific"},
        "identity":{"id":"1","email":"zoe@example.com","name":"Zoë","given_name":"Zoë","family_name":"","account_id":"2","account_name":"A","groups":["B","C"]},
        "identified_at":"2026-11-21T12:00:01Z","asked_at":"2026-11-21T12:20:00Z","issuer":"sandbox","scopes":"READ_SHEETS WRITE_SHEETS"},
        "flow":"000102030405060708090a0b0c0d0e0f",
        "replaces":"0101010101010101010101010101010101010101010101010101010101010101",
        "successors":["0202020202020202020202020202020202020202020202020202020202020202"],
        "sign_ins":["0303030303030303030303030303030303030303030303030303030303030303"],
        "sites":["0404040404040404040404040404040404040404040404040404040404040404"],
        "seen":false,"superseded_at":"2026-11-21T12:40:00Z","until":"2026-11-21T13:00:00Z"}"#;

    /// As the first versions wrote it.
    const SHORT: &str = r#"{"created_at":"2026-11-21T12:00:00Z","login":{"signed_in_at":"2026-11-21T12:00:00Z",
        "token":{"access_token":"ll352u9jujauoqz4gstvsae05","refresh_token":null,"expires_at":"2026-11-28T12:00:00Z"}}}"#;

    #[test]
    fn what_earlier_versions_wrote_is_read_and_written_anew() {
        let all = read(JSON.as_bytes()).unwrap();
        assert_eq!(
            all.login.token.access_token.expose(),
            "ll352u9jujauoqz4gstvsae05"
        );
        assert_eq!(all.login.signed_in_at.subsec_nanosecond(), 123_456_789);
        assert_eq!(all.login.identity.as_ref().unwrap().groups, ["B", "C"]);
        assert_eq!((all.sites.len(), all.sign_ins[0]), (1, RowKey([3; 32])));
        assert!(!all.seen && all.until.is_some() && all.superseded_at.is_some());
        let short = read(SHORT.as_bytes()).unwrap();
        assert!(short.seen && short.flow.is_none() && short.login.issuer.is_none());
        for session in [all, short] {
            let written = write(&session).unwrap();
            assert_eq!(written[0], FORM);
            assert_eq!(read(&written), Some(session));
        }
    }

    #[test]
    fn what_is_of_another_version_is_not_read() {
        let written = write(&read(JSON.as_bytes()).unwrap()).unwrap();
        let later = [&[FORM + 1], &written[1..]].concat();
        let longer = [&written[..], &[0]].concat();
        for other in [
            &later[..],
            &longer,
            &written[..written.len() - 1],
            b"",
            b"{}",
        ] {
            assert_eq!(read(other), None);
            assert!(!is_of_nobody(other));
        }
        let nobodys = br#"{"created_at":"2026-11-21T12:00:00Z","pending":[]}"#;
        assert!(read(nobodys).is_none() && is_of_nobody(nobodys));
    }

    /// What begins with this byte is the form that rows have from this version on, so it must be read for ever.
    #[test]
    fn the_form_stays_as_it_is() {
        let hex = hex::encode(write(&read(SHORT.as_bytes()).unwrap()).unwrap());
        assert_eq!(
            hex,
            "0114323032362d31312d32315431323a30303a30305a14323032362d31312d32315431323a30303a30305a196c6c33353275396a756a61756f717a346773747673616530350014323032362d31312d32385431323a30303a30305a00000000000000000000000000010000"
        );
    }

    fn instant() -> impl Strategy<Value = Timestamp> {
        let ends = (Timestamp::MIN.as_second() + 1, Timestamp::MAX.as_second());
        (ends.0..ends.1, 0..1_000_000_000)
            .prop_map(|(second, rest)| Timestamp::new(second, rest).unwrap())
    }

    fn maybe() -> impl Strategy<Value = Option<Timestamp>> {
        proptest::option::of(instant())
    }

    fn keys() -> impl Strategy<Value = Vec<RowKey>> {
        proptest::collection::vec(any::<[u8; 32]>().prop_map(RowKey), 0..4)
    }

    fn login() -> impl Strategy<Value = Login> {
        let token = (
            "[!-~]{1,40}",
            proptest::option::of("[!-~]{1,40}"),
            instant(),
        );
        let lease = proptest::option::of((any::<u64>(), instant(), any::<Option<i64>>()));
        let person = proptest::option::of(("\\PC{0,20}", any::<Option<String>>()));
        let groups = proptest::option::of(proptest::collection::vec("\\PC{0,9}", 0..4));
        let times = (instant(), maybe(), maybe(), maybe());
        (token, lease, person, groups, times, any::<Option<String>>()).prop_map(
            |((access, refresh, expires_at), lease, person, groups, times, scopes)| Login {
                refreshed_at: times.1,
                lease: lease.map(|(holder, until, instance)| Lease {
                    holder,
                    until,
                    instance,
                }),
                person: person.map(|(name, locale)| Person {
                    name,
                    locale,
                    ..Person::default()
                }),
                identity: groups.map(|groups| Identity {
                    groups,
                    ..Identity::default()
                }),
                identified_at: times.2,
                asked_at: times.3,
                scopes,
                ..Login::new(
                    Token {
                        access_token: AccessToken::new(access),
                        refresh_token: refresh.map(RefreshToken::new),
                        expires_at,
                    },
                    times.0,
                )
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            login in login(),
            (replaces, successors, sign_ins, sites) in (proptest::option::of(any::<[u8; 32]>()), keys(), keys(), keys()),
            (seen, superseded_at, until) in (any::<bool>(), maybe(), maybe()),
        ) {
            let session = SessionData {
                replaces: replaces.map(RowKey),
                successors,
                sign_ins,
                sites,
                seen,
                superseded_at,
                until,
                ..SessionData::new(login, FlowId::random())
            };
            prop_assert_eq!(read(&write(&session).unwrap()), Some(session));
        }

        #[test]
        fn other_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = (read(&bytes), read(&[&[FORM], &bytes[..]].concat()), is_of_nobody(&bytes));
        }
    }
}
