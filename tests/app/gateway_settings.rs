//! The gateway's settings: what is right, what is not, and how a signing key is changed.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::gateway::{WIKI, claims, everywhere, with_sites};
use crate::settings::with_file;
use crate::support::app::BASE_URL;
use crate::support::binary::run;
use crate::support::{Visitor, World};

const P384: &str = "-----BEGIN PRIVATE KEY-----\n\
    MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDDI3AHu2b78wtbBN3rz\n\
    ItFEy5tJ+2hZ2HSkP0VFUd8Oj6UBCt7Kg8a0PrYuFvyKf4mhZANiAATdWyoLDWUe\n\
    jOiceGjrk8+w7GwP5swH9xZ88ievutWSkseuBKkZE52Ql21UZ8bacR6ZlcImZxP5\n\
    sf086iULpX9FfEp3q3JmUtou8/j1xDYjkuzMIoamHygyLWfrahCHUBI=\n\
    -----END PRIVATE KEY-----\n";
const WITH_PASSPHRASE: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n\
    MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhpMOldwe6sEgICCAAw\n\
    DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEA1SiJWEeojMEfCa/pgHTx8EgZCY\n\
    rS7hQSPNWt0XuFOzXxui8pPmrJ+IVn35ta7fqWrIxZMzlWy7bwi3pCGONRYBpQe4\n\
    PurTLoGHJ9u8kuyutZejWL/fBc9pLfFWUImxpYLApV7wBgiRHTyq64i2HjlGtgUh\n\
    hikkPwgT/b2LwrDoMYuDD14TGox7nOtW20s0zuuUfZ7WOKuDwRRVFI98G9riYjc=\n\
    -----END ENCRYPTED PRIVATE KEY-----\n";
const ONE: &str = "-----BEGIN PRIVATE KEY-----\n\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgsRGIoeGS96w2jLpA\n\
    s2cSaX+uQ2+MFnOFuFRc33Q1j16hRANCAAT+LYZwguosjoctU9ZDvV9kEpoD2r6M\n\
    FBMyCQXBnHfb7xPZczH0dPyFOWA79IyTRSwkqNtIn7bYuykNkgC0tTT3\n\
    -----END PRIVATE KEY-----\n";
const TWO: &str = "-----BEGIN PRIVATE KEY-----\n\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQghX0kLP1G9UjtReqr\n\
    ztDWOX0smQ7uuoySjL3Gz4W2L+ShRANCAASQT3TobQkYQ0mUr3l4P+kVU9bPWUZ0\n\
    IW1V5aar46i9+l3jMS08JGUuO27qFLV7oCKYpFNUkmDn7qCTTqNq3/Kl\n\
    -----END PRIVATE KEY-----\n";
const ED25519: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIBWafUCkCiMk9ziqXXzKgEq/pwaw48kE9crt1tEzsoPl\n\
    -----END PRIVATE KEY-----\n";
const SEC1: &str = "-----BEGIN EC PRIVATE KEY-----\n\
    MHcCAQEEIHXvvH0KjtfGTKLd5kh5vh+UCxm673aa9zA10wjLUGOLoAoGCCqGSM49\n\
    AwEHoUQDQgAEBGZOboqbP1+yFVvSFeApRg7RUwrgokaLpgPU4SN+wJgfWoXPcEvM\n\
    72odGOd8vPP/6pc7Na/72gWo6VoVCdxzVg==\n\
    -----END EC PRIVATE KEY-----\n";
const WITHOUT_PUBLIC_KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MEECAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcEJzAlAgEBBCAnrJrwcuPZsldthMbd\n\
    Vl/liHGRDzUD4Ttv15XAsk4hFw==\n\
    -----END PRIVATE KEY-----\n";

const SITES: (&str, &str) = ("GATEWAY_SITES", "https://wiki.example.com");

