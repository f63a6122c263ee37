//! What compose.yaml, the Dockerfile and the documents' `docker run` lines set: it exists, and the app would start with it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use serde_json::Value;
use smartsheet_oauth_demo::config::{Region, Settings, parse_duration};
use tempfile::TempDir;
use yaml_rust2::{Yaml, YamlLoader};

const COMPOSE: &str = include_str!("../../compose.yaml");
const CADDYFILE: &str = include_str!("../../deploy/Caddyfile");
const DOCKERFILE: &str = include_str!("../../Dockerfile");
const DEPLOYING: &str = include_str!("../../docs/deploying.md");

type Variables = BTreeMap<String, String>;

/// The settings that the app would have with these variables.
///
/// Each must be a setting's. Files that they name are in a container, so each is replaced by one that holds what it should.
#[track_caller]
fn settings_with(variables: &Variables) -> Settings {
    let folder = TempDir::new().unwrap();
    let no_file = folder.path().join("config.toml");
    fs::write(&no_file, "").unwrap();
    let defaults = Settings::load(Some(&no_file), &|_| None, &[]).unwrap();
    let names = defaults.describe().into_iter();
    let names = names.map(|(name, _, _)| name.replace('.', "_").to_ascii_uppercase());
    let known: BTreeSet<String> = names.chain(["PORT".to_owned()]).collect();
    for name in variables.keys() {
        assert!(known.contains(name), "there is no setting {name}");
    }
    let environment = |name: &str| -> Option<OsString> {
        let value = variables.get(name).filter(|value| !value.is_empty())?;
        if !name.ends_with("_FILE") {
            return Some(value.into());
        }
        let content = match name {
            "SMARTSHEET_CLIENT_SECRET_FILE" => "the secret of the app",
            "SESSION_STORE_FILE" => "postgres://user:password@postgres/database",
            "SESSION_KEY_FILE" => "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            other => panic!("say here what {other} holds"),
        };
        let file = folder.path().join(name);
        fs::write(&file, content).unwrap();
        Some(file.into())
    };
    Settings::load(Some(&no_file), &environment, &[]).unwrap_or_else(|error| panic!("{error}"))
}

/// What the image sets by itself.
fn image_variables() -> Variables {
    let lines = DOCKERFILE
        .lines()
        .filter_map(|line| line.strip_prefix("ENV "));
    lines.map(pair).collect()
}

/// `NAME=VALUE`. Where the documentation has an ellipsis, the reader puts something.
fn pair(text: &str) -> (String, String) {
    let (name, value) = text
        .split_once('=')
        .unwrap_or_else(|| panic!("no NAME=VALUE: {text}"));
    (name.to_owned(), value.replace('…', "something"))
}

/// compose.yaml as Compose reads it: `<<` merged, and `${NAME}`, `${NAME:-default}`, `${NAME-default}` and `${NAME:+other}`
/// replaced.
fn compose(dotenv: &Variables) -> Value {
    let documents = YamlLoader::load_from_str(COMPOSE).unwrap();
    read(&documents[0], dotenv)
}

fn read(yaml: &Yaml, dotenv: &Variables) -> Value {
    match yaml {
        Yaml::Boolean(value) => Value::Bool(*value),
        Yaml::Null => Value::Null,
        Yaml::Array(items) => items.iter().map(|item| read(item, dotenv)).collect(),
        Yaml::Hash(members) => {
            let named = |merge: bool| {
                let members = members.iter().map(|(key, value)| (text(key), value));
                members.filter(move |(key, _)| (*key == "<<") == merge)
            };
            let mut object = serde_json::Map::new();
            // What is merged in counts less than what is there.
            for (_, merged) in named(true) {
                object.extend(read(merged, dotenv).as_object().unwrap().clone());
            }
            object.extend(named(false).map(|(key, value)| (key.to_owned(), read(value, dotenv))));
            Value::Object(object)
        }
        Yaml::Integer(number) => Value::String(number.to_string()),
        other => Value::String(interpolate(text(other), dotenv)),
    }
}

fn text(yaml: &Yaml) -> &str {
    match yaml {
        Yaml::String(text) | Yaml::Real(text) => text,
        other => panic!("neither text nor number: {other:?}"),
    }
}

