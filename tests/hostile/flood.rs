//! Ten thousand connections: measured on the real program.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use crate::support::{Bystander, Person, Program, Raw};

/// Two tests of this kind at once would need more files than there are.
static ALONE: Mutex<()> = Mutex::const_new(());

/// No answer of the bystander's takes this long, though the machine is busy with opening connections.
const SOON: Duration = Duration::from_secs(15);

/// How many connections this process can open, at most `wanted`.
fn possible(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    let files = limit
        .maximum
        .map_or(usize::MAX, |files| usize::try_from(files).unwrap());
    let count = wanted.min(files.saturating_sub(500));
    if count < wanted {
        println!("the system allows {files} files, so {count} connections instead of {wanted}");
    }
    count
}

/// Opens `count` connections that send `begun` and nothing more. Those that the server turns away count, too.
async fn open(to: SocketAddr, count: usize, begun: &str) -> Vec<TcpStream> {
    stream::iter(0..count)
        .map(async |_| {
            let mut stream = TcpStream::connect(to).await.ok()?;
            stream.write_all(begun.as_bytes()).await.ok()?;
            Some(stream)
        })
        .buffer_unordered(200)
        .filter_map(async |stream| stream)
        .collect()
        .await
}

async fn flood(connections: usize, settings: &[(&str, &str)], begun: &str, at_most: u64) {
    let _alone = ALONE.lock().await;
    let count = possible(connections);
    let program = Program::start(settings).await;
    let person = Person::sign_in(program.address).await;
    assert_eq!(person.me().await.unwrap().status(), 200);
    let before = program.memory("VmRSS");

    let watching = Bystander::watch(&person);
    let open = open(program.address, count, begun).await;
    println!("{} of {count} connections are open", open.len());
    // Whoever comes now is served as well.
    let newcomer = Person::sign_in(program.address).await;
    assert_eq!(newcomer.me().await.unwrap().status(), 200);
    if let (Some(before), Some(after)) = (before, program.memory("VmRSS")) {
        println!("{before} MiB before, {after} MiB with them");
        assert!(after < at_most, "{after} MiB");
    }
    watching.saw_nothing(SOON).await;
    drop(open);
    assert_eq!(person.me().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_connections_that_say_nothing() {
    flood(10_000, &[("SESSION_STORE", "memory")], "", 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_requests_that_do_not_end() {
    let begun = "GET /me HTTP/1.1\r\nHost: x\r\nX: ";
    flood(10_000, &[("SESSION_STORE", "memory")], begun, 350).await;
}

/// More connections than the app takes: those that keep it waiting longest make room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_connections_than_there_is_room_for() {
    let settings = [
        ("SESSION_STORE", "memory"),
        ("SERVER_MAX_CONNECTIONS", "100"),
    ];
    flood(2_000, &settings, "GET /me HTTP/1.1\r\n", 80).await;
}

/// A process that may open few files accepts as many connections as it has files for, and recovers when there were none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn out_of_files() {
    let _alone = ALONE.lock().await;
    let program = Program::start_with_files(90, &[("SESSION_STORE", "memory")]).await;
    let open = open(program.address, 300, "").await;
    let person = Person::sign_in(program.address).await;
    assert_eq!(person.me().await.unwrap().status(), 200);
    drop(open);
    let answer = Raw::ask(program.address, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(answer.status, 200);
    // It was said at the start, and is in the file by now.
    assert!(program.log().contains("ulimit -n"), "{}", program.log());
}