#[test]
fn values_that_are_not_right() {
    for (name, value, right) in [
        ("gateway.sites", "https://wiki.example.com/app", "no path"),
        (
            "gateway.sites",
            "https://wiki.example.com https://x.example/?a",
            "no path, query",
        ),
        ("gateway.sites", "http://wiki.example.com", "expected https"),
        ("gateway.sites", "wiki.example.com", "such as https://"),
        (
            "gateway.sites",
            "https://ann@wiki.example.com",
            "no user name",
        ),
        (
            "gateway.sites",
            "https://wiki.example.com.",
            "without a dot",
        ),
        ("gateway.sites", "https://*.example.com", "one host"),
        (
            "gateway.allow",
            "ada",
            "@example.com, account:ID or group:NAME",
        ),
        ("gateway.allow", "account:ada", "account:ID"),
        (
            "gateway.allow",
            "group:Admins @example.com",
            "separated by commas",
        ),
        ("gateway.remote_user", "name", "id, email"),
        ("gateway.recheck", "0s", "more than 0s"),
        ("gateway.recheck", "often", "90s, 5m"),
        ("api.allow", "/users/me", "METHOD /path"),
        ("api.allow", "GET /../x", "METHOD /path"),
        ("api.assertions", "yes", "on, off"),
    ] {
        let variable = name.replace('.', "_").to_uppercase();
        let ended = with_file("", &[], &[(&variable, value)]);
        ended.is_refused(&[name, &variable, value, right]);
        let (section, key) = name.split_once('.').unwrap();
        let ended = with_file(&format!("[{section}]\n{key} = {value:?}\n"), &[], &[]);
        ended.is_refused(&[name, "config.toml", value, right]);
    }
    // A list of nobody is no list of everybody.
    with_file("[gateway]\nallow = []\n", &[], &[]).is_refused(&["gateway.allow", "[]"]);
}

#[test]
fn keys_that_are_not_right() {
    for (key, problem) in [
        ("hunter2", "holds no private key"),
        (P384, "not of the curve P-256"),
        (ED25519, "not of the curve P-256"),
        (WITH_PASSPHRASE, "has a passphrase"),
        (SEC1, "not in PKCS#8 form"),
        (WITHOUT_PUBLIC_KEY, "no complete key"),
        (&ONE[..100], "is damaged"),
    ] {
        let ended = with_file("", &[], &[SITES, ("GATEWAY_SIGNING_KEY", key)]);
        ended.is_refused(&[
            "gateway.signing_key (environment GATEWAY_SIGNING_KEY)",
            problem,
            "openssl genpkey",
        ]);
        let secret = key.lines().nth(1).unwrap_or(key);
        assert!(!ended.stderr.contains(secret), "{ended:?}");
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("key.pem");
        fs::write(&file, key).unwrap();
        let named = [SITES, ("GATEWAY_SIGNING_KEY_FILE", file.to_str().unwrap())];
        let ended = run(folder.path(), &[], &named);
        ended.is_refused(&["gateway.signing_key_file", problem]);
        assert!(!ended.stderr.contains(secret), "{ended:?}");
    }
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("empty"), "").unwrap();
    for (file, problem) in [
        ("empty", "holds no private key"),
        ("nothing", "can't be read"),
        (".", "can't be read"),
    ] {
        let ended = run(
            folder.path(),
            &[],
            &[SITES, ("GATEWAY_SIGNING_KEY_FILE", file)],
        );
        ended.is_refused(&["gateway.signing_key_file", problem]);
    }
    let both = [
        ("GATEWAY_SIGNING_KEY", ONE),
        ("GATEWAY_SIGNING_KEY_FILE", "empty"),
    ];
    run(folder.path(), &[], &both)
        .is_refused(&["gateway.signing_key_file", "expected one of the two"]);
    // Whoever takes the one setting for the other.
    let ended = run(folder.path(), &[], &[("GATEWAY_SIGNING_KEY_FILE", ONE)]);
    ended.is_refused(&["gateway.signing_key_file", "its value can't be read"]);
    assert!(
        !ended.stderr.contains(ONE.lines().nth(1).unwrap()),
        "{ended:?}"
    );
}

#[test]
fn instances_on_postgresql_must_share_a_key() {
    let postgres = [
        ("SESSION_STORE", "postgres://localhost/x"),
        (
            "SESSION_KEY",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        ),
    ];
    let ended = with_file("", &[], &[&postgres[..], &[SITES]].concat());
    ended.is_refused(&[
        "gateway.signing_key: is missing",
        "P-256",
        "openssl genpkey",
    ]);
}

