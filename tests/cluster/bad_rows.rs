//! Rows that are damaged, moved, or of another version of the program.

use crate::support::{Browser, Cluster, Kind, Provider, Table, key_of, on_both_stores};

on_both_stores! {
    a_row_that_does_not_open_signs_out_one_browser_and_no_other,
}

async fn a_row_that_does_not_open_signs_out_one_browser_and_no_other(kind: Kind) {
    for spoil in [
        "a byte changed",
        "cut in the middle",
        "cut in the header",
        "empty",
        "of a later version",
        "of another session",
        "of another version of the row",
        "huge",
    ] {
        let provider = Provider::start().await;
        let cluster = Cluster::new(kind).await.with_provider(&provider);
        let one = cluster.start().await;
        let (victim, other) = (Browser::new(), Browser::new());
        victim.sign_in(one.address).await;
        other.sign_in(one.address).await;
        assert_eq!(victim.me(one.address).await.status, 200);
        let table = cluster.table().await;
        let spoiled = spoiled(&table, &victim, &other, spoil).await;

        victim.get(one.address, "/me").await.asks_to_sign_in();
        assert_eq!(victim.me(one.address).await.status, 401, "{spoil}");
        assert_eq!(victim.get(one.address, "/").await.status, 200, "{spoil}");
        assert_eq!(
            victim.post(one.address, "/refresh").await.status,
            303,
            "{spoil}"
        );
        assert_eq!(
            table.sealed(&victim).await,
            spoiled,
            "{spoil}: it stays for a look"
        );
        assert_eq!(other.me(one.address).await.status, 200, "{spoil}");

        let log = one.log();
        let lines: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("does not open"))
            .collect();
        assert_eq!(lines.len(), 1, "{spoil}: {log}");
        assert!(lines[0].contains("WARN"), "{}", lines[0]);

        // The way on is to sign in, and to sign out leads nowhere bad.
        victim.sign_in(one.address).await;
        assert_eq!(victim.me(one.address).await.status, 200, "{spoil}");
        assert_eq!(
            victim.post(one.address, "/logout").await.status,
            303,
            "{spoil}"
        );
        assert_eq!(other.me(one.address).await.status, 200, "{spoil}");
        table.close().await;
    }
}

/// Spoils the victim's row and gives what is in it then.
async fn spoiled(table: &Table, victim: &Browser, other: &Browser, spoil: &str) -> Vec<u8> {
    let mut sealed = table.sealed(victim).await;
    match spoil {
        "a byte changed" => *sealed.last_mut().unwrap() ^= 1,
        "cut in the middle" => sealed.truncate(sealed.len() / 2),
        "cut in the header" => sealed.truncate(7),
        "empty" => sealed.clear(),
        "of a later version" => sealed[0] += 1,
        "of another session" => sealed = table.sealed(other).await,
        "of another version of the row" => {
            let sql = "UPDATE sessions SET version = version + 1 WHERE key = $1";
            table.run(sql, &[&key_of(victim)]).await;
        }
        _ => sealed.extend(vec![0; 3_000_000]),
    }
    table.put(victim, &sealed).await;
    sealed
}
