//! SECURITY.md says which test proves what: each of them is there, and so is each file it names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const SECURITY: &str = include_str!("../../SECURITY.md");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("node_modules") {
                rust_files(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// `file::function` of every function that is marked as a test, or that a macro of the cluster's makes into several.
fn tests() -> BTreeSet<String> {
    let mut files = Vec::new();
    for folder in ["src", "tests", "crates"] {
        rust_files(&root().join(folder), &mut files);
    }
    let mut tests = BTreeSet::new();
    for file in files {
        let stem = match file.file_stem().unwrap().to_str().unwrap() {
            "mod" => file.parent().unwrap().file_name().unwrap(),
            _ => file.file_stem().unwrap(),
        };
        let stem = stem.to_str().unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.lines().map(str::trim);
        let in_cluster = file.starts_with(root().join("tests/cluster"));
        let in_proptest = text.contains("proptest! {");
        let mut marked = false;
        for line in lines {
            marked |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            let function = line.trim_start_matches("async ").strip_prefix("fn ");
            let Some(function) = function else { continue };
            let name = function.split(['(', '<']).next().unwrap();
            let by_macro = in_cluster && line.contains("(kind: Kind)");
            let by_proptest = in_proptest && line.contains(" in ");
            if marked || by_macro || by_proptest {
                tests.insert(format!("{stem}::{name}"));
            }
            marked = false;
        }
    }
    tests
}

/// What is written as code.
fn quoted() -> impl Iterator<Item = &'static str> {
    SECURITY.split('`').skip(1).step_by(2)
}

#[test]
fn each_test_that_security_md_names_exists() {
    let tests = tests();
    let named: BTreeSet<&str> = quoted()
        .filter(|text| text.contains("::") && *text != "file::test")
        .collect();
    assert!(named.len() > 50, "{named:?}");
    let missing: Vec<&&str> = named
        .iter()
        .filter(|name| !tests.contains(**name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn each_file_that_security_md_names_exists() {
    let files: Vec<&str> = quoted()
        .filter(|text| {
            ["src/", "tests/", "crates/", "deploy/"]
                .iter()
                .any(|folder| text.starts_with(folder))
        })
        .collect();
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        assert!(root().join(file).exists(), "{file}");
    }
}

/// Every row has as many cells as its table's head.
#[test]
fn the_tables_are_whole() {
    let mut columns = None;
    for line in SECURITY.lines() {
        if !line.starts_with('|') {
            columns = None;
            continue;
        }
        let cells = line.matches(" |").count();
        assert_eq!(*columns.get_or_insert(cells), cells, "{line}");
    }
}
