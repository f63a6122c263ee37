//! The people of the sandbox. They are fixed: each shows an integration another side of a Smartsheet profile. Those who
//! are there to break pages are in `odd_users.rs`.

use std::borrow::Cow;

use super::user::Group;
pub(super) use super::{odd_users::ODD, user::User};

/// Everybody, in the order of the consent page.
pub(super) fn all() -> impl Iterator<Item = &'static User> {
    ORDINARY.iter().chain(ODD.iter())
}

/// The user with this slug.
pub(super) fn find(slug: &str) -> Option<&'static User> {
    all().find(|user| user.slug == slug)
}

const EVERYBODY: Group = Group {
    id: 2_645_751_311_064_590,
    name: "Everybody",
    description: "All who work here",
};
const COMPILERS: Group = Group {
    id: 2_236_067_977_499_789,
    name: "Compilers",
    description: "",
};
/// A name with a comma and letters of several scripts.
const FRIENDS: Group = Group {
    id: 3_316_624_790_355_399,
    name: "Φίλοι, Søren & co",
    description: "<b>Friends</b>",
};

/// People as an app meets them every day; the first is the one that the consent page proposes.
pub(super) static ORDINARY: [User; 4] = [
    User {
        slug: "full",
        name: Cow::Borrowed("Grace Hopper"),
        email: "grace.hopper@example.com",
        about: "An administrator with every field of a profile, and an id above 2^53",
        api_access: true,
        profile: Cow::Borrowed(
            r#"{
  "id": 9187654321098765,
  "email": "grace.hopper@example.com",
  "firstName": "Grace",
  "lastName": "Hopper",
  "locale": "en_US",
  "timeZone": "US/Pacific",
  "account": {"id": 4503599627370496, "name": "Harbor Computing"},
  "admin": true,
  "licensedSheetCreator": true,
  "groupAdmin": true,
  "resourceViewer": true,
  "jiraAdmin": false,
  "salesforceAdmin": false,
  "salesforceUser": true,
  "alternateEmails": [
    {"id": 7532984156110724, "email": "grace@navy.example.org", "confirmed": true},
    {"id": 7532984156110725, "email": "g.hopper@example.net", "confirmed": false}
  ],
  "title": "Rear Admiral",
  "department": "Compilers",
  "company": "Harbor Computing",
  "workPhone": "+1 206 555 0100",
  "mobilePhone": "+1 206 555 0142",
  "role": "Engineering Manager",
  "profileImage": {"imageId": "u!1!nAtdn5RJB_o!k6_e_3h2R3w!wmYXPek-yVD", "height": 1050, "width": 1050},
  "sheetCount": 2,
  "lastLogin": "2026-03-02T08:15:30Z",
  "customWelcomeScreenViewed": "2024-11-05T17:40:12Z"
}"#,
        ),
        groups: &[EVERYBODY, COMPILERS],
    },
    User {
        slug: "minimal",
        name: Cow::Borrowed("sam@example.com"),
        email: "sam@example.com",
        about: "A profile of nothing but id and email",
        api_access: true,
        profile: Cow::Borrowed(r#"{"id": 48569348493401200, "email": "sam@example.com"}"#),
        groups: &[],
    },
    User {
        slug: "unicode",
        name: Cow::Borrowed("Zoë <b>\"O'Brien\" & 李小龍 مريم"),
        email: "zoë.o'brien&co@例え.example",
        about: "Names with HTML characters and letters of many scripts, and a field that is not documented",
        api_access: true,
        profile: Cow::Borrowed(
            r#"{
  "id": 5391750264180612,
  "email": "zoë.o'brien&co@例え.example",
  "firstName": "Zoë <b>\"O'Brien\"",
  "lastName": "& 李小龍 مريم",
  "locale": "ja_JP",
  "timeZone": "Asia/Tokyo",
  "account": {"id": 2218461049316228, "name": "<script>alert(1)</script> Ελλάδα & Söhne"},
  "admin": false,
  "licensedSheetCreator": true,
  "groupAdmin": false,
  "resourceViewer": false,
  "alternateEmails": [],
  "title": "</title> Архитектор 🏗️",
  "department": "",
  "sheetCount": 2,
  "notYetDocumented": {"since": "tomorrow", "values": [1, 2.5, null]}
}"#,
        ),
        groups: &[EVERYBODY, FRIENDS],
    },
    User {
        slug: "no-api",
        name: Cow::Borrowed("Fred Free"),
        email: "fred.free@example.com",
        about: "On a plan without API access: signing in works, every call is refused (errorCode 1004)",
        api_access: false,
        profile: Cow::Borrowed(r#"{"id": 6180339887498948, "email": "fred.free@example.com"}"#),
        groups: &[EVERYBODY],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_json_and_agree_with_the_user() {
        for user in all() {
            let profile: serde_json::Value = serde_json::from_str(&user.profile).unwrap();
            assert_eq!(profile["email"], user.email);
            assert!(profile["id"].as_i64().unwrap() > 0);
            assert_eq!(find(user.slug), Some(user));
        }
        assert_eq!(find("nobody"), None);
    }

    #[test]
    fn the_first_user_has_every_documented_field_and_a_large_id() {
        let full: serde_json::Value = serde_json::from_str(&ORDINARY[0].profile).unwrap();
        assert_eq!(full.as_object().unwrap().len(), 25);
        assert!(full["id"].as_i64().unwrap() > 1 << 53);
    }
}
