//! Two people, two instances, one sheet: whichever instance a form comes from and goes to, each row has the right name on it, and
//! nothing that somebody wrote is undone unseen.

use std::net::SocketAddr;

use reqwest::Method;
use url::form_urlencoded;

use crate::support::{Browser, Cluster, Kind, Page, SandboxProcess, on_both_stores};

on_both_stores! {
    forms_are_good_at_every_instance,
}

const BOARD: &str = "/sheets/2331373580117892";
/// "Write the texts".
const ROW: &str = "/sheets/2331373580117892/rows/2331373580117928";

async fn sign_in(browser: &Browser, at: SocketAddr, user: &str) {
    let html = "text/html";
    let login = browser.send(Method::GET, at, "/login", html).await.unwrap();
    let callback = browser.allow(&login, user).await.unwrap();
    assert_eq!(browser.get(at, &callback).await.location(), Some("/me"));
    assert_eq!(browser.me(at).await.status, 200);
}

/// The fields of the row's form: text alone, as none of its others is filled in.
fn form(page: &Page) -> Vec<(String, String)> {
    assert!(page.body.contains("class=\"fields\""), "{page:?}");
    let attribute = |tag: &str, name: &str| {
        let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
        Some(rest.split('"').next()?.to_owned())
    };
    let mut fields = Vec::new();
    for tag in page.body.split('<') {
        let is_field = tag.starts_with("input ") && !tag.contains("checkbox");
        if let (true, Some(name)) = (is_field, attribute(tag, "name")) {
            fields.push((name, attribute(tag, "value").unwrap_or_default()));
        } else if let (true, Some(name)) = (tag.starts_with("select "), attribute(tag, "name")) {
            fields.push((name, String::new()));
        } else if tag.starts_with("option ") && tag.contains(" selected") {
            fields.last_mut().unwrap().1 = attribute(tag, "value").unwrap();
        }
    }
    fields
}

/// The primary column's field comes first, after what is hidden.
fn fill(fields: &mut [(String, String)], task: &str) {
    let first = fields
        .iter_mut()
        .find(|(name, _)| name.starts_with("column-"));
    task.clone_into(&mut first.unwrap().1);
}

async fn send(browser: &Browser, at: SocketAddr, path: &str, fields: &[(String, String)]) -> Page {
    let mut body = form_urlencoded::Serializer::new(String::new());
    let body = body.extend_pairs(fields).finish();
    browser.send_form(at, path, body).await
}

async fn forms_are_good_at_every_instance(kind: Kind) {
    let sandbox = SandboxProcess::start();
    let cluster = Cluster::new(kind).await.with_sandbox(&sandbox);
    let (one, two) = (cluster.start().await, cluster.start().await);
    let (one, two) = (one.address, two.address);
    let (grace, sam) = (Browser::new(), Browser::new());
    sign_in(&grace, one, "full").await;
    sign_in(&sam, two, "minimal").await;

    // A row from the form of the one instance, sent to the other.
    for (browser, from, to, task) in [(&grace, one, two, "By Grace"), (&sam, two, one, "By Sam")] {
        let mut fields = form(&browser.get(from, BOARD).await);
        fill(&mut fields, task);
        let saved = send(browser, to, &format!("{BOARD}/rows"), &fields).await;
        assert_eq!(saved.status, 303, "{saved:?}");
    }
    let page = grace.get(two, BOARD).await;
    for task in ["By Grace", "By Sam"] {
        assert!(page.body.contains(task), "{page:?}");
    }

    // A change elsewhere in the sheet is no conflict, though the other instance showed the form.
    let mut hers = form(&grace.get(one, ROW).await);
    let mut fields = form(&sam.get(two, BOARD).await);
    fill(&mut fields, "Another one");
    assert_eq!(
        send(&sam, two, &format!("{BOARD}/rows"), &fields)
            .await
            .status,
        303
    );
    fill(&mut hers, "Texts by Grace");
    assert_eq!(send(&grace, two, ROW, &hers).await.status, 303);

    // One of this row is.
    let mut his = form(&sam.get(two, ROW).await);
    let mut hers = form(&grace.get(one, ROW).await);
    fill(&mut his, "Texts by Sam");
    assert_eq!(send(&sam, one, ROW, &his).await.status, 303);
    fill(&mut hers, "Other texts by Grace");
    let conflict = send(&grace, two, ROW, &hers).await;
    assert_eq!(conflict.status, 409, "{conflict:?}");
    for shown in ["Texts by Sam", "Other texts by Grace", "sam@example.com"] {
        assert!(conflict.body.contains(shown), "{shown}: {conflict:?}");
    }
    // "Use mine", at yet another instance.
    let mine: Vec<_> = form(&conflict);
    assert_eq!(send(&grace, one, ROW, &mine).await.status, 303);
    let row = sam.get(one, ROW).await;
    assert!(row.body.contains("Other texts by Grace"), "{row:?}");
    assert!(row.body.contains("Grace Hopper"), "{row:?}");
}
