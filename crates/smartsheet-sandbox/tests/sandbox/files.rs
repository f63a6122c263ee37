//! Grants that outlive the process.

use std::{future::poll_fn, pin::Pin, process::Command, task::Poll, time::Duration};

use smartsheet_sandbox::{OpenError, Options, Sandbox};

use crate::support::World;

#[tokio::test]
async fn grants_and_codes_survive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/folder/grants.db");
    let world = World::on_file(path.clone()).await;
    let pair = world.sign_in("unicode", "READ_SHEETS").await;
    let gone = world.sign_in("full", "").await;
    world.with_token("DELETE", "/2.0/token", &gone.access).await;
    let waiting = world.code("minimal", "").await;
    let used = world.code("full", "").await;
    let issued = world.exchange(&used).await.pair();
    drop(world);

    let world = World::on_file(path).await;
    assert!(world.me(&pair.access).await.body.contains("李小龍"));
    world.refresh(&gone.refresh).await.refused(400, 1132);
    world.exchange(&waiting).await.pair();
    world.exchange(&used).await.refused(400, 1071);
    world.me(&issued.access).await.refused(401, 1002);
    let fresh = world.refresh(&pair.refresh).await.pair();
    assert_eq!(world.me(&fresh.access).await.status, 200);
}

/// Signs in and dies without any cleaning up, as a killed process does.
#[tokio::test]
#[ignore = "started by what_was_answered_survives_a_crash"]
async fn crash() {
    let Ok(path) = std::env::var("SANDBOX_CRASH_FILE") else {
        return;
    };
    let world = World::on_file(path.into()).await;
    let pair = world.sign_in("full", "").await;
    let pair = world.refresh(&pair.refresh).await.pair();
    println!("tokens {} {}", pair.access, pair.refresh);
    std::process::abort();
}

#[tokio::test]
async fn what_was_answered_survives_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grants.db");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "files::crash", "--ignored", "--nocapture"])
        .env("SANDBOX_CRASH_FILE", &path)
        .output()
        .unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| line.split_once("tokens "));
    let (access, refresh) = line.unwrap().1.split_once(' ').unwrap();
    let world = World::on_file(path).await;
    assert_eq!(world.me(access).await.status, 200);
    world.refresh(refresh).await.pair();
}

#[tokio::test]
async fn expiry_and_revocation_on_demand_survive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grants.db");
    let world = World::on_file(path.clone()).await;
    let (one, other) = (
        world.sign_in("full", "").await,
        world.sign_in("full", "").await,
    );
    world.control("/control/revoke", "").await;
    let late = world.sign_in("full", "").await;
    world
        .control("/control/expire", r#"{"what": "access_tokens"}"#)
        .await;
    drop(world);
    let world = World::on_file(path).await;
    world.refresh(&one.refresh).await.refused(400, 1132);
    world.refresh(&other.refresh).await.refused(400, 1132);
    world.me(&late.access).await.refused(401, 1003);
}

#[tokio::test]
async fn the_file_holds_no_token_and_is_the_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grants.db");
    let world = World::on_file(path.clone()).await;
    let code = world.code("full", "").await;
    let pair = world.exchange(&code).await.pair();
    let mut found = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for secret in [&code, &pair.access, &pair.refresh] {
            let hit = bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!hit, "{}", path.display());
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}", path.display());
        }
        found += 1;
    }
    assert!(found >= 2, "the database and its log");
}

#[tokio::test]
async fn a_restart_with_the_same_seed_repeats_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grants.db");
    let open = || {
        World::with(|options| {
            options.grants_file = Some(path.clone());
            options.seed = Some(5);
        })
    };
    let first = open().await.sign_in("full", "").await;
    let second = open().await.sign_in("full", "").await;
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_file_and_memory_alike() {
    for polls in 0..8 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("grants.db");
        let world = World::on_file(path.clone()).await;
        let pair = world.sign_in("full", "").await;
        let mut refresh = Box::pin(world.refresh(&pair.refresh));
        for _ in 0..polls {
            if poll_once(refresh.as_mut()).await {
                break;
            }
        }
        drop(refresh);
        // Changes are made one after the other, so this one comes after whatever became of the refresh.
        world.code("full", "").await;
        let in_memory = world.me(&pair.access).await.status;
        drop(world);
        let world = World::on_file(path).await;
        assert_eq!(world.me(&pair.access).await.status, in_memory, "{polls}");
    }
}

/// Polls, then lets others run.
async fn poll_once<T>(mut future: Pin<&mut impl Future<Output = T>>) -> bool {
    let done = poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await;
    tokio::time::sleep(Duration::from_micros(100)).await;
    done
}

#[tokio::test]
async fn unusable_files_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path| {
        Sandbox::open(Options {
            grants_file: Some(path),
            ..Options::default()
        })
    };
    let not_a_database = folder.path().join("text");
    std::fs::write(&not_a_database, "not a database ".repeat(100)).unwrap();
    for path in [
        not_a_database.clone(),
        not_a_database.join("below"),
        folder.path().to_owned(),
    ] {
        let error = open(path).await.unwrap_err();
        assert!(matches!(error, OpenError::GrantsFile { .. }), "{error}");
    }
    let path = folder.path().join("grants.db");
    let _held = open(path.clone()).await.unwrap();
    let error = open(path).await.unwrap_err();
    assert!(error.to_string().contains("locked"), "{error}");
}
