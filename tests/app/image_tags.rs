//! The images that the Dockerfile and compose.yaml are made from are the same tomorrow.

const COMPOSE: &str = include_str!("../../compose.yaml");
const DOCKERFILE: &str = include_str!("../../Dockerfile");

/// Whether `image` names one image: by its digest, or by a tag with the whole version.
fn is_pinned(image: &str) -> bool {
    if image.contains("@sha256:") {
        return true;
    }
    let Some((_, tag)) = image.split_once(':') else {
        return false;
    };
    let version = tag.split('-').next().unwrap_or_default();
    let numbers = version.split('.');
    let whole = if image.starts_with("postgres:") { 2 } else { 3 };
    numbers.clone().count() == whole && numbers.clone().all(|number| number.parse::<u32>().is_ok())
}

#[test]
fn no_tag_floats() {
    let from = DOCKERFILE
        .lines()
        .filter_map(|line| line.strip_prefix("FROM "));
    let used = COMPOSE
        .lines()
        .filter_map(|line| line.trim().strip_prefix("image: "));
    let images: Vec<&str> = from
        .chain(used)
        .map(|line| line.split_whitespace().next().unwrap())
        .filter(|image| !["scratch", env!("CARGO_PKG_NAME")].contains(image))
        .collect();
    assert_eq!(images.len(), 4, "{images:?}");
    for image in images {
        assert!(is_pinned(image), "{image}");
    }
}
