//! compose.pgbouncer.yaml, the variant of compose.yaml with a pooler in between.

use std::fs;
use std::process::Command;

use smartsheet_oauth_demo::postgres::{Address, Pooler};
use tempfile::TempDir;
use yaml_rust2::{Yaml, YamlLoader};

const VARIANT: &str = include_str!("../../compose.pgbouncer.yaml");
const COMPOSE: &str = include_str!("../../compose.yaml");
const POOLER: &str = include_str!("../../deploy/pgbouncer/pgbouncer.ini");

fn services() -> Yaml {
    let documents = YamlLoader::load_from_str(VARIANT).unwrap();
    documents[0]["services"].clone()
}

#[test]
fn the_pooler_is_as_confined_as_the_others() {
    let pooler = &services()["pgbouncer"];
    assert_eq!(pooler["read_only"].as_bool(), Some(true));
    assert_eq!(pooler["cap_drop"][0].as_str(), Some("ALL"));
    let option = pooler["security_opt"][0].as_str();
    assert_eq!(option, Some("no-new-privileges:true"));
    assert!(
        pooler["deploy"]["resources"]["limits"]["memory"]
            .as_str()
            .is_some()
    );
    // PostgreSQL's network, which has no way out.
    assert_eq!(pooler["networks"][0].as_str(), Some("database"));
    assert!(pooler["ports"].is_badvalue());
}

/// Both instances go by the pooler, with the file that `make-keys` writes for that; everything else is as it was.
#[test]
fn the_instances_go_by_the_pooler() {
    let folder = TempDir::new().unwrap();
    let folders = ["app", "postgres", "pooler"].map(|name| folder.path().join(name));
    for folder in &folders {
        fs::create_dir(folder).unwrap();
    }
    let make = |folders: &[std::path::PathBuf]| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/make-keys");
        let status = Command::new("bash").arg(script).args(folders).status();
        assert!(status.unwrap().success());
    };
    let read = |folder: usize, name: &str| fs::read_to_string(folders[folder].join(name)).unwrap();
    // The variant is chosen when the secrets are there already.
    make(&folders[..2]);
    make(&folders);
    let store = read(0, "session_store_pooled");
    let users = read(2, "userlist.txt");
    let password = read(1, "password");
    make(&folders);
    assert_eq!(
        (read(0, "session_store_pooled"), read(2, "userlist.txt")),
        (store.clone(), users.clone())
    );

    let password = password.trim();
    assert_eq!(users, format!("\"smartsheet\" \"{password}\"\n"));
    assert!(
        store.contains(&format!("//smartsheet:{password}@pgbouncer:6432/")),
        "{store}"
    );
    let address = Address::parse(store.trim()).unwrap();
    assert_eq!(address.pooler(), Pooler::Transaction);
    let services = services();
    for instance in ["app-1", "app-2"] {
        let variables = &services[instance]["environment"];
        let file = variables["SESSION_STORE_FILE"].as_str().unwrap();
        assert_eq!(file, "/run/app-keys/session_store_pooled");
        assert_eq!(variables.as_hash().unwrap().len(), 1);
    }
    assert!(COMPOSE.contains("app-keys:/run/app-keys:ro"));
    for line in [
        "listen_port = 6432",
        "pool_mode = transaction",
        "auth_file = /run/pgbouncer-keys/userlist.txt",
        "smartsheet = host=postgres port=5432",
    ] {
        assert!(POOLER.lines().any(|known| known == line), "no {line}");
    }
}
