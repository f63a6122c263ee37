//! An attacker with a session, whose cookies turn up in other people's browsers.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;

use super::{Rounds, World};
use crate::chaos::cookies::Bait;
use crate::chaos::person::Person;

/// How much is in use at a time: the latest. Sessions that the older is of may have ended.
const MOST_BAIT: usize = 6;

pub(super) async fn plant_cookies(account: Arc<Person>, world: Arc<World>) {
    let mut rounds = Rounds::new(&world, Duration::from_millis(200));
    while rounds.next().await {
        if !account.state().signed_in {
            account.sign_in(&world).await;
            continue;
        }
        if account.draw(0..20) == 0 {
            account.sign_out(&world).await;
            continue;
        }
        account.visit(&world, Method::GET, "/me").await;
        if let Some(bait) = bait(&account, &world).await {
            let mut all = world.bait.lock().unwrap();
            all.truncate(MOST_BAIT - 1);
            all.push_front(bait);
        }
    }
}

/// The attacker's session, and a sign-in that lacks its callback.
async fn bait(account: &Person, world: &World) -> Option<Bait> {
    let session = account.browser.cookie()?;
    let other = account.browser.without_cookies();
    let at = account.instance(world);
    let login = account
        .request_by(world, &other, at, Method::GET, "/login")
        .await?;
    let callback = other.allow(&login, account.user.slug).await.ok()?;
    let mut cookies = other.all_cookies().into_iter();
    let sign_in = cookies.find(|(name, _)| name.starts_with("sign-in-"))?;
    Some(Bait {
        user: account.user,
        session,
        callback,
        sign_in,
    })
}
