//! SQLite on a disk that is really full, not a limit on files: a small file system in memory, which takes root to mount.

use crate::support::{Browser, Cluster, Disk, Instance, Kind, Provider, until};

fn reserve(disk: &Disk) -> u64 {
    let found = std::fs::metadata(disk.0.join("room-for-sign-outs"));
    found.unwrap().len()
}

struct Full {
    provider: Provider,
    cluster: Cluster,
    disk: Disk,
}

impl Full {
    async fn new(megabytes: u32) -> Option<Self> {
        let provider = Provider::start().await;
        let cluster = Cluster::new(Kind::Sqlite).await.with_provider(&provider);
        let disk = Disk::mount(cluster.folder().join("small"), megabytes)?;
        let store = format!("sqlite://{}", disk.0.join("sessions.db").display());
        Some(Self {
            provider,
            cluster: cluster.set("SESSION_STORE", store),
            disk,
        })
    }
}

async fn status(browser: &Browser, at: &Instance, path: &str) -> u16 {
    browser.get(at.address, path).await.status.as_u16()
}

/// Everybody who wants to leave does, one after the other and all at once, while others try to come in and fill what is given
/// up. Then there is room again, and everything is as it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_sign_ins_and_no_sign_out() {
    let Some(Full {
        provider,
        cluster,
        disk,
    }) = Full::new(16).await
    else {
        return;
    };
    let one = cluster.start().await;
    let mut people = Vec::new();
    for _ in 0..60 {
        let browser = Browser::new();
        browser.sign_in(one.address).await;
        assert_eq!(browser.me(one.address).await.status, 200);
        people.push(browser);
    }
    assert_eq!(status(&people[0], &one, "/readyz").await, 200);
    let whole = reserve(&disk);
    disk.fill();
    // What SQLite has room for within its files is used up first.
    until("the disk to be full", async || {
        disk.fill();
        status(&Browser::new(), &one, "/login").await == 503
    })
    .await;

    let thieves: Vec<Browser> = people.iter().map(Browser::apart).collect();
    for browser in &people[..30] {
        let page = browser.post(one.address, "/logout").await;
        assert_eq!(page.status, 303, "{page:?}\n{}", one.log());
        let login = status(&Browser::new(), &one, "/login").await;
        assert_eq!(login, 503);
        assert_eq!(people[59].me(one.address).await.status, 200);
        disk.fill();
    }
    let leaving = people[30..50].iter().map(|browser| {
        let (browser, at) = (browser.clone(), one.address);
        tokio::spawn(async move { browser.post(at, "/logout").await.status })
    });
    for left in leaving.collect::<Vec<_>>() {
        assert_eq!(left.await.unwrap(), 303);
    }
    for thief in &thieves[..50] {
        assert_eq!(thief.me(one.address).await.status, 401);
    }
    assert_eq!(provider.alive(), 10, "the others' tokens are void");
    until("it to be said", async || {
        status(&people[59], &one, "/readyz").await == 503
    })
    .await;
    assert!(
        reserve(&disk) < whole && reserve(&disk) > 0,
        "{}",
        reserve(&disk)
    );
    assert!(one.log().contains("the disk is full"), "{}", one.log());

    disk.free();
    until("it to be over", async || {
        status(&people[59], &one, "/readyz").await == 200
    })
    .await;
    assert_eq!(reserve(&disk), whole);
    Browser::new().sign_in(one.address).await;
    for browser in &people[50..] {
        assert_eq!(browser.me(one.address).await.status, 200);
        assert_eq!(
            browser.post(one.address, "/refresh").await.location(),
            Some("/me")
        );
    }
}

/// Two instances on one disk go by the same reserve, and a restart on the full disk changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_instance_leaves_the_room_to_sign_outs() {
    let Some(Full { cluster, disk, .. }) = Full::new(16).await else {
        return;
    };
    let (one, two) = (cluster.start().await, cluster.start().await);
    let mut people = Vec::new();
    for _ in 0..6 {
        let browser = Browser::new();
        browser.sign_in(one.address).await;
        people.push(browser);
    }
    for instance in [&one, &two] {
        until("the disk to be full", async || {
            disk.fill();
            status(&Browser::new(), instance, "/login").await == 503
        })
        .await;
    }
    for (number, browser) in people[..4].iter().enumerate() {
        let (here, there) = if number % 2 == 0 {
            (&one, &two)
        } else {
            (&two, &one)
        };
        assert_eq!(browser.post(here.address, "/logout").await.status, 303);
        for _ in 0..5 {
            assert_eq!(status(&Browser::new(), there, "/login").await, 503);
        }
    }
    drop((one, two));
    let again = cluster.start().await;
    assert_eq!(people[4].me(again.address).await.status, 200);
    assert_eq!(status(&Browser::new(), &again, "/login").await, 503);
    assert_eq!(people[4].post(again.address, "/logout").await.status, 303);
    disk.free();
    until("it to be over", async || {
        status(&Browser::new(), &again, "/login").await == 303
    })
    .await;
    assert_eq!(people[5].me(again.address).await.status, 200);
}
