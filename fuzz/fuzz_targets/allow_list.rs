//! What of Smartsheet's API may be called: `api.allow`, and a call that it is asked about.
//!
//! The input is a list in its first line, and the method and path of a call, with a space between, in the rest. Whatever the list
//! is, it is refused with one line or each of its entries names a method and a path of plain segments. Whatever the call is, what is
//! let through is of a listed shape, as whoever reads the path as a URL sees it, too, and what is of a listed shape is let through.

#![no_main]

use axum::http::Method;
use libfuzzer_sys::fuzz_target;
use smartsheet_oauth_demo::gateway::api::{AllowList, Found};
use smartsheet_oauth_demo_fuzz::{first_line, has_control};
use url::Url;

const API: &str = "https://api.example.com/2.0";

fuzz_target!(|input: &[u8]| {
    let (list, call) = first_line(input);
    let (Ok(list), Ok(call)) = (str::from_utf8(list), str::from_utf8(call)) else {
        return;
    };
    let list = match AllowList::parse(list) {
        Ok(list) => list,
        Err(expected) => {
            assert!(!expected.is_empty() && !has_control(&expected));
            return;
        }
    };
    let entries: Vec<String> = list.iter().map(ToString::to_string).collect();
    for entry in &entries {
        let (method, path) = entry.split_once(' ').expect("a method and a path");
        let methods = ["GET", "HEAD", "POST", "PUT", "DELETE"];
        assert!(methods.contains(&method), "{entry}");
        let is_token = path
            .split('/')
            .nth(1)
            .is_some_and(|first| first.eq_ignore_ascii_case("token"));
        assert!(!is_token, "{entry} is the app's own affair");
        is_itself(&path.replace("{id}", "7"));
    }
    let again = AllowList::parse(&entries.join(", ")).expect("what is listed can be listed");
    assert_eq!(again, list);

    let Some((method, path)) = call.split_once(' ') else {
        return;
    };
    let Ok(method) = Method::from_bytes(method.as_bytes()) else {
        return;
    };
    let of_its_shape: Vec<&String> = entries
        .iter()
        .filter(|entry| {
            is_of(
                entry.split_once(' ').expect("as above").1.as_bytes(),
                path.as_bytes(),
            )
        })
        .collect();
    let entry = |route: &dyn ToString| route.to_string();
    match list.find(&method, path) {
        Found::Route(route) => {
            is_itself(path);
            assert!(entry(route).starts_with(&format!("{method} ")));
            assert!(
                of_its_shape.contains(&&entry(route)),
                "{path} is not of {route}"
            );
        }
        Found::OtherMethods(methods) => {
            is_itself(path);
            let expected = |entry: &&String| {
                methods
                    .split(", ")
                    .any(|one| entry.starts_with(&format!("{one} ")))
            };
            assert!(!of_its_shape.is_empty() && of_its_shape.iter().all(expected));
            assert!(!methods.split(", ").any(|one| one == method.as_str()));
        }
        Found::Nothing => assert!(of_its_shape.is_empty(), "{path} is of {of_its_shape:?}"),
    }
});

/// Whoever reads the path as a URL, and decodes it, finds this one and no other.
fn is_itself(path: &str) {
    let url = Url::parse(&format!("{API}{path}")).expect("a URL");
    assert_eq!(url.as_str(), format!("{API}{path}"));
    assert_eq!(url.path(), format!("/2.0{path}"));
    assert!(url.query().is_none() && url.fragment().is_none() && url.username().is_empty());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    assert!(path.bytes().all(plain), "{path}");
    assert!(
        path.split('/')
            .skip(1)
            .all(|part| !["", ".", ".."].contains(&part)),
        "{path}"
    );
}

/// A reading of its own, byte by byte: `{id}` stands for 1 to 20 digits, every other byte for itself.
fn is_of(pattern: &[u8], path: &[u8]) -> bool {
    if let Some(rest) = pattern.strip_prefix(b"{id}") {
        let digits = path.iter().take_while(|byte| byte.is_ascii_digit()).count();
        return (1..=20).contains(&digits) && is_of(rest, &path[digits..]);
    }
    match (pattern, path) {
        ([], []) => true,
        ([expected, pattern @ ..], [found, path @ ..]) => expected == found && is_of(pattern, path),
        _ => false,
    }
}
