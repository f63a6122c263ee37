//! The back end of a site calls Smartsheet's API with the assertion that came with a request.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::Method;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::api::{CSRF, parsed, with_api};
use crate::gateway::{BOARD, WIKI, claims, everywhere, with_sites};
use crate::support::app::BASE_URL;
use crate::support::{Page, SECOND, Setup, Visitor, World};

fn with_assertions(setup: Setup) -> Setup {
    with_api(with_sites(setup)).set("api.assertions", "on")
}

/// What the back end of `site` gets with a request of `person`.
async fn assertion(person: &Visitor, site: &str) -> String {
    let page = person.check(site).await;
    assert_eq!(page.status, 200);
    page.header("x-smartsheet-assertion").to_owned()
}

/// A call with `assertion` alone, as a back end makes it.
async fn called(world: &World, origin: &str, assertion: &str) -> Page {
    let back_end = Visitor::new(&world.app);
    let bearer = format!("Bearer {assertion}");
    let url = format!("{origin}/auth/api/2.0/users/me");
    back_end
        .send(Method::GET, &url, &[("authorization", &bearer)])
        .await
}

#[tokio::test]
async fn as_the_person_that_it_was_given_for() {
    let world = World::with(with_assertions).await;
    let ann = everywhere(&world, "full").await;
    let bob = everywhere(&world, "minimal").await;
    let page = ann.check(WIKI).await;
    let said = claims(&ann, &page).await;
    assert_eq!(said["aud"], json!([WIKI, BASE_URL]));
    for (person, email) in [
        (&ann, "grace.hopper@example.com"),
        (&bob, "sam@example.com"),
    ] {
        let given = assertion(person, WIKI).await;
        for origin in [BASE_URL, WIKI] {
            let page = called(&world, origin, &given).await;
            assert_eq!((page.status, &parsed(&page)["email"]), (200, &json!(email)));
        }
        called(&world, BOARD, &given)
            .await
            .is_problem(401, "bad-assertion");
    }
    // Each session has its own, though they are of one person and of the same second.
    let again = everywhere(&world, "full").await;
    let (first, second) = (assertion(&ann, WIKI).await, assertion(&again, WIKI).await);
    assert_ne!(first, second);
    let own = [("origin", WIKI), ("sec-fetch-site", "same-origin")];
    again
        .send(Method::POST, &format!("{WIKI}/auth/sign-out"), &own)
        .await;
    let page = called(&world, BASE_URL, &second).await;
    let problem = page.is_problem(401, "bad-assertion");
    assert!(problem.get("sign_in_url").is_none());
    assert_eq!(
        page.header("www-authenticate"),
        "Bearer error=\"invalid_token\""
    );
    assert_eq!(called(&world, BASE_URL, &first).await.status, 200);
}

#[tokio::test]
async fn for_a_minute() {
    let world = World::with(with_assertions).await;
    let ann = everywhere(&world, "full").await;
    let given = assertion(&ann, WIKI).await;
    world.setup.clock.pass(59 * SECOND);
    assert_eq!(called(&world, BASE_URL, &given).await.status, 200);
    world.setup.clock.pass(SECOND);
    called(&world, BASE_URL, &given)
        .await
        .is_problem(401, "bad-assertion");
}

/// `given` with another header, changed claims, and what `sign` makes of both.
fn forged(given: &str, header: &Value, change: &Value, sign: impl Fn(&str) -> Vec<u8>) -> String {
    let claims = given.split('.').nth(1).unwrap();
    let mut claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let change = change.as_object().unwrap().clone();
    claims.as_object_mut().unwrap().extend(change);
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encoded(header), encoded(&claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(&signed));
    format!("{signed}.{signature}")
}

