//! `users/me`, and what all API calls have in common.

use axum::{body::Body, http::Request};

use crate::support::{World, authorize_path};

#[tokio::test]
async fn each_user_has_their_profile() {
    let world = World::new().await;
    let full = world.sign_in("full", "").await;
    let answer = world.me(&full.access).await;
    assert!(answer.body.contains("\"id\": 9187654321098765,"));
    assert_eq!(answer.json()["alternateEmails"][1]["confirmed"], false);
    assert_eq!(answer.header("content-type"), "application/json");
    let minimal = world.sign_in("minimal", "").await;
    let json = world.me(&minimal.access).await.json();
    assert_eq!(json.as_object().unwrap().len(), 2);
    let unicode = world.sign_in("unicode", "").await;
    let json = world.me(&unicode.access).await.json();
    assert_eq!(json["firstName"], "Zoë <b>\"O'Brien\"");
}

/// Those whose profiles try pages; whatever else is in them, the id is a number and the address is theirs.
#[tokio::test]
async fn the_odd_ones_are_as_odd_as_they_say() {
    let world = World::new().await;
    let mut profiles = std::collections::HashMap::new();
    for user in ["long", "rtl", "markup", "many", "odd"] {
        let pair = world.sign_in(user, "READ_SHEETS").await;
        let profile = world.me(&pair.access).await.json();
        assert!(profile["id"].is_i64() && profile["email"].is_string());
        let sheets = world.with_token("GET", "/2.0/sheets", &pair.access).await;
        assert!(sheets.json()["totalCount"].as_u64() >= Some(2));
        profiles.insert(user, profile);
    }
    let length = |field: &str| profiles["long"][field].as_str().unwrap().chars().count();
    for field in ["firstName", "lastName", "title", "company"] {
        assert_eq!(length(field), 300);
    }
    let rtl = &profiles["rtl"];
    assert!(rtl["firstName"].as_str().unwrap().starts_with('م'));
    assert!(rtl["title"].as_str().unwrap().contains('\u{200d}'));
    assert!(rtl["lastName"].as_str().unwrap().contains('\u{202e}'));
    for (field, value) in profiles["markup"].as_object().unwrap() {
        if let Some(text) = value.as_str() {
            assert!(
                text.contains(['<', '>', '{', '&', '\'', ':']),
                "{field}: {text}"
            );
        }
    }
    let addresses = profiles["many"]["alternateEmails"].as_array().unwrap();
    let distinct: std::collections::HashSet<_> = addresses
        .iter()
        .map(|address| address["email"].as_str().unwrap())
        .collect();
    assert_eq!(distinct.len(), 200);
    let odd = &profiles["odd"];
    assert!(odd["firstName"].is_number() && odd["title"].is_null() && odd["admin"].is_string());
    assert!(odd["timeZone"].as_str().unwrap().starts_with("Mars/"));
    assert!(
        odd["lastLogin"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .is_err()
    );
}

#[tokio::test]
async fn the_odd_ones_are_folded_away_until_one_is_chosen() {
    let world = World::new().await;
    let page = world.get(&authorize_path(&[])).await.body;
    let (before, folded) = page.split_once("<details>").unwrap();
    let folded = folded.split_once("</details>").unwrap().0;
    for user in ["full", "minimal", "unicode", "no-api"] {
        assert!(before.contains(&format!("value=\"{user}\"")));
    }
    for user in ["long", "rtl", "markup", "many", "odd"] {
        assert!(folded.contains(&format!("value=\"{user}\"")));
    }
    assert!(!page.contains("<script") && !page.contains("<img src"));
    let chosen = world
        .get(&authorize_path(&[("sandbox_user", "markup")]))
        .await;
    assert!(chosen.body.contains("<details open>"));
    assert!(chosen.body.contains("value=\"markup\" checked"));
    assert_eq!(chosen.body.matches(" checked").count(), 1);
}

#[tokio::test]
async fn a_plan_without_api_access_signs_in_and_calls_nothing() {
    let world = World::new().await;
    let pair = world.sign_in("no-api", "READ_SHEETS").await;
    world.me(&pair.access).await.refused(403, 1004);
    let gone = world.with_token("DELETE", "/2.0/token", &pair.access).await;
    assert_eq!(gone.status, 200);
}

#[tokio::test]
async fn each_cause_of_401_has_its_code() {
    let world = World::new().await;
    world.get("/2.0/users/me").await.refused(401, 1001);
    for (header, code) in [
        (&b"Bearer "[..], 1001),
        (b"", 1001),
        (b"Basic YTpi", 1001),
        (b"Bearer nonsense", 1002),
        (b"Bearer \xff\xfe", 1002),
    ] {
        let request = Request::get("/2.0/users/me").header("authorization", header);
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        answer.refused(401, code);
    }
    let pair = world.sign_in("full", "").await;
    let request =
        Request::get("/2.0/users/me").header("authorization", format!("bearer  {}", pair.access));
    assert_eq!(
        world
            .send(request.body(Body::empty()).unwrap())
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn what_does_not_exist_answers_in_the_apis_form() {
    let world = World::new().await;
    for path in [
        "/2.0",
        "/2.0/",
        "/2.0/nothing",
        "/2.0/users/me/",
        "/control/nothing",
    ] {
        world.get(path).await.refused(404, 1006);
    }
    let wrong = world.delete("/2.0/users/me").await;
    wrong.refused(405, 1010);
    assert_eq!(wrong.header("allow"), "GET,HEAD");
    world.get("/2.0/token").await.refused(405, 1010);
    world.delete("/control/revoke").await.refused(405, 1010);
    world.get("/1.1/user/me").await.refused(410, 4005);
    assert_eq!(world.delete("/b/authorize").await.status, 405);
}

#[tokio::test]
async fn a_rate_limit_counts_each_token_and_minute() {
    let world = World::with(|options| options.rate_limit = Some(3)).await;
    let (one, other) = (
        world.sign_in("full", "").await,
        world.sign_in("full", "").await,
    );
    for _ in 0..3 {
        assert_eq!(world.me(&one.access).await.status, 200);
    }
    let refused = world.me(&one.access).await;
    refused.refused(429, 4003);
    assert_eq!(refused.header("retry-after"), "60");
    assert_eq!(world.me(&other.access).await.status, 200);
    world.pass(std::time::Duration::from_mins(1));
    assert_eq!(world.me(&one.access).await.status, 200);
}

#[tokio::test]
async fn groups_are_told_on_request_alone() {
    let world = World::new().await;
    for (user, names) in [
        ("full", vec!["Everybody", "Compilers"]),
        ("unicode", vec!["Everybody", "Φίλοι, Søren & co"]),
        ("minimal", vec![]),
        ("odd", vec![]),
    ] {
        let token = world.sign_in(user, "").await.access;
        let mut profile = world.me(&token).await.json();
        let path = "/2.0/users/me?include=groups";
        let with_groups = world.with_token("GET", path, &token).await.json();
        let groups = with_groups["groups"].as_array().unwrap();
        let told: Vec<_> = groups
            .iter()
            .map(|group| group["name"].as_str().unwrap())
            .collect();
        assert_eq!(told, names);
        assert!(
            groups
                .iter()
                .all(|group| group["groupId"].is_i64() && group["description"].is_string())
        );
        profile["groups"] = with_groups["groups"].clone();
        assert_eq!(profile, with_groups, "all else stays");
    }
}
