//! People who try an integration's pages: whatever their profiles hold, pages must stay readable and whole, and nothing in
//! them may run. Only `id` and `email` keep to their types, as Smartsheet promises of these two.

use std::{borrow::Cow, iter::repeat_n, sync::LazyLock};

use serde_json::{Map, Value, json};

use super::user::User;

/// How many letters a long text has.
const LONG: usize = 300;
/// How many other addresses `many` has.
const ADDRESSES: i64 = 200;

const ODD_PROFILE: &str = include_str!("odd_profile.json");
const MARKUP_PROFILE: &str = include_str!("markup_profile.json");
const MARKUP_EMAIL: &str = r#""\"><script>alert(1)</script>{{7*7}}"@example.com"#;
/// As long as an address may be: 64 characters before the sign, 254 in all (RFC 5321 section 4.5.3.1, RFC 3696 erratum 1690).
const LONG_EMAIL: &str = "wolfeschlegelsteinhausenbergerdorff-wolfeschlegelsteinhausenberg\
    @wolfeschlegelsteinhausenbergerdorffwolfeschlegelsteinhausenberge\
    .wolfeschlegelsteinhausenbergerdorffwolfeschlegelsteinhausenberge\
    .wolfeschlegelsteinhausenbergerdorffwolfeschlegelste.example";

/// The odd users, in the order of the consent page.
pub(super) static ODD: LazyLock<[User; 5]> = LazyLock::new(|| {
    let long_name = format!("{} {}", without_spaces(), with_spaces());
    [
        odd(
            "long",
            long_name.into(),
            LONG_EMAIL,
            "Names, title and company of 300 letters, with spaces and without",
            long_profile().to_string().into(),
        ),
        odd(
            "rtl",
            "مريم בן־דוד 👩🏽‍💻".into(),
            "maryam.bendavid@example.com",
            "Arabic and Hebrew, written from right to left, marks that turn the direction, and joined emoji",
            rtl_profile().to_string().into(),
        ),
        odd(
            "markup",
            r#"<script>alert("first")</script> "><img src=x onerror=alert(2)>"#.into(),
            MARKUP_EMAIL,
            "HTML, scripts, attempts to break out of attributes, and template braces in every text",
            MARKUP_PROFILE.into(),
        ),
        odd(
            "many",
            "Manny Addresses".into(),
            "manny@example.com",
            "200 alternate addresses",
            many_profile().to_string().into(),
        ),
        odd(
            "odd",
            "odd@example.com".into(),
            "odd@example.com",
            "Wrong types, nulls, unknown roles and fields, no such date, time zone or locale",
            ODD_PROFILE.into(),
        ),
    ]
});

fn odd(
    slug: &'static str,
    name: Cow<'static, str>,
    email: &'static str,
    about: &'static str,
    profile: Cow<'static, str>,
) -> User {
    User {
        slug,
        name,
        email,
        about,
        api_access: true,
        profile,
        groups: &[],
    }
}

fn without_spaces() -> String {
    letters("Wolfeschlegelsteinhausenbergerdorff")
}

fn with_spaces() -> String {
    letters("Pablo Diego José Francisco de Paula Juan Nepomuceno María de los Remedios ")
}

/// The text again and again, [`LONG`] characters of it.
fn letters(text: &str) -> String {
    text.chars().cycle().take(LONG).collect()
}

fn long_profile() -> Value {
    json!({
        "id": 3_141_592_653_589_793_i64,
        "email": LONG_EMAIL,
        "firstName": without_spaces(),
        "lastName": with_spaces(),
        "locale": "de_DE",
        "timeZone": "Europe/Berlin",
        "account": {"id": 1_123_581_321_345_589_i64, "name": letters("Donaudampfschifffahrtsgesellschaft")},
        "title": letters("Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetzbeauftragter "),
        "department": letters("Hauptbetriebswerkbauunterbeamte"),
        "company": letters("Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbaugesellschaft"),
        "workPhone": repeat_n('5', LONG).collect::<String>(),
        "role": letters("Keeper of the longest of all lists "),
        "admin": false,
        "alternateEmails": [{"id": 1_618_033_988_749_894_i64, "email": LONG_EMAIL.replace("example", "invalid"), "confirmed": true}],
        "lastLogin": "2026-03-02T08:15:30Z",
    })
}

/// U+202E turns what follows it around, U+2067 and U+2069 set it apart, U+200F is a mark without a width.
fn rtl_profile() -> Value {
    json!({
        "id": 2_718_281_828_459_045_i64,
        "email": "maryam.bendavid@example.com",
        "firstName": "مريم عبد الرحمن",
        "lastName": "בן־דוד 👩🏽‍💻 \u{202e}drawkcab",
        "locale": "ar_EG",
        "timeZone": "Africa/Cairo",
        "account": {"id": 2_236_067_977_499_789_i64, "name": "شركة \u{2067}(Nile & Co.)\u{2069} المحدودة"},
        "title": "مهندسة برمجيات 👩‍👩‍👧‍👦 \u{200f}C++",
        "department": "🏳️‍🌈 מחלקת פיתוח (R&D)",
        "company": "الشركة 2026 – ABC، العربية",
        "workPhone": "+20 2 2555 0100",
        "mobilePhone": "٠١٠٠٥٥٥٠١٤٢",
        "role": "مديرة",
        "admin": true,
        "licensedSheetCreator": true,
        "alternateEmails": [{"id": 1_414_213_562_373_095_i64, "email": "مريم@مثال.example", "confirmed": true}],
        "sheetCount": 2,
        "lastLogin": "2026-03-02T08:15:30Z",
    })
}

fn many_profile() -> Value {
    let addresses: Vec<Value> = (1..=ADDRESSES)
        .map(|number| {
            json!({
                "id": 7_532_984_156_110_000_i64 + number,
                "email": format!("manny+{number}@mail{}.example.org", number % 7),
                "confirmed": number % 3 != 0,
            })
        })
        .collect();
    let mut profile = Map::new();
    profile.insert("id".into(), json!(1_732_050_807_568_877_i64));
    profile.insert("email".into(), json!("manny@example.com"));
    profile.insert("firstName".into(), json!("Manny"));
    profile.insert("lastName".into(), json!("Addresses"));
    profile.insert("alternateEmails".into(), Value::Array(addresses));
    Value::Object(profile)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_as_long_as_they_say() {
        let profile = long_profile();
        for field in ["firstName", "lastName", "title", "company"] {
            assert_eq!(profile[field].as_str().unwrap().chars().count(), LONG);
        }
        assert!(!without_spaces().contains(' ') && with_spaces().contains(' '));
        let (local, _) = LONG_EMAIL.split_once('@').unwrap();
        assert_eq!((local.len(), LONG_EMAIL.len()), (64, 254));
    }
}
