//! People who attack the app, all the time: what they do must cost nobody else anything.
//!
//! Each works in rounds with a pause between them, so that the machine is left to the others, and from an address of its own.

mod floods;
mod logins;
mod planting;
mod slow_bodies;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::task::JoinSet;

use super::World;
use super::person::{Habit, Person};
use super::users::User;

/// The attackers' own proxy. The instances believe its `X-Forwarded-For`, so what it does not say well, clients may have said.
pub(super) const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));

/// How many rounds an attacker makes at most.
const MOST_ROUNDS: u32 = 10_000;

/// How many attackers there are who sign in, by what they do then.
const PLANTING: usize = 3;
const SIGNING_IN_OVER: usize = 3;
const FILLING: usize = 1;
const STARVING: usize = 1;

/// The attackers, with the accounts of those who sign in.
pub(super) struct Attackers {
    planting: Vec<Arc<Person>>,
    signing_in_over: Vec<Arc<Person>>,
    filling: Vec<Arc<Person>>,
    starving: Vec<Arc<Person>>,
    seed: u64,
}

impl Attackers {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed ^ 0xbad);
        let mut accounts = |count: usize, address: u8| {
            let mut account = |number: usize| {
                let seed = seed ^ (u64::from(address) << 32) ^ (number as u64 + 1);
                let user = User::of_attacker(&mut random);
                let address = IpAddr::from([127, 0, 0, address]);
                Arc::new(Person::new(seed, Habit::Attacker, user, Some(address)))
            };
            (0..count).map(&mut account).collect()
        };
        Self {
            planting: accounts(PLANTING, 2),
            signing_in_over: accounts(SIGNING_IN_OVER, 3),
            filling: accounts(FILLING, 4),
            starving: accounts(STARVING, 5),
            seed,
        }
    }

    /// Those who sign in. They are held to what they hold, as everybody is.
    pub(super) fn accounts(&self) -> impl Iterator<Item = Arc<Person>> {
        let all = [
            &self.planting,
            &self.signing_in_over,
            &self.filling,
            &self.starving,
        ];
        all.into_iter().flatten().cloned()
    }

    pub(super) async fn attack(&self, world: &Arc<World>) {
        let mut attacks = JoinSet::new();
        for account in &self.planting {
            attacks.spawn(planting::plant_cookies(account.clone(), world.clone()));
        }
        for account in &self.signing_in_over {
            attacks.spawn(logins::sign_in_over(account.clone(), world.clone()));
        }
        for account in &self.filling {
            attacks.spawn(floods::fill_the_record(account.clone(), world.clone()));
        }
        for account in &self.starving {
            attacks.spawn(floods::ask_at_once(account.clone(), world.clone()));
        }
        for at in 0..world.addresses.len() {
            attacks.spawn(slow_bodies::trickle(at, world.clone()));
        }
        attacks.spawn(floods::begin_sign_ins(world.clone(), self.seed));
        attacks.spawn(floods::forward_oddly(world.clone(), self.seed));
        // Panics if one of them did.
        attacks.join_all().await;
    }
}

/// The rounds of one attacker.
struct Rounds<'a> {
    world: &'a World,
    pause: Duration,
    left: u32,
}

impl<'a> Rounds<'a> {
    fn new(world: &'a World, pause: Duration) -> Self {
        Self {
            world,
            pause,
            left: MOST_ROUNDS,
        }
    }

    /// Whether there is another one, after the pause.
    async fn next(&mut self) -> bool {
        tokio::time::sleep(self.pause).await;
        self.left = self.left.saturating_sub(1);
        self.left > 0 && !self.world.is_over()
    }
}