fn interpolate(text: &str, dotenv: &Variables) -> String {
    let Some((before, rest)) = text.split_once("${") else {
        return text.to_owned();
    };
    let (expression, after) = rest.split_once('}').unwrap();
    let end = expression
        .find(|character: char| !character.is_ascii_alphanumeric() && character != '_')
        .unwrap_or(expression.len());
    let (name, operator) = expression.split_at(end);
    let given = dotenv.get(name).map(String::as_str);
    let filled = given.filter(|value| !value.is_empty());
    let value = if let Some(default) = operator.strip_prefix(":-") {
        filled.unwrap_or(default)
    } else if let Some(other) = operator.strip_prefix(":+") {
        filled.map_or("", |_| other)
    } else if let Some(default) = operator.strip_prefix('-') {
        given.unwrap_or(default)
    } else {
        assert_eq!(operator, "", "{expression}");
        given.unwrap_or_default()
    };
    format!("{before}{value}{}", interpolate(after, dotenv))
}

/// The lines for `.env` that the file's first comment shows.
fn shown_dotenv() -> Variables {
    let comment = COMPOSE.lines().take_while(|line| line.starts_with('#'));
    let settings = comment.filter_map(|line| line.strip_prefix("#   "));
    settings
        .filter(|line| line.contains('='))
        .map(pair)
        .collect()
}

fn services(compose: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let services = compose["services"].as_object().unwrap();
    services
        .iter()
        .map(|(name, service)| (name.as_str(), service))
}

/// The services that run this app.
fn apps(compose: &Value) -> Vec<(&str, &Value)> {
    let apps: Vec<_> = services(compose)
        .filter(|(_, service)| service["image"] == env!("CARGO_PKG_NAME"))
        .collect();
    assert_eq!(apps.len(), 2, "{apps:?}");
    apps
}

fn variables(service: &Value) -> Variables {
    let members = service["environment"].as_object().unwrap().iter();
    let own = members.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    image_variables().into_iter().chain(own).collect()
}

fn texts(list: &Value) -> Vec<&str> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).collect()
}

/// Each file that a setting names is in one of these folders or is one of these files.
#[track_caller]
fn are_mounted(variables: &Variables, mounts: &[&str]) {
    let named = variables
        .iter()
        .filter(|(name, path)| name.ends_with("_FILE") && !path.is_empty());
    for (name, path) in named {
        assert!(
            mounts.iter().any(|mount| path.starts_with(mount)),
            "{name}: {path} is in none of {mounts:?}"
        );
    }
}

#[test]
fn every_setting_of_compose_exists_and_is_valid() {
    let dotenv = shown_dotenv();
    assert!(dotenv.len() >= 4, "{dotenv:?}");
    for (dotenv, region, redirect_url) in [
        (
            Variables::new(),
            Region::Sandbox,
            "http://localhost:8080/redirect",
        ),
        (dotenv, Region::Us, "https://demo.example.com/redirect"),
    ] {
        let compose = compose(&dotenv);
        for (name, service) in apps(&compose) {
            let variables = variables(service);
            let settings = settings_with(&variables);
            assert_eq!(settings.smartsheet.region, region, "{name}");
            assert_eq!(settings.redirect_url().as_str(), redirect_url, "{name}");
            // `VOLUME:FOLDER:ro`, and Compose's own folder for secrets.
            let folders = texts(&service["volumes"]);
            let folders = folders.iter().filter_map(|mount| mount.split(':').nth(1));
            let mounts: Vec<&str> = folders.chain(["/run/secrets/"]).collect();
            are_mounted(&variables, &mounts);
            for secret in texts(&service["secrets"]) {
                let file = compose["secrets"][secret]["file"].as_str().unwrap();
                let shipped = format!("{}/{file}", env!("CARGO_MANIFEST_DIR"));
                assert!(
                    dotenv.values().any(|given| given == file) || fs::exists(shipped).unwrap(),
                    "{file}"
                );
            }
        }
        // What `.env` sets is used somewhere.
        for name in dotenv.keys() {
            assert!(COMPOSE.contains(&format!("${{{name}:")), "{name}");
        }
    }
}

