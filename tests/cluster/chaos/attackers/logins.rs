//! Somebody who signs in again and again, and would leave grants behind: each sign-in over another replaces a grant, and a
//! sign-out must end all of them, whichever of the cookies it comes with.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;

use super::{Rounds, World};
use crate::chaos::person::Person;

pub(super) async fn sign_in_over(account: Arc<Person>, world: Arc<World>) {
    let mut rounds = Rounds::new(&world, Duration::from_millis(50));
    while rounds.next().await {
        if !account.sign_in(&world).await {
            continue;
        }
        let mut before = Vec::new();
        for _ in 0..account.draw(1..4) {
            before.push(account.browser.apart());
            account.sign_in(&world).await;
            if account.draw(0..2) == 0 {
                account.visit(&world, Method::GET, "/me").await;
            }
        }
        world.tally.count("attacks: logins with sign-ins over them");
        if account.draw(0..2) == 0 {
            leave_by_the_old_cookie(&account, &world).await;
        } else {
            account.sign_out(&world).await;
        }
        let mut state = account.state();
        if !state.signed_in {
            state.left.append(&mut before);
        }
    }
}

/// Signs in over a session that works, as if the new cookie had not arrived, and signs out with the old one.
async fn leave_by_the_old_cookie(account: &Person, world: &World) {
    let at = account.instance(world);
    let page = account
        .request_by(world, &account.browser, at, Method::GET, "/me")
        .await;
    if page.is_none_or(|page| page.status != 200) {
        return;
    }
    let old = account.browser.apart();
    if account.sign_in(world).await {
        let new = account.browser.apart();
        account.sign_out_by(world, &old, new).await;
    }
}
