//! docs/metrics.md and docs/dashboard.json name the figures that there are, all of them and no others.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::metrics::measured;
use crate::support::World;
use crate::support::exposition::{Exposition, scrape_counted};

const DOCUMENT: &str = include_str!("../../docs/metrics.md");
const DASHBOARD: &str = include_str!("../../docs/dashboard.json");

/// What a running app tells once it was used.
async fn figures() -> Exposition {
    let world = World::with(measured).await;
    let browser = world.signed_in("full").await;
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    scrape_counted(world.app.metrics.unwrap()).await
}

/// The names of metrics in `text`, as families.
fn names(text: &str) -> BTreeSet<&str> {
    let words =
        text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    let words =
        words.filter(|word| word.starts_with("oauth_demo_") || word.starts_with("process_"));
    words
        .map(|word| {
            let suffixes = ["_bucket", "_sum", "_count"];
            let base = suffixes.iter().find_map(|suffix| word.strip_suffix(suffix));
            base.unwrap_or(word)
        })
        .collect()
}

/// The blocks of code in `language`.
fn blocks(language: &str) -> Vec<&'static str> {
    let opening = format!("```{language}\n");
    let rest = DOCUMENT.split(opening.as_str()).skip(1);
    rest.map(|rest| rest.split("\n```").next().unwrap())
        .collect()
}

fn dashboard() -> Value {
    serde_json::from_str(DASHBOARD).unwrap()
}

fn targets(dashboard: &Value) -> impl Iterator<Item = &Value> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    panels.flat_map(|panel| panel["targets"].as_array().unwrap())
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn every_figure_is_documented_and_nothing_else_is() {
    let figures = figures().await;
    let exported: BTreeSet<&str> = figures.families.keys().map(String::as_str).collect();
    assert_eq!(names(DOCUMENT), exported);
    for (name, family) in &figures.families {
        let name = format!("`{name}`");
        let mut rows = DOCUMENT.lines().filter(|line| line.starts_with('|'));
        let row = rows.find(|line| line.split('|').nth(1).unwrap().contains(&name));
        let columns: Vec<&str> = row.unwrap().split('|').map(str::trim).collect();
        assert_eq!(columns[2], family.kind, "{name}");
        let labels = columns[3].split(", ").filter(|label| !label.is_empty());
        let labels: BTreeSet<&str> = labels.map(|label| label.trim_matches('`')).collect();
        assert_eq!(labels, family.labels(), "{name}");
    }
    for label in ["outcome", "operation", "endpoint", "kind"] {
        let values = figures.values_of(label);
        assert!(!values.is_empty(), "{label}");
        for value in values.iter().filter(|value| value.parse::<u16>().is_err()) {
            assert!(DOCUMENT.contains(&format!("`{value}`")), "{label} {value}");
        }
    }
}

#[tokio::test]
async fn queries_and_alerts_ask_for_what_there_is() {
    let figures = figures().await;
    let queries = blocks("promql");
    assert!(queries.len() >= 15, "{queries:?}");
    let alerts = blocks("yaml");
    let alerts = alerts.iter().filter(|block| block.contains("alert:"));
    let alerts: Vec<&str> = alerts.copied().collect();
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    for query in queries.into_iter().chain(alerts) {
        let asked = names(query);
        assert!(!asked.is_empty(), "{query}");
        for name in asked {
            let family = figures.families.get(name);
            assert!(family.is_some(), "{name} in {query}");
        }
        // The labels that are chosen by, and the values that are chosen.
        for (start, _) in query.match_indices('{') {
            let inner = &query[start + 1..];
            let inner = &inner[..inner.find('}').unwrap()];
            for choice in inner.split(',').filter(|choice| choice.contains('"')) {
                let label = choice.split(['=', '!']).next().unwrap();
                let known = label == "job" || !figures.values_of(label).is_empty();
                assert!(known, "{label} in {query}");
                if label == "outcome" {
                    let values = choice.split('"').nth(1).unwrap();
                    for value in values.split('|').filter(|value| *value != "2..") {
                        let is_documented = DOCUMENT.contains(&format!("`{value}`"));
                        assert!(is_documented, "{value} in {query}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_dashboard_has_the_queries_of_the_document() {
    let dashboard = dashboard();
    let shown: Vec<&str> = targets(&dashboard)
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    assert_eq!(shown, blocks("promql"));
    let mut ids = BTreeSet::new();
    let mut places = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(!panel["title"].as_str().unwrap().is_empty());
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let place = &panel["gridPos"];
        assert!(places.insert((place["x"].as_u64(), place["y"].as_u64())));
        let mut references = BTreeSet::new();
        for target in panel["targets"].as_array().unwrap() {
            assert!(references.insert(target["refId"].as_str().unwrap()));
            // Whoever imports it says which Prometheus it asks.
            assert_eq!(target["datasource"]["uid"], "${datasource}");
        }
    }
    assert_eq!(dashboard["templating"]["list"][0]["name"], "datasource");
}
