//! The documents keep up with the program: every setting with its default, every error with what to do, no link to nothing.

use std::fs;
use std::path::{Path, PathBuf};

use smartsheet_oauth_demo::config::{Default, Origin, Settings, TABLE};
use tempfile::TempDir;

const SETTINGS: &str = include_str!("../../docs/settings.md");
const TROUBLESHOOTING: &str = include_str!("../../docs/troubleshooting.md");
const TOKEN_ERRORS: &str = include_str!("../../crates/smartsheet-oauth/src/error.rs");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a line that is nothing but a string literal and a comma.
fn literal(line: &str) -> Option<&str> {
    line.trim().strip_prefix('"')?.strip_suffix("\",")
}

/// The titles of the error pages: what is assigned to `title`, and what follows the name of a problem on a line of its own.
/// Files that answer no status have titles of other things.
fn titles(source: &str) -> Vec<&str> {
    let mut titles = Vec::new();
    let mut after_name = false;
    for line in source.lines() {
        let title = match line.trim().strip_prefix("title: ") {
            Some(value) => literal(value),
            None if after_name => literal(line).filter(|text| !text.ends_with('.')),
            None => None,
        };
        titles.extend(title);
        let name = literal(line).or_else(|| literal(line.trim().strip_prefix("kind: ")?));
        after_name = name.is_some_and(|name| {
            let is_part = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
            name.bytes().all(is_part)
        });
    }
    titles
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn every_error_page_is_explained() {
    let mut files = Vec::new();
    rust_files(&root().join("src/web"), &mut files);
    let mut known = 0;
    for file in files {
        let source = fs::read_to_string(&file).unwrap();
        if !source.contains("StatusCode::") {
            continue;
        }
        for title in titles(&source) {
            known += 1;
            assert!(
                TROUBLESHOOTING.contains(&format!("\"{title}\"")),
                "{}: {title:?}",
                file.display()
            );
        }
    }
    assert!(known >= 25, "{known}");
}

#[test]
fn every_code_of_the_token_endpoint_is_explained() {
    let reader = TOKEN_ERRORS.split("fn of(").nth(1).unwrap();
    let reader = reader.split("\n    }\n").next().unwrap();
    let codes: Vec<&str> = reader
        .split(|character: char| !character.is_ascii_digit())
        .filter(|digits| digits.len() == 4)
        .collect();
    assert!(codes.len() >= 12, "{codes:?}");
    for code in codes {
        assert!(TROUBLESHOOTING.contains(code), "{code}");
    }
}

/// The program's own table of settings, row by row.
#[test]
fn every_setting_is_listed_as_the_program_has_it() {
    let expected: Vec<String> = TABLE
        .iter()
        .map(|setting| {
            let default = match setting.default {
                Default::None => "| |".to_owned(),
                Default::Value(value) => format!("| `{value}` |"),
                Default::Words(words) => format!("| {words} |"),
            };
            format!("| `{}` {default} {} |", setting.name, setting.about)
        })
        .collect();
    let rows: Vec<&str> = SETTINGS
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    for (row, expected) in rows.iter().zip(&expected) {
        assert_eq!(row, expected);
    }
    assert_eq!(rows.len(), expected.len());
}

/// What the table says of defaults is in force when nothing is set.
#[test]
fn the_defaults_are_in_force() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("config.toml");
    fs::write(&file, "").unwrap();
    let settings = Settings::load(Some(&file), &|_| None, &[]).unwrap();
    for (setting, (name, value, origin)) in TABLE.iter().zip(settings.describe()) {
        assert_eq!((setting.name, origin), (name, Origin::Default));
        match setting.default {
            Default::Value(expected) => assert_eq!(value, expected, "{name}"),
            Default::None if name.starts_with("smartsheet.client_") => {}
            Default::None => assert!(matches!(&*value, "not set" | ""), "{name}: {value}"),
            Default::Words(_) => {}
        }
    }
}

/// `config.toml` has every setting, in the table's order, with its default where that is a value.
#[test]
fn the_file_has_every_setting_in_the_same_order() {
    let mut section = "";
    let mut found = Vec::new();
    for line in include_str!("../../config.toml").lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((key, value)) = line.split_once(" = ")
            && let Some(key) = key.strip_prefix('#')
            && key
                .trim_start()
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        {
            found.push((
                format!("{section}.{}", key.trim_start()),
                !key.starts_with(' '),
                value,
            ));
        }
    }
    for (setting, (name, is_default, value)) in TABLE.iter().zip(&found) {
        assert_eq!(setting.name, name);
        match setting.default {
            Default::Value(default) => {
                assert!(is_default, "{name}");
                let list = format!("[\"{}\"]", default.replace(' ', "\", \""));
                assert!(
                    [format!("\"{default}\""), list].contains(&(*value).to_owned()),
                    "{name}: {value}"
                );
            }
            _ => assert!(!is_default || name == "smartsheet.region", "{name}"),
        }
    }
    assert_eq!(found.len(), TABLE.len(), "{found:?}");
}

/// Every link within the repository leads to something.
#[test]
fn no_link_leads_nowhere() {
    let mut documents = Vec::new();
    for folder in [".", "docs", "docs/decisions", "deploy/gateway", "crates/*"] {
        let folders = match folder.strip_suffix("/*") {
            Some(parent) => fs::read_dir(root().join(parent)).unwrap(),
            None => fs::read_dir(root().join(folder)).unwrap(),
        };
        for entry in folders {
            let path = entry.unwrap().path();
            documents.push(if folder.ends_with("/*") {
                path.join("README.md")
            } else {
                path
            });
        }
    }
    let mut links = 0;
    for document in documents {
        if document
            .extension()
            .is_none_or(|extension| extension != "md")
        {
            continue;
        }
        let text = fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().unwrap();
            let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
            if file.contains("://") {
                continue;
            }
            links += 1;
            let target = if file.is_empty() {
                document.clone()
            } else {
                document.parent().unwrap().join(file)
            };
            assert!(target.exists(), "{}: {link}", document.display());
            if !fragment.is_empty() {
                let headings = fs::read_to_string(&target).unwrap();
                let found = headings.lines().any(|line| anchor(line) == fragment);
                assert!(found, "{}: {link}", document.display());
            }
        }
    }
    assert!(links >= 10, "{links}");
}

/// What a heading is linked to by.
fn anchor(line: &str) -> String {
    let Some(heading) = line.strip_prefix('#') else {
        return String::new();
    };
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    words
        .chars()
        .filter(|character| character.is_alphanumeric() || " -_".contains(*character))
        .map(|character| if character == ' ' { '-' } else { character })
        .collect()
}
