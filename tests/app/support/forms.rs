//! Forms of rows, as a browser fills them in and sends them.

use reqwest::Method;
use url::form_urlencoded;

use super::{Browser, Page};

/// The fields that a browser would send, in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RowForm {
    pub(crate) action: String,
    pub(crate) fields: Vec<(String, String)>,
    /// The labels of the fields for columns, with the names of these.
    labels: Vec<(String, String)>,
}

impl RowForm {
    /// The form of a row on `page`.
    #[track_caller]
    pub(crate) fn on(page: &Page) -> Self {
        Self::find(page).unwrap_or_else(|| panic!("no form on {page:?}"))
    }

    /// The same, if there is one.
    pub(crate) fn find(page: &Page) -> Option<Self> {
        let (_, rest) = page
            .body
            .split_once("<form method=\"post\" action=\"/sheets/")?;
        let (html, _) = rest.split_once("</form>").unwrap();
        let (action, html) = html.split_once('"').unwrap();
        let mut form = Self {
            action: format!("/sheets/{action}"),
            fields: Vec::new(),
            labels: Vec::new(),
        };
        let mut label = String::new();
        let mut select = String::new();
        for tag in html.split('<').skip(1) {
            let (tag, text) = tag.split_once('>').unwrap();
            let name = attribute(tag, "name");
            match tag.split([' ', '\n']).next().unwrap() {
                "bdi" => {
                    label = unescape(text);
                    // The label of a check box comes after it.
                    if let Some((name, known)) = form.labels.last_mut()
                        && known.is_empty()
                    {
                        name.clone_from(&label);
                        known.clone_from(&select);
                    }
                }
                "input" => {
                    let name = name.unwrap();
                    let value = attribute(tag, "value").unwrap_or_default();
                    let is_box = tag.contains("type=\"checkbox\"");
                    if is_box {
                        select.clone_from(&name);
                        form.labels.push((String::new(), String::new()));
                    } else {
                        form.labels.push((label.clone(), name.clone()));
                    }
                    if !is_box || tag.ends_with(" checked") {
                        form.fields.push((name, value));
                    }
                }
                "textarea" => {
                    let name = name.unwrap();
                    form.labels.push((label.clone(), name.clone()));
                    let text = unescape(text.strip_prefix('\n').unwrap_or(text));
                    form.fields.push((name, text));
                }
                "select" => {
                    select = name.unwrap();
                    form.labels.push((label.clone(), select.clone()));
                    form.fields.push((select.clone(), String::new()));
                }
                "option" if tag.ends_with(" selected") => {
                    form.fields.last_mut().unwrap().1 = attribute(tag, "value").unwrap();
                }
                _ => {}
            }
        }
        Some(form)
    }

    /// The name of the field with this label.
    #[track_caller]
    pub(crate) fn name_of(&self, label: &str) -> String {
        let found = self.labels.iter().find(|(known, _)| known == label);
        found
            .unwrap_or_else(|| panic!("no field {label} in {self:?}"))
            .1
            .clone()
    }

    /// What the field with this label says; nothing for a box that is not checked.
    #[track_caller]
    pub(crate) fn value(&self, label: &str) -> Option<&str> {
        let name = self.name_of(label);
        let field = self.fields.iter().find(|(known, _)| *known == name);
        field.map(|(_, value)| value.as_str())
    }

    /// Fills in the field with this label. Of a box, `true` checks it and an empty text takes the check away.
    #[track_caller]
    pub(crate) fn fill(&mut self, label: &str, value: &str) -> &mut Self {
        let name = self.name_of(label);
        self.set(&name, value)
    }

    /// Sets a field by its name.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> &mut Self {
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => value.clone_into(known),
            None => self.fields.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Leaves a field out.
    pub(crate) fn without(&mut self, name: &str) -> &mut Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn body(&self) -> String {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(&self.fields).finish()
    }

    /// Sends it as a browser does from a page of ours.
    pub(crate) async fn send(&self, browser: &Browser) -> Page {
        post(browser, &self.action, self.body()).await
    }
}

/// A form that comes from a page of ours.
pub(crate) async fn post(browser: &Browser, path: &str, body: String) -> Page {
    let headers = [
        (
            "accept",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        ),
        ("content-type", "application/x-www-form-urlencoded"),
        ("origin", "null"),
        ("sec-fetch-site", "same-origin"),
    ];
    browser.send_body(Method::POST, path, &headers, body).await
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(unescape(rest.split('"').next().unwrap()))
}

pub(crate) fn unescape(text: &str) -> String {
    text.replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#38;", "&")
}
