//! A form that was sent: what was typed into which column.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};
use url::form_urlencoded;

use super::fields::{MAX_CHARACTERS, canonical, sends_several};
use super::id;
use crate::smartsheet::Column;

/// What a form said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// The sheet's version that the form showed.
    pub(super) version: Option<u64>,
    /// What the form showed in the row ([`super::shown`]).
    pub(super) shown: Option<String>,
    columns: BTreeMap<u64, Vec<String>>,
}

/// What is wrong with it.
pub(super) type Unfit = String;

impl Sent {
    /// Reads the body of a form.
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Unfit> {
        let kind = headers.get(header::CONTENT_TYPE);
        let kind = kind.map_or(&b""[..], |kind| kind.as_bytes());
        if !body.is_empty() && !kind.starts_with(b"application/x-www-form-urlencoded") {
            return Err("It is no form.".to_owned());
        }
        let mut sent = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            match &*name {
                "version" if sent.version.is_some() => return Err(twice("version")),
                "version" => {
                    let version = value.parse().ok();
                    sent.version = Some(version.ok_or("The field “version” is no number.")?);
                }
                "shown" if sent.shown.is_some() => return Err(twice("shown")),
                "shown" => sent.shown = Some(value.into_owned()),
                name => {
                    let column = name.strip_prefix("column-").and_then(id);
                    let column = column.ok_or("One of its fields is not one of this form.")?;
                    let values = sent.columns.entry(column).or_default();
                    values.push(value.into_owned());
                }
            }
        }
        Ok(sent)
    }

    /// Whether it has the fields that a form for `offered` has, and no others.
    pub(super) fn check(&self, offered: &[&Column]) -> Result<(), Unfit> {
        let is_offered = |id: &u64| offered.iter().any(|column| column.id == *id);
        if let Some(foreign) = self.columns.keys().find(|id| !is_offered(id)) {
            return Err(format!(
                "The field “column-{foreign}” is not one of this form."
            ));
        }
        for column in offered {
            let name = || format!("column-{}", column.id);
            let values = self.columns.get(&column.id).map_or(&[][..], Vec::as_slice);
            if sends_several(column) {
                let is_flag = column.kind == crate::smartsheet::ColumnType::Checkbox;
                if is_flag && !matches!(values, [] | [_]) {
                    return Err(twice(&name()));
                }
                if is_flag && values.iter().any(|value| value != "true") {
                    return Err(format!(
                        "The field “{}” is neither “true” nor empty.",
                        name()
                    ));
                }
                continue;
            }
            match values {
                [] => return Err(format!("The field “{}” is missing.", name())),
                [value] if value.chars().count() > 2 * MAX_CHARACTERS => {
                    return Err(format!("The field “{}” is too long.", name()));
                }
                [_] => {}
                _ => return Err(twice(&name())),
            }
        }
        Ok(())
    }

    /// What was typed into the column, if anything was sent of it.
    pub(super) fn typed(&self, column: &Column) -> Option<Vec<String>> {
        match self.columns.get(&column.id) {
            Some(values) => Some(canonical(column, values.clone())),
            // An empty one is not sent.
            None if sends_several(column) => Some(Vec::new()),
            None => None,
        }
    }
}

fn twice(name: &str) -> Unfit {
    format!("The field “{name}” is there more than once.")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str) -> Result<Sent, Unfit> {
        let kind = "application/x-www-form-urlencoded".parse().unwrap();
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind)]);
        Sent::read(&headers, body.as_bytes())
    }

    fn column(id: u64, kind: &str) -> Column {
        serde_json::from_str(&format!(r#"{{"id":{id},"type":"{kind}"}}"#)).unwrap()
    }

    #[test]
    fn fields_are_those_of_the_form() {
        let (text, check) = (column(1, "TEXT_NUMBER"), column(2, "CHECKBOX"));
        let several = column(3, "MULTI_PICKLIST");
        let offered = [&text, &check, &several];
        let fits = |body: &str| read(body).and_then(|sent| sent.check(&offered));
        fits("version=7&column-1=x").unwrap();
        fits("version=7&shown=&column-1=&column-2=true&column-3=a&column-3=b").unwrap();
        for body in [
            "",
            "column-2=true",
            "column-1=x&column-1=y",
            "column-1=x&column-2=true&column-2=true",
            "column-1=x&column-2=on",
            "column-1=x&column-4=y",
            "column-1=x&other=y",
            "column-1=x&column-=y",
            "column-1=x&column-01=y",
            "column-1=x&version=7&version=7",
            "column-1=x&version=seven",
            "column-1=x&version=-1",
            "column-1=x&shown=&shown=",
        ] {
            assert!(fits(body).is_err(), "{body}");
        }
    }

    #[test]
    fn lines_end_as_smartsheet_has_them() {
        let sent = read("column-1=a%0D%0Ab").unwrap();
        assert_eq!(sent.typed(&column(1, "TEXT_NUMBER")).unwrap(), ["a\nb"]);
    }

    proptest! {
        #[test]
        fn no_form_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&String::from_utf8_lossy(&body));
        }
    }
}