/// The proxy sends requests to the instances by their names and port, asks whether they are ready, and is the one whose
/// word on addresses they take.
#[test]
fn the_proxy_and_the_instances_know_each_other() {
    let compose = compose(&Variables::new());
    let address = &compose["services"]["proxy"]["networks"]["edge"]["ipv4_address"];
    let mut upstreams = BTreeSet::new();
    for (name, service) in apps(&compose) {
        let settings = settings_with(&variables(service));
        let trusted = &settings.server.trusted_proxies;
        let address: std::net::IpAddr = address.as_str().unwrap().parse().unwrap();
        assert_eq!(*trusted, [ipnet::IpNet::from(address)], "{name}");
        upstreams.insert(format!("{name}:{}", settings.server.listen.port().unwrap()));
    }
    let directive = |name: &str| {
        let lines = CADDYFILE.lines().map(str::trim);
        let mut found = lines.filter_map(|line| line.strip_prefix(&format!("{name} ")));
        found
            .next()
            .unwrap_or_else(|| panic!("no {name}"))
            .to_owned()
    };
    let proxied = directive("reverse_proxy");
    let proxied: BTreeSet<String> = proxied
        .trim_end_matches('{')
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    assert_eq!(proxied, upstreams);
    assert_eq!(directive("health_uri"), "/readyz");
    // Published are the ports that it listens on.
    for port in [directive("http_port"), directive("https_port")] {
        let published = texts(&compose["services"]["proxy"]["ports"]);
        assert!(
            published
                .iter()
                .any(|mapping| mapping.ends_with(&format!(":{port}"))),
            "{port} of {published:?}"
        );
    }
}

/// The instances tell their figures within the network, and nothing of them is published but what the proxy passes on.
#[test]
fn the_metrics_are_for_the_network_alone() {
    let compose = compose(&Variables::new());
    for (name, service) in apps(&compose) {
        let settings = settings_with(&variables(service));
        let metrics = settings.server.metrics_listen.unwrap();
        assert!(metrics.ip().is_unspecified(), "{name}");
        assert_ne!(
            metrics.port(),
            settings.server.listen.port().unwrap(),
            "{name}"
        );
        assert!(!CADDYFILE.contains(&metrics.port().to_string()));
    }
    for (name, service) in services(&compose) {
        assert_eq!(service["ports"].is_null(), name != "proxy", "{name}");
        assert!(service["network_mode"] != "host", "{name}");
    }
}

/// Whoever stops an instance waits longer than the stop may take, and what all connections need fits into the memory.
#[test]
fn an_instance_has_time_to_stop_and_room_for_its_connections() {
    let compose = compose(&Variables::new());
    for (name, service) in apps(&compose) {
        let server = settings_with(&variables(service)).server;
        let grace = parse_duration(service["stop_grace_period"].as_str().unwrap()).unwrap();
        assert!(grace > server.stop_timeout, "{name}: {grace:?}");
        let memory = &service["deploy"]["resources"]["limits"]["memory"];
        let memory = memory.as_str().unwrap().strip_suffix('M').unwrap();
        let memory: usize = memory.parse().unwrap();
        // config.toml says what one needs; half is left for everything else.
        let needed = server.max_connections * 40 / 1024;
        assert!(needed <= memory / 2, "{name}: {needed} MiB of {memory}");
    }
}

#[test]
fn every_container_is_confined() {
    let compose = compose(&Variables::new());
    for (name, service) in services(&compose) {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{name}");
        assert!(
            texts(&service["security_opt"]).contains(&"no-new-privileges:true"),
            "{name}"
        );
        for limit in ["cpus", "memory", "pids"] {
            let limits = &service["deploy"]["resources"]["limits"];
            assert!(!limits[limit].is_null(), "{name}: {limit}");
        }
        // One makes the secrets and ends.
        let stays = name != "keys";
        let restart = if stays { "unless-stopped" } else { "no" };
        assert_eq!(service["restart"], restart, "{name}");
        for needed in ["healthcheck", "stop_grace_period", "depends_on"] {
            assert_eq!(service[needed].is_null(), !stays, "{name}: {needed}");
        }
        // No secret is in the environment, where `docker inspect` shows it.
        let environment = service["environment"].as_object().into_iter().flatten();
        for (variable, _) in environment {
            let is_secret = ["SECRET", "PASSWORD", "KEY", "STORE"]
                .iter()
                .any(|word| variable.contains(word));
            assert!(!is_secret || variable.ends_with("_FILE"), "{variable}");
        }
    }
}

/// The commands of the shell examples of docs/deploying.md, each in one line.
fn commands() -> Vec<String> {
    let blocks = DEPLOYING
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    let joined = blocks.map(|block| block.replace("\\\n", " "));
    let lines: Vec<String> = joined.map(|block| block.trim().to_owned()).collect();
    lines
        .iter()
        .flat_map(|block| block.lines())
        .map(str::to_owned)
        .collect()
}

