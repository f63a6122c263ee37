//! PostgreSQL over TLS, with a certificate of an authority of its own.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

use crate::support::{Browser, Cluster, Postgres, Provider, server_user};

/// An authority, and a certificate for `localhost` with its key.
fn certificates() -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::write(
        folder.path().join("names"),
        "subjectAltName=DNS:localhost\n",
    )
    .unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    for arguments in [
        format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=tests"),
        format!("req {key} -keyout server.key -out server.csr -subj /CN=localhost"),
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem"
            .to_owned(),
    ] {
        let made = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
    }
    if let Some((user, group)) = server_user() {
        for file in [folder.path(), &folder.path().join("server.key")] {
            std::os::unix::fs::chown(file, Some(user), Some(group)).unwrap();
        }
    }
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_certificate_for_another_name_is_refused() {
    let folder = certificates();
    let path = |name: &str| Path::new(folder.path()).join(name).display().to_string();
    let settings = [
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", path("server.pem")),
        format!("ssl_key_file={}", path("server.key")),
    ];
    let server = Postgres::with_settings(&settings.each_ref().map(String::as_str)).await;
    let provider = Provider::start().await;
    let cluster = Cluster::on(Arc::clone(&server)).await;
    let cluster = cluster.with_provider(&provider);
    let by = |hosts: &str| {
        let ca = path("ca.pem");
        format!("postgres://app@{hosts}/t0?sslmode=verify-full&sslrootcert={ca}")
    };
    let right = format!("localhost:{}", server.port);
    let wrong = format!("127.0.0.1:{}", server.port);

    let cluster = cluster.by(by(&wrong));
    let checked = cluster.setup.check();
    let line = checked.lines().find(|line| line.contains("WRONG"));
    let line = line.unwrap_or_else(|| panic!("{checked}"));
    assert!(
        line.contains("session.store") && line.contains("certificate"),
        "{line}"
    );

    // With several hosts the next one is used.
    for hosts in [right.clone(), format!("{wrong},{right}")] {
        let cluster = cluster.setup.clone().set("SESSION_STORE", by(&hosts));
        let instance = cluster.start().await;
        let browser = Browser::new();
        browser.sign_in(instance.address).await;
        assert_eq!(browser.me(instance.address).await.status, 200);
    }
}
