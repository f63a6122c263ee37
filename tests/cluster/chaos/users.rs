//! Who signs in: users of the sandbox, each known by an id that no other's page has in it.

use rand::RngExt as _;
use rand::rngs::StdRng;

/// A user of the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) slug: &'static str,
    /// The `id` of their profile.
    pub(super) id: u64,
}

const PEOPLE: [User; 4] = [
    User {
        slug: "full",
        id: 9_187_654_321_098_765,
    },
    User {
        slug: "minimal",
        id: 48_569_348_493_401_200,
    },
    User {
        slug: "unicode",
        id: 5_391_750_264_180_612,
    },
    User {
        slug: "rtl",
        id: 2_718_281_828_459_045,
    },
];

const ATTACKERS: [User; 2] = [
    User {
        slug: "long",
        id: 3_141_592_653_589_793,
    },
    User {
        slug: "many",
        id: 1_732_050_807_568_877,
    },
];

impl User {
    /// The user that person number `number` is.
    pub(super) fn of_person(number: usize) -> Self {
        PEOPLE[number % PEOPLE.len()]
    }

    /// One of the users that only attackers are.
    pub(super) fn of_attacker(random: &mut StdRng) -> Self {
        ATTACKERS[random.random_range(0..ATTACKERS.len())]
    }

    /// Whether `page` has somebody else's id in it.
    pub(super) fn sees_others_in(self, page: &str) -> bool {
        let others = PEOPLE
            .iter()
            .chain(&ATTACKERS)
            .filter(|user| **user != self);
        others
            .map(|user| user.id.to_string())
            .any(|id| page.contains(&id))
    }
}
