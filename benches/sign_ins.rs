//! People who sign in, one after the other, each with a new browser: `/login`, the consent at the sandbox, `/redirect`, `/me`.
//!
//! Load generators follow one address; a sign-in goes back and forth between two. The client is as bare as can be, because it
//! runs on the machine that it measures.
//!
//! ```text
//! bench_sign_ins APP SANDBOX PEOPLE SECONDS   # such as 127.0.0.1:8080 127.0.0.1:8081 64 10
//! ```
//!
//! Prints one line of JSON: how many, in how many seconds, how long one takes in milliseconds, and the cookies of the last
//! sign-in of each.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [app, sandbox, people, seconds] = &arguments[..] else {
        panic!("expected: APP SANDBOX PEOPLE SECONDS");
    };
    let people: usize = people.parse().unwrap();
    let time = Duration::from_secs_f64(seconds.parse().unwrap());
    let started = Instant::now();
    let mut all = JoinSet::new();
    for _ in 0..people {
        let (app, sandbox) = (app.clone(), sandbox.clone());
        all.spawn(async move { sign_in_until(&app, &sandbox, started + time).await });
    }
    let (mut times, mut cookies) = (Vec::new(), Vec::new());
    while let Some(person) = all.join_next().await {
        let (own, cookie) = person.unwrap();
        times.extend(own);
        cookies.push(cookie);
    }
    let seconds = started.elapsed().as_secs_f64();
    times.sort_unstable();
    let percentile = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1000.0;
    let result = json!({
        "sign_ins": times.len(),
        "seconds": seconds,
        "p50": percentile(50),
        "p99": percentile(99),
        "cookies": cookies,
    });
    println!("{result}");
}

/// How long each sign-in took, and the cookie of the last.
async fn sign_in_until(app: &str, sandbox: &str, end: Instant) -> (Vec<Duration>, String) {
    let (mut app, mut sandbox) = (Host::connect(app).await, Host::connect(sandbox).await);
    let mut times = Vec::new();
    loop {
        let started = Instant::now();
        let cookie = sign_in(&mut app, &mut sandbox).await;
        times.push(started.elapsed());
        if Instant::now() >= end {
            return (times, cookie);
        }
    }
}

async fn sign_in(app: &mut Host, sandbox: &mut Host) -> String {
    let login = app.get("/login", "").await;
    let consent = path_of(&login.location);
    let consent = format!("{consent}&sandbox_decision=allow&sandbox_user=full");
    let consented = sandbox.get(&consent, "").await;
    let callback = path_of(&consented.location);
    let signed_in = app.get(callback, &login.cookie).await;
    assert_eq!(signed_in.location, "/me");
    let profile = app.get("/me", &signed_in.cookie).await;
    assert_eq!(profile.status, 200);
    signed_in.cookie
}

/// What follows the host in an absolute URL.
fn path_of(url: &str) -> &str {
    let (_, rest) = url.split_once("://").expect("an absolute URL");
    &rest[rest.find('/').expect("a path")..]
}

/// A connection that is kept.
struct Host {
    name: String,
    stream: BufReader<TcpStream>,
    line: String,
}

#[derive(Default)]
struct Answer {
    status: u16,
    location: String,
    cookie: String,
}

impl Host {
    async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            name: address.to_owned(),
            stream: BufReader::new(stream),
            line: String::new(),
        }
    }

    async fn get(&mut self, path: &str, cookie: &str) -> Answer {
        let host = &self.name;
        let cookie = match cookie {
            "" => String::new(),
            cookie => format!("Cookie: {cookie}\r\n"),
        };
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\n{cookie}\r\n");
        self.stream
            .get_mut()
            .write_all(request.as_bytes())
            .await
            .unwrap();
        self.answer().await
    }

    async fn answer(&mut self) -> Answer {
        let mut answer = Answer::default();
        let status = self.header().await;
        answer.status = status.split(' ').nth(1).unwrap().parse().unwrap();
        let mut length = 0;
        loop {
            let header = self.header().await;
            if header.is_empty() {
                break;
            }
            let (name, value) = header.split_once(": ").unwrap();
            match name {
                "location" => value.clone_into(&mut answer.location),
                // The one of the sign-in is taken back when it has served.
                "set-cookie" if !value.ends_with("Max-Age=0") => value
                    .split(';')
                    .next()
                    .unwrap()
                    .clone_into(&mut answer.cookie),
                "content-length" => length = value.parse().unwrap(),
                "transfer-encoding" => panic!("an answer in chunks"),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        answer
    }

    async fn header(&mut self) -> String {
        self.line.clear();
        let read = self.stream.read_line(&mut self.line).await.unwrap();
        assert!(read > 0, "{} has closed the connection", self.name);
        self.line.trim_end().to_owned()
    }
}