/// Every `docker run` of the document sets what exists, and mounts the files that it names; one of them is the sandbox, one
/// has its sessions in a volume, one in PostgreSQL.
#[test]
fn every_setting_of_the_readme_exists_and_is_valid() {
    let mut kinds = Vec::new();
    for command in commands() {
        let Some(arguments) = command.strip_prefix("docker run ") else {
            continue;
        };
        let words: Vec<&str> = arguments.split_whitespace().collect();
        assert_eq!(words.last(), Some(&env!("CARGO_PKG_NAME")), "{command}");
        let values = |option: &str| -> Vec<&str> {
            let pairs = words.windows(2);
            pairs
                .filter(|pair| pair[0] == option)
                .map(|pair| pair[1])
                .collect()
        };
        let own = values("--env").into_iter().map(pair);
        let variables: Variables = image_variables().into_iter().chain(own).collect();
        let settings = settings_with(&variables);
        let mounts: Vec<&str> = values("--volume")
            .iter()
            .filter_map(|mount| mount.split(':').nth(1))
            .collect();
        are_mounted(&variables, &mounts);
        // Docker alone waits for 10 seconds.
        let wait = values("--stop-timeout").first().copied().unwrap_or("10");
        let wait = parse_duration(&format!("{wait}s")).unwrap();
        let is_for_trying = settings.smartsheet.region == Region::Sandbox;
        assert!(
            is_for_trying || wait > settings.server.stop_timeout,
            "{command}"
        );
        // The port that is published is the one that it listens on.
        let port = settings.server.listen.port().unwrap().to_string();
        for published in values("--publish") {
            assert_eq!(published.rsplit(':').next(), Some(port.as_str()));
        }
        let store = settings.session.store.to_string();
        kinds.push((
            settings.smartsheet.region == Region::Sandbox,
            store.split(':').next().unwrap().to_owned(),
            mounts.contains(&"/app/data"),
        ));
    }
    let kind = |sandbox, store: &str, volume| (sandbox, store.to_owned(), volume);
    assert_eq!(
        kinds,
        [
            kind(true, "sqlite", false),
            kind(false, "sqlite", true),
            kind(false, "postgres", false),
        ]
    );
}

/// The layer of dependencies is made from Cargo's files alone, those of every package. So Cargo must not look for others, as it
/// does where a target has no path.
#[test]
fn the_images_layer_of_dependencies_depends_on_nothing_else() {
    let before = DOCKERFILE.split("cargo build").next().unwrap();
    let copied: Vec<&str> = before
        .lines()
        .filter(|line| line.starts_with("COPY "))
        .collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut packages = vec![".".to_owned()];
    for package in fs::read_dir(root.join("crates")).unwrap() {
        let name = package.unwrap().file_name().into_string().unwrap();
        packages.push(format!("crates/{name}"));
    }
    packages.sort();
    let expected: Vec<String> = packages
        .iter()
        .map(|package| match package.as_str() {
            "." => "COPY Cargo.toml Cargo.lock ./".to_owned(),
            package => format!("COPY {package}/Cargo.toml {package}/"),
        })
        .collect();
    assert_eq!(copied, expected);
    for package in packages {
        let manifest = fs::read_to_string(root.join(&package).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        for kind in ["bin", "bench", "example", "test"] {
            let targets = manifest.get(kind).and_then(toml::Value::as_array);
            for target in targets.into_iter().flatten() {
                assert!(target.get("path").is_some(), "{package}: {target}");
            }
        }
    }
    let manifest: toml::Table = include_str!("../../Cargo.toml").parse().unwrap();
    let rust = manifest["workspace"]["package"]["rust-version"]
        .as_str()
        .unwrap();
    assert!(DOCKERFILE.contains(&format!("FROM rust:{rust}.")), "{rust}");
}

#[test]
fn the_image_is_labelled_and_nobody_in_particular() {
    let version = format!("ARG VERSION=\"{}\"\n", env!("CARGO_PKG_VERSION"));
    assert!(DOCKERFILE.contains(&version), "not {version}");
    for label in [
        "title",
        "description",
        "version",
        "revision",
        "source",
        "licenses",
    ] {
        let label = format!("org.opencontainers.image.{label}=");
        assert!(DOCKERFILE.contains(&label), "no {label}");
    }
    let last_stage = DOCKERFILE.rsplit("\nFROM ").next().unwrap();
    assert!(last_stage.starts_with("scratch\n"), "{last_stage}");
    for line in [
        "USER 65532:65532",
        "VOLUME /app/data",
        "EXPOSE 8080",
        "ENTRYPOINT [\"/app/smartsheet-oauth-demo\"]",
    ] {
        assert!(last_stage.lines().any(|known| known == line), "no {line}");
    }
    assert!(last_stage.contains("CMD [\"/app/smartsheet-oauth-demo\", \"health\"]"));
    assert_eq!(
        settings_with(&image_variables()).server.listen.port(),
        Some(8080),
        "the port that is exposed"
    );
}
