//! The panel of "Break it", as somebody uses it with a browser.

use reqwest::Method;
use url::Url;

use super::app::BASE_URL;
use super::forms::RowForm;
use super::{Browser, Page};
use test_support::http_client;

/// A failure, as the panel lists it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) status: u16,
}

/// The buttons of the panel.
pub(crate) async fn panel(browser: &Browser) -> Vec<Listed> {
    let page = browser.get("/break").await;
    page.shows(200, &["Break it"]);
    let listed = page.body.split("<li class=\"card\">").skip(1).map(|card| {
        let after = |marker: &str| card.split_once(marker).unwrap().1;
        let name = after("formaction=\"/break/")
            .split_once('"')
            .unwrap()
            .0
            .to_owned();
        let status = after("Ends with ")[..3].parse().unwrap();
        Listed { name, status }
    });
    let listed: Vec<Listed> = listed.collect();
    assert!(!listed.is_empty());
    listed
}

/// Presses the button, as our page does it.
pub(crate) async fn press(browser: &Browser, name: &str) -> Page {
    let headers = [
        ("accept", "text/html"),
        ("origin", "null"),
        ("sec-fetch-site", "same-origin"),
    ];
    browser
        .send(Method::POST, &format!("/break/{name}"), &headers)
        .await
}

/// Does what the panel's failures of rows ask for: saves the form that they lead to.
pub(crate) async fn save(browser: &Browser, page: Page) -> Page {
    if !page.body.contains("Now change something and save.") {
        return page;
    }
    let mut form = RowForm::on(&page);
    let task = format!("{} and more", form.value("Task").unwrap());
    let saved = form.fill("Task", &task).send(browser).await;
    follow(browser, saved).await
}

/// Goes where `page` sends the browser, over the sandbox and back, until there is a page that stays.
pub(crate) async fn follow(browser: &Browser, mut page: Page) -> Page {
    for _ in 0..12 {
        if !(300..400).contains(&page.status) {
            return page;
        }
        let location = page.location().to_owned();
        let path = location.strip_prefix(BASE_URL).unwrap_or(&location);
        let path = path.split('#').next().unwrap();
        page = if path.starts_with('/') {
            browser.get(path).await
        } else {
            // Another site, which gets no cookie of ours.
            let mut url: Url = location.parse().unwrap();
            assert_eq!(url.path(), "/sandbox/b/authorize");
            url.set_port(Some(browser.address().port())).unwrap();
            Page::read(http_client().get(url).send().await.unwrap()).await
        };
    }
    panic!("it goes in circles: {page:?}");
}