#[test]
fn check_shows_the_sites_and_the_ids_of_the_keys() {
    let folder = TempDir::new().unwrap();
    let keys = format!("{ONE},{TWO}");
    let ended = run(
        folder.path(),
        &["check"],
        &[
            (
                "GATEWAY_SITES",
                "https://Wiki.example.com:443 http://a.localhost:3000/",
            ),
            ("GATEWAY_SIGNING_KEY", &keys),
            ("API_ASSERTIONS", "on"),
        ],
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for text in [
        "api.assertions is on, and api.allow is not set",
        "\nSites that get the signed-in person\n  https://wiki.example.com\n  http://a.localhost:3000\n",
        "gateway.sites                      https://wiki.example.com http://a.localhost:3000  (environment GATEWAY_SITES)",
        "gateway.signing_key                set  (environment",
        "  ok     signing keys: ",
        " (the first signs)",
        "server.trusted_proxies is not",
    ] {
        assert!(ended.stdout.contains(text), "{text}: {}", ended.stdout);
    }
    assert!(!ended.stdout.contains(ONE.lines().nth(1).unwrap()));
    let made = run(folder.path(), &["check"], &[SITES]);
    assert!(made.stdout.contains("ok     signing keys: "), "{made:?}");
    fs::write(folder.path().join("data/signing.key"), "x").unwrap();
    let damaged = run(folder.path(), &["check"], &[SITES]);
    assert_eq!(damaged.code, Some(1));
    assert!(damaged.stdout.contains("WRONG  signing keys: gateway.signing_key: the key that this app made in data/signing.key: holds no private key"), "{damaged:?}");
}

/// The two steps: the new key is published beside the old one, and later it signs.
#[tokio::test]
async fn a_key_is_changed_without_anybody_noticing() {
    let world = World::with(|setup| with_sites(setup).set("gateway.signing_key", ONE)).await;
    let grace = everywhere(&world, "full").await;
    let before = grace.check(WIKI).await;
    let kid = async |person: &Visitor, index: usize| {
        let jwks = person
            .go(&format!("{BASE_URL}/.well-known/jwks.json"))
            .await;
        let jwks: Value = serde_json::from_str(&jwks.body).unwrap();
        jwks["keys"][index]["kid"].as_str().map(str::to_owned)
    };
    let one = kid(&grace, 0).await.unwrap();
    claims(&grace, &before).await;
    let published = world
        .setup
        .clone()
        .set("gateway.signing_key", &format!("{ONE}{TWO}"));
    let grace = grace.copy_to(&published.start().await);
    assert_eq!(kid(&grace, 0).await.as_ref(), Some(&one));
    let two = kid(&grace, 1).await.unwrap();
    claims(&grace, &grace.check(WIKI).await).await;
    let signs = world
        .setup
        .clone()
        .set("gateway.signing_key", &format!("{TWO},{ONE}"));
    let grace = grace.copy_to(&signs.start().await);
    assert_eq!(kid(&grace, 0).await, Some(two));
    // What was signed a moment ago still counts.
    claims(&grace, &before).await;
    claims(&grace, &grace.check(WIKI).await).await;
}

/// Names of groups have commas and spaces; a list of the settings file takes them as they are.
#[test]
fn groups_of_any_name() {
    for (in_file, value, admits) in [
        (
            true,
            "allow = [\"group:φίλοι, søren & co\", \"bob@example.com\"]",
            true,
        ),
        (true, "allow = \"group:Φίλοι%2C Søren & co\"", true),
        (
            true,
            "allow = [\"group:Φίλοι\", \"group:Søren & co\"]",
            false,
        ),
        (false, "group:Φίλοι%2C Søren & co,bob@example.com", true),
        (false, "group:Φίλοι, group:Søren & co", false),
    ] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("config.toml");
        let (text, flags) = if in_file {
            (format!("[gateway]\n{value}\n"), vec![])
        } else {
            (
                String::new(),
                vec![("gateway.allow".to_owned(), value.to_owned())],
            )
        };
        fs::write(&path, text).unwrap();
        let settings =
            smartsheet_oauth_demo::config::Settings::load(Some(&path), &|_| None, &flags);
        let allow = settings.unwrap().gateway.allow.unwrap();
        let identity = smartsheet_oauth_demo::session::Identity {
            groups: vec!["Φίλοι, Søren & co".to_owned()],
            ..Default::default()
        };
        assert_eq!(allow.admits(&identity), admits, "{value}");
    }
}
