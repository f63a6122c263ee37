//! `server.listen = "unix:/path"`: a socket in the file system instead of a port.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;

use reqwest::Client;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use tempfile::TempDir;
use url::Url;

use crate::support::binary::{Running, run};

fn client(socket: &Path) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .tls_certs_only([])
        .unix_socket(socket);
    builder.build().unwrap()
}

/// The program, listening at `socket`.
fn serve(folder: &Path, listen: &str) -> Running {
    let environment = [("SERVER_LISTEN", listen), ("SERVER_DRAIN_TIME", "0s")];
    let running = Running::start(folder, &[], &environment);
    let log = running.logged("sandbox mode").expect("it starts");
    let says = log
        .iter()
        .any(|line| line.contains(&format!("address={listen}")));
    assert!(says, "{log:?}");
    running
}

/// Signs in at the sandbox that is mounted in the app, and shows the profile: all of it by the socket.
pub(crate) async fn signs_in(http: &Client) {
    let get = async |url: String, cookie: &str| {
        let request = http.get(url).header(COOKIE, cookie);
        let answer = request.send().await.unwrap();
        let header = |name| {
            let value = answer.headers().get(name);
            value.map_or(String::new(), |value| value.to_str().unwrap().to_owned())
        };
        let cookie = header(SET_COOKIE).split(';').next().unwrap().to_owned();
        (answer.status().as_u16(), header(LOCATION), cookie)
    };
    let (status, authorize, before) = get("http://localhost:8080/login".to_owned(), "").await;
    assert_eq!(status, 303);
    let mut authorize = Url::parse(&authorize).unwrap();
    authorize
        .query_pairs_mut()
        .append_pair("sandbox_decision", "allow")
        .append_pair("sandbox_user", "full");
    let (status, callback, _) = get(authorize.to_string(), "").await;
    assert_eq!(status, 302);
    let (status, location, cookie) = get(callback, &before).await;
    assert_eq!((status, location.as_str()), (303, "/me"));
    let cookie = if cookie.is_empty() { before } else { cookie };
    let request = http.get("http://localhost:8080/me").header(COOKIE, cookie);
    let page = request.send().await.unwrap().bytes().await.unwrap();
    assert!(String::from_utf8_lossy(&page).contains("Grace Hopper"));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_there_and_health_asks_there() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("demo.sock");
    let listen = format!("unix:{}", socket.display());
    let health = || run(folder.path(), &["health"], &[("SERVER_LISTEN", &listen)]);
    assert_eq!(health().code, Some(1));
    let running = serve(folder.path(), &listen);
    assert_eq!(health().code, Some(0));
    let mode = fs::metadata(&socket).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o660, "{mode:o}");
    signs_in(&client(&socket)).await;
    let (code, log) = running.signal("TERM");
    assert_eq!(code, Some(0), "{log:?}");
    assert!(
        log.iter().any(|line| line.contains("client=127.0.0.1")),
        "{log:?}"
    );
    assert!(!socket.exists(), "it is removed at the end");
    assert_eq!(health().code, Some(1));
}

#[test]
fn a_stale_one_is_replaced_and_a_live_one_refused() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("demo.sock");
    let listen = format!("unix:{}", socket.display());
    let again = || {
        let environment = [
            ("SERVER_LISTEN", listen.as_str()),
            ("SESSION_STORE", "memory"),
        ];
        run(folder.path(), &[], &environment)
    };
    let running = serve(folder.path(), &listen);
    again().is_refused(&["server.listen", "SERVER_LISTEN", "another process", "free"]);
    assert_eq!(running.signal("KILL").0, None);
    assert!(socket.exists(), "left behind");
    let running = serve(folder.path(), &listen);
    assert_eq!(running.signal("TERM").0, Some(0));

    // Of one that has taken it and does not listen yet: it refuses connections like one that was left behind.
    drop(UnixListener::bind(&socket).unwrap());
    let lock = fs::File::open(folder.path().join("demo.sock.lock")).unwrap();
    lock.lock().unwrap();
    again().is_refused(&["server.listen", "another process"]);
    assert!(socket.exists());
    drop(lock);
    fs::remove_file(&socket).unwrap();

    // Of somebody else, who knows nothing of our lock.
    let other = UnixListener::bind(&socket).unwrap();
    again().is_refused(&["server.listen", "another process"]);
    assert!(socket.exists());
    drop(other);
    let running = serve(folder.path(), &listen);
    assert_eq!(running.signal("TERM").0, Some(0));
}

#[test]
fn what_is_no_socket_stays() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("notes");
    fs::write(&file, "mine").unwrap();
    let refused = |listen: &str, parts: &[&str]| {
        let ended = run(folder.path(), &[], &[("SERVER_LISTEN", listen)]);
        ended.is_refused(&[&["server.listen", "SERVER_LISTEN"], parts].concat());
    };
    refused(
        &format!("unix:{}", file.display()),
        &["something else than a socket"],
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    refused("unix:demo.sock", &["unix:/run/demo/socket"]);
    refused("unix:", &["unix:/run/demo/socket"]);
    refused(&format!("unix:/{}", "a".repeat(200)), &["107 bytes"]);
    refused("unix:/nowhere/demo.sock", &["may write"]);
}
