//! `/me` as a page: a profile in words, whatever Smartsheet sends, and a card about the session.

use crate::support::{Browser, DAY, HOUR, MINUTE, Page, Provider, Reply, SECOND, World};

/// `/me` of somebody whose `users/me` is `profile`.
async fn page_of(profile: impl Into<String>) -> Page {
    let profile = profile.into();
    let provider = Provider::start(move |request, _| {
        (request.line == "GET /2.0/users/me").then(|| Reply::json(200, &profile))
    })
    .await;
    let browser = Browser::new(&provider.setup().start().await);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    let page = browser.get("/me").await;
    page.shows(200, &["</html>"]);
    page
}

/// The page without its folded JSON: what is shown in words.
fn in_words(page: &Page) -> &str {
    let (words, _) = page
        .body
        .split_once("The profile as Smartsheet sent it")
        .unwrap();
    words
}

/// What the folded JSON says, as a person reads it.
fn folded_json(page: &Page) -> String {
    let (_, rest) = page
        .body
        .split_once("aria-label=\"The profile as JSON\"><pre data-copy tabindex=\"0\"><code>")
        .unwrap();
    let (json, _) = rest.split_once("</code>").unwrap();
    json.replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#38;", "&")
}

#[tokio::test]
async fn every_field_of_a_profile_is_shown_in_words() {
    let world = World::new().await;
    let page = world.signed_in("full").await.get("/me").await;
    let words = in_words(&page);
    for text in [
        "<h1><bdi>Grace Hopper</bdi></h1>",
        ">G\u{200c}H</span>",
        "9187654321098765",
        "grace.hopper@example.com",
        "en_US",
        "US/Pacific",
        "<bdi>Harbor Computing</bdi> <span class=\"muted\">(<bdi>id 4503599627370496</bdi>)</span>",
        "System administrator</li>",
        "Licensed creator of sheets</li>",
        "Group administrator</li>",
        "Resource viewer</li>",
        "Salesforce connector user</li>",
        "you are not: Jira connector administrator, Salesforce connector administrator.",
        "<bdi>grace@navy.example.org</bdi> <span class=\"badge ok\">confirmed</span>",
        "<bdi>g.hopper@example.net</bdi> <span class=\"badge warn\">not confirmed</span>",
        "Rear Admiral",
        "Compilers",
        "+1 206 555 0100",
        "+1 206 555 0142",
        "Engineering Manager",
        "Sheets owned",
    ] {
        assert!(words.contains(text), "no {text:?} in {words}");
    }
    // Nothing is said twice, and ids that are for programs are in the JSON alone.
    for once in ["grace.hopper@example.com", "Grace Hopper", "Rear Admiral"] {
        let (_, content) = words.split_once("<main").unwrap();
        assert_eq!(content.matches(once).count(), 1, "{once} in {content}");
    }
    assert!(!words.contains("u!1!nAtdn5RJB_o") && page.body.contains("u!1!nAtdn5RJB_o"));
    // A flag is a role in words, never a yes or a no.
    for raw in ["<bdi>Yes</bdi>", "<bdi>No</bdi>", "licensedSheetCreator"] {
        assert!(!words.contains(raw), "{raw} in {words}");
    }
}