#[tokio::test]
async fn a_forged_one_does_not_count() {
    let world = World::with(with_assertions).await;
    let ann = everywhere(&world, "full").await;
    let given = assertion(&ann, WIKI).await;
    let header = given.split('.').next().unwrap();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    let kid = header["kid"].clone();
    let jwks = world.browser().get("/.well-known/jwks.json").await.body;
    let key: Value = serde_json::from_str::<Value>(&jwks).unwrap()["keys"][0].clone();
    let half = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let point = [&[4][..], &half("x"), &half("y")].concat();
    // RFC 5480: what precedes the point in the public key's DER form.
    let spki = [
        b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00",
        &point[..],
    ]
    .concat();
    let base64 = STANDARD.encode(&spki);
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n{}\n-----END PUBLIC KEY-----\n",
        &base64[..64],
        &base64[64..]
    );
    let unchanged = json!({});
    let mut tokens = Vec::new();
    for alg in ["none", "None", "NONE", ""] {
        let header = json!({"alg": alg, "typ": "JWT", "kid": kid});
        tokens.push(forged(&given, &header, &unchanged, |_| Vec::new()));
    }
    // A public key is no shared secret, however it is written (RFC 8725 section 2.1).
    for secret in [
        &point[..],
        &spki,
        pem.as_bytes(),
        pem.trim_end().as_bytes(),
        key.to_string().as_bytes(),
        jwks.as_bytes(),
        b"",
    ] {
        let header = json!({"alg": "HS256", "typ": "JWT", "kid": kid});
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let sign = |signed: &str| hmac::sign(&secret, signed.as_bytes()).as_ref().to_vec();
        tokens.push(forged(&given, &header, &unchanged, sign));
    }
    // Somebody else's key, by our name, by another one, and brought along.
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let own =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pair.as_ref(), &random).unwrap();
    let (x, y) = own.public_key().as_ref()[1..].split_at(32);
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "kid": "mine",
        "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
    });
    for header in [
        json!({"alg": "ES256", "kid": kid}),
        json!({"alg": "ES256", "kid": "mine"}),
        json!({"alg": "ES256"}),
        json!({"alg": "ES256", "kid": "mine", "jwk": jwk}),
        json!({"alg": "ES256", "kid": "mine", "jku": "http://127.0.0.1:1/jwks.json"}),
        json!({"alg": "ES256", "kid": "../../dev/null"}),
    ] {
        let sign = |signed: &str| {
            own.sign(&random, signed.as_bytes())
                .unwrap()
                .as_ref()
                .to_vec()
        };
        tokens.push(forged(&given, &header, &unchanged, sign));
    }
    // The signature is of something else.
    let signature = given.rsplit('.').next().unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    for change in [
        json!({"sub": "1"}),
        json!({"exp": 4_000_000_000_i64}),
        json!({"aud": [BOARD, BASE_URL]}),
    ] {
        tokens.push(forged(&given, &header, &change, |_| signature.clone()));
    }
    // What is true of some libraries: a signature of zeros fits anything.
    tokens.push(forged(&given, &header, &json!({"sub": "1"}), |_| {
        vec![0; 64]
    }));
    for token in tokens {
        called(&world, BASE_URL, &token)
            .await
            .is_problem(401, "bad-assertion");
    }
    assert_eq!(called(&world, BASE_URL, &given).await.status, 200);
}

#[tokio::test]
async fn one_that_does_not_count_is_not_made_up_for_by_a_cookie() {
    let world = World::with(with_assertions).await;
    let ann = everywhere(&world, "full").await;
    let given = assertion(&ann, WIKI).await;
    let url = format!("{WIKI}/auth/api/2.0/users/me");
    let long = format!("Bearer {}", "x".repeat(20 * 1024));
    for bad in [
        "Bearer x",
        "bearer  x.y.z",
        &long,
        &format!("Bearer {given}x"),
    ] {
        let page = ann
            .send(Method::GET, &url, &[CSRF, ("authorization", bad)])
            .await;
        page.is_problem(401, "bad-assertion");
    }
    // A client that has no token, and says so, has its cookie.
    for none in ["Bearer ", "Bearer", "Basic YTpi", "Bearerx y"] {
        let page = ann
            .send(Method::GET, &url, &[CSRF, ("authorization", none)])
            .await;
        assert_eq!(page.status, 200, "{none}");
        let page = ann
            .send(Method::GET, &url, &[("authorization", none)])
            .await;
        page.is_problem(403, "no-csrf-header");
    }
}

#[tokio::test]
async fn not_unless_that_is_turned_on() {
    let world = World::with(|setup| with_api(with_sites(setup))).await;
    let ann = everywhere(&world, "full").await;
    let given = assertion(&ann, WIKI).await;
    let page = called(&world, BASE_URL, &given).await;
    page.is_problem(403, "no-csrf-header");
    // Nor is one taken later that was given before.
    let on = with_assertions(world.setup.clone());
    world.app.stop().await;
    let world = World {
        app: on.start().await,
        setup: on,
        sandbox: world.sandbox,
    };
    called(&world, BASE_URL, &given)
        .await
        .is_problem(401, "bad-assertion");
}

#[tokio::test]
async fn nor_for_whom_the_sites_are_not() {
    let world = World::with(with_assertions).await;
    let ann = everywhere(&world, "full").await;
    let given = assertion(&ann, WIKI).await;
    let narrow = world.setup.clone().set("gateway.allow", "@nobody.example");
    world.app.stop().await;
    let world = World {
        app: narrow.start().await,
        setup: narrow,
        sandbox: world.sandbox,
    };
    called(&world, BASE_URL, &given)
        .await
        .is_problem(403, "not-allowed-here");
    // And of a site that is none any more, none is taken.
    let fewer = with_assertions(world.setup.clone())
        .set("gateway.allow", "")
        .set("gateway.sites", BOARD);
    world.app.stop().await;
    let world = World {
        app: fewer.start().await,
        setup: fewer,
        sandbox: world.sandbox,
    };
    called(&world, BASE_URL, &given)
        .await
        .is_problem(401, "bad-assertion");
}
