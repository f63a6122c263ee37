//! Other sites get the signed-in person from here: the whole walk, and that it ends everywhere at once.

use reqwest::Method;
use serde_json::Value;

use crate::support::app::BASE_URL;
use crate::support::{Setup, Visitor, World};

pub(crate) const WIKI: &str = "http://wiki.localhost:3000";
pub(crate) const BOARD: &str = "http://board.localhost:3001";

pub(crate) fn with_sites(setup: Setup) -> Setup {
    setup
        .set("gateway.sites", &format!("{WIKI}, {BOARD}"))
        .set("server.trusted_proxies", "127.0.0.1")
}

pub(crate) async fn world() -> World {
    World::with(with_sites).await
}

#[tokio::test]
async fn signed_in_at_a_site_and_then_at_every_one() {
    for store in ["", "memory"] {
        let world = World::with(|setup| {
            let setup = with_sites(setup);
            match store {
                "" => setup,
                store => setup.set("session.store", store),
            }
        })
        .await;
        let ann = Visitor::new(&world.app);
        assert_eq!(ann.check(WIKI).await.status, 401);
        let page = "/page?a=b&c=%C3%A9+d";
        let (url, answer) = ann.sign_in_at(WIKI, page, "full").await;
        let url = url.split('?').next().unwrap();
        assert_eq!(url, format!("{WIKI}/auth/arrive"), "{answer:?}");
        answer.redirects_to(page);
        let check = ann.check(WIKI).await;
        assert_eq!((check.status, check.body.as_str()), (200, ""));
        assert_eq!(check.header("remote-user"), "9187654321098765");
        // The other one: no consent page any more.
        let (_, answer) = ann
            .walk(&format!("{BOARD}/auth/sign-in?return_to=/x"))
            .await;
        answer.redirects_to("/x");
        assert_eq!(ann.check(BOARD).await.status, 200);
        assert_eq!(ann.go(&format!("{BASE_URL}/me")).await.status, 200);
    }
}