#[tokio::test]
async fn times_are_in_the_persons_own_zone_and_locale_and_exact_on_demand() {
    for (locale, zone, words, language, name) in [
        (
            "en_US",
            "US/Pacific",
            "March 2, 2026 at 12:15\u{202f}AM",
            " lang=\"en-US\"",
            "PST",
        ),
        (
            "de_DE",
            "Europe/Berlin",
            "2. März 2026 um 09:15",
            " lang=\"de-DE\"",
            "CET",
        ),
        (
            "ja_JP",
            "Asia/Tokyo",
            "2026年3月2日 17:15",
            " lang=\"ja-JP\"",
            "JST",
        ),
        ("xx_QQ", "Mars/Base", "2026-03-02 08:15", "", "UTC"),
        ("", "", "2026-03-02 08:15", "", "UTC"),
    ] {
        let page = page_of(format!(
            r#"{{"id":1,"email":"a@example.com","locale":"{locale}","timeZone":"{zone}","lastLogin":"2026-03-02T08:15:30Z"}}"#
        ))
        .await;
        let exact = "2026-03-02T08:15:30Z";
        let shown = format!(
            "<details class=\"instant\"><summary><time datetime=\"{exact}\" title=\"{exact}\"{language}><bdi>{words}</bdi>\
             </time> <span class=\"muted\">{name}</span></summary><code>{exact}</code></details>"
        );
        assert!(
            page.body.contains(&shown),
            "no {shown:?} in {}",
            in_words(&page)
        );
        assert_eq!(
            page.body.contains("times are in UTC"),
            name == "UTC",
            "{zone}"
        );
    }
}

#[tokio::test]
async fn the_folded_json_is_indented_and_every_number_is_as_sent() {
    let page = page_of(
        "{\"id\":9223372036854775807123,\"email\":\"a\\u0062<c>@example.com\",\"n\":[1.10e+2, -0],\"deep\":{\"id\":18446744073709551616}}",
    )
    .await;
    assert_eq!(
        folded_json(&page),
        "{\n  \"id\": 9223372036854775807123,\n  \"email\": \"a\\u0062<c>@example.com\",\n  \"n\": [\n    1.10e+2,\n    -0\n  ],\n  \
         \"deep\": {\n    \"id\": 18446744073709551616\n  }\n}"
    );
    for exact in [
        "<bdi>9223372036854775807123</bdi>",
        "id 18446744073709551616",
    ] {
        assert!(in_words(&page).contains(exact), "{}", page.body);
    }
}

#[tokio::test]
async fn a_profile_of_nothing_but_id_and_email() {
    let world = World::new().await;
    let page = world.signed_in("minimal").await.get("/me").await;
    page.shows(
        200,
        &[
            "sam@example.com",
            "48569348493401200",
            "No special roles in Smartsheet",
        ],
    );
    for absent in ["First name", "Work", "null", "None", "you are not"] {
        assert!(!page.body.contains(absent), "{absent} in {}", page.body);
    }
}

