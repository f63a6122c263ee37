//! Very many requests: of one session, or of very many clients, as far as an address tells.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;
use reqwest::header::HeaderValue;

use super::{PROXY, Rounds, World};
use crate::chaos::person::Person;

/// How many connections one session has to `/me` at the same time.
const PAGES_AT_ONCE: usize = 40;

/// How many sign-ins are begun at the same time.
const SIGN_INS_AT_ONCE: u32 = 8;

/// Pages that each leave messages in the record of the session's flow.
pub(super) async fn fill_the_record(account: Arc<Person>, world: Arc<World>) {
    let mut rounds = Rounds::new(&world, Duration::from_millis(100));
    while rounds.next().await {
        if !account.state().signed_in {
            account.sign_in(&world).await;
            continue;
        }
        let pages = ["/me", "/login", "/me", "/login"];
        join_all(pages.map(|path| account.visit(&world, Method::GET, path))).await;
        world
            .tally
            .add("attacks: pages for the record of a flow", pages.len());
    }
}

/// One session asks for its page by very many connections.
pub(super) async fn ask_at_once(account: Arc<Person>, world: Arc<World>) {
    let mut rounds = Rounds::new(&world, Duration::from_millis(500));
    while rounds.next().await {
        if !account.state().signed_in {
            account.sign_in(&world).await;
            continue;
        }
        let pages = (0..PAGES_AT_ONCE).map(|_| account.visit(&world, Method::GET, "/me"));
        join_all(pages).await;
        world
            .tally
            .add("attacks: pages of one session at once", PAGES_AT_ONCE);
    }
}

/// Sign-ins that are begun from all 256 networks of a /56, which is what a provider hands out to one household.
pub(super) async fn begin_sign_ins(world: Arc<World>, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed ^ 0x56);
    let flood = Flood::new();
    let mut rounds = Rounds::new(&world, Duration::from_millis(100));
    while rounds.next().await {
        let at = random.random_range(0..world.addresses.len());
        let requests = (0..SIGN_INS_AT_ONCE).map(|_| {
            let network = random.random_range(0..256);
            let client = format!("2001:db8:0:{network:x}::{:x}", random.random::<u16>());
            flood.begin_sign_in(&world, at, HeaderValue::try_from(client).unwrap())
        });
        join_all(requests.collect::<Vec<_>>()).await;
        world.tally.add(
            "attacks: sign-ins begun from 256 networks",
            SIGN_INS_AT_ONCE as usize,
        );
    }
}

/// What a proxy passes on that adds its client's address to whatever the client sent.
pub(super) async fn forward_oddly(world: Arc<World>, seed: u64) {
    const ODD: [&[u8]; 9] = [
        b"\xff, 203.0.113.5",
        b"\xc3\x28\xa0\xa1,203.0.113.5",
        b"127.0.0.1, \xe2\x80\xae203.0.113.5",
        b"\"[2001:db8::5]:80\", 203.0.113.5",
        b"::ffff:127.0.0.1",
        b"unknown, , 203.0.113.5:65536",
        b",,,,,,,,203.0.113.5",
        b"203.0.113.5%eth0",
        b"",
    ];
    let mut random = StdRng::seed_from_u64(seed ^ 0xff);
    let flood = Flood::new();
    let mut rounds = Rounds::new(&world, Duration::from_millis(100));
    while rounds.next().await {
        let at = random.random_range(0..world.addresses.len());
        let line = match random.random_range(0..=ODD.len()) {
            number if number < ODD.len() => ODD[number].to_vec(),
            _ => [&[0xff; 4_000][..], b", 203.0.113.5"].concat(),
        };
        let line = HeaderValue::from_bytes(&line).unwrap();
        flood.begin_sign_in(&world, at, line).await;
        world
            .tally
            .count("attacks: requests with an odd X-Forwarded-For");
    }
}

/// Requests that come by the attackers' proxy.
struct Flood(reqwest::Client);

impl Flood {
    fn new() -> Self {
        let http = test_support::http_client_builder()
            .timeout(Duration::from_mins(1))
            .local_address(PROXY);
        Self(http.build().unwrap())
    }

    /// `GET /login`, and nothing after it.
    async fn begin_sign_in(&self, world: &World, at: usize, forwarded_for: HeaderValue) {
        let url = format!("http://{}/login", world.addresses[at]);
        let request = self.0.get(url).header("x-forwarded-for", forwarded_for);
        // An instance that was killed does not answer.
        if let Ok(answer) = request.send().await {
            world.tally.answered_attacker(answer.status().as_u16());
        }
    }
}