#[tokio::test]
async fn many_addresses_fold_away() {
    let addresses: Vec<String> = (0..200)
        .map(|n| format!(r#"{{"id":{n},"email":"a{n}@example.com","confirmed":true}}"#))
        .collect();
    let page = page_of(format!(
        r#"{{"id":1,"email":"a@example.com","alternateEmails":[{}]}}"#,
        addresses.join(",")
    ))
    .await;
    let (shown, folded) = in_words(&page)
        .split_once("<summary>and 195 more</summary>")
        .unwrap();
    assert!(shown.contains("<bdi>a4@example.com</bdi>") && !shown.contains("a5@example.com"));
    assert!(folded.contains("<bdi>a5@example.com</bdi>") && folded.contains("a199@example.com"));
}

#[tokio::test]
async fn names_of_every_kind() {
    let long = "Wolfeschlegelsteinhausenbergerdorff".repeat(9);
    for (first, last, heading, initials) in [
        (
            &*long,
            "Sr.",
            format!("<h1 class=\"long\"><bdi>{long} Sr.</bdi></h1>"),
            "W\u{200c}S",
        ),
        (
            "مريم",
            "حسن",
            "<h1><bdi>مريم حسن</bdi></h1>".to_owned(),
            "م\u{200c}ح",
        ),
        (
            "👩‍🚀",
            "Ride",
            "<h1><bdi>👩‍🚀 Ride</bdi></h1>".to_owned(),
            "👩‍🚀\u{200c}R",
        ),
        (
            "<script>alert(1)</script>",
            "</title>",
            "<h1><bdi>&#60;script&#62;alert(1)&#60;/script&#62; &#60;/title&#62;</bdi></h1>"
                .to_owned(),
            "S\u{200c}T",
        ),
    ] {
        let page = page_of(format!(
            r#"{{"id":1,"email":"a@example.com","firstName":"{first}","lastName":"{last}"}}"#
        ))
        .await;
        page.shows(
            200,
            &[&heading, &format!("aria-hidden=\"true\">{initials}</span>")],
        );
        assert!(!page.body.contains("<script>"), "{}", page.body);
    }
}

#[tokio::test]
async fn html_in_every_field_stays_text() {
    let evil = r#"</code></pre><img src=x onerror=alert(1)>\"'"#;
    let fields = [
        "email",
        "firstName",
        "lastName",
        "locale",
        "timeZone",
        "title",
        "department",
        "company",
        "workPhone",
        "mobilePhone",
        "role",
        "lastLogin",
        "admin",
        "sheetCount",
        "<b>unknown",
    ];
    let members: Vec<String> = fields
        .iter()
        .map(|field| format!("\"{field}\":\"{evil}\""))
        .collect();
    let page = page_of(format!(
        r#"{{"id":"{evil}",{},"account":{{"name":"{evil}","{evil}":"{evil}"}},"alternateEmails":[{{"email":"{evil}","confirmed":true}}]}}"#,
        members.join(",")
    ))
    .await;
    for markup in ["<img src=x", "<b>unknown", "</code></pre><"] {
        let elsewhere = page.body.replace("</code></pre></section>\n</details>", "");
        assert!(!elsewhere.contains(markup), "{markup} in {}", page.body);
    }
    page.shows(200, &["&#60;img src=x onerror=alert(1)&#62;&#34;&#39;"]);
}

#[tokio::test]
async fn the_session_card() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let page = browser.get("/me").await;
    page.shows(
        200,
        &[
            "Your session here",
            // The sandbox's tokens live 604,799 seconds.
            "<time data-countdown datetime=\"2026-01-07T23:59:59Z\">in 7 days</time>",
            "refreshes it on its own when 5 minutes or less are left",
            "<dd>Not yet</dd>",
            "<code>READ_SHEETS</code> <span class=\"small muted\">to see your sheets",
            "<code>WRITE_SHEETS</code>",
            "<form method=\"post\" action=\"/refresh\"><button type=\"submit\" class=\"quiet\">Refresh now</button></form>",
            "<form method=\"post\" action=\"/logout\"><button type=\"submit\" class=\"quiet\">Sign out</button></form>",
            "<a href=\"/flow#latest\">See it in the flow</a>",
        ],
    );

    world.setup.clock.pass(6 * DAY + 23 * HOUR);
    let page = browser.get("/me").await;
    page.shows(200, &[">in 59 minutes 59 seconds</time>"]);

    // Four minutes are within the margin: opening the page refreshes, and the card says so.
    world.setup.clock.pass(56 * MINUTE);
    let page = browser.get("/me").await;
    page.shows(
        200,
        &[
            ">in 7 days</time>",
            "title=\"2026-01-07T23:56:00Z\"",
            "Refreshed just now",
        ],
    );
    assert!(!page.body.contains("Not yet"), "{}", page.body);
    // It is news for a moment.
    world.setup.clock.pass(16 * SECOND);
    let page = browser.get("/me").await;
    page.shows(200, &["Last refreshed"]);
    assert!(!page.body.contains("just now"), "{}", page.body);
}

#[tokio::test]
async fn without_a_refresh_token_the_card_promises_none() {
    let provider = Provider::start(|request, _| {
        (request.line == "POST /2.0/token").then(|| {
            Reply::json(
                200,
                r#"{"access_token":"access-secret-1","token_type":"bearer","expires_in":3600}"#,
            )
        })
    })
    .await;
    let browser = Browser::new(&provider.setup().start().await);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    let page = browser.get("/me").await;
    page.shows(
        200,
        &[
            ">in 1 hour</time>",
            "There is no refresh token with it",
            "action=\"/logout\"",
        ],
    );
    assert!(!page.body.contains("Refresh now"), "{}", page.body);
}
