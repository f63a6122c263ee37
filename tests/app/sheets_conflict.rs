//! Two people, one row: nothing that somebody wrote meanwhile is undone unseen.

use crate::sheets::BOARD;
use crate::support::forms::RowForm;
use crate::support::{Browser, World};

/// "Write the texts".
const ROW: &str = "/rows/2331373580117928";

struct Two {
    world: World,
    grace: Browser,
    sam: Browser,
    path: String,
}

impl Two {
    async fn new() -> Self {
        let world = World::new().await;
        let (grace, sam) = (
            world.signed_in("full").await,
            world.signed_in("minimal").await,
        );
        let path = format!("{BOARD}{ROW}");
        Self {
            world,
            grace,
            sam,
            path,
        }
    }

    async fn form(&self, browser: &Browser) -> RowForm {
        RowForm::on(&browser.get(&self.path).await)
    }

    /// Sam writes into a column of the row.
    async fn sam_writes(&self, label: &str, value: &str) {
        let mut form = self.form(&self.sam).await;
        assert_eq!(form.fill(label, value).send(&self.sam).await.status, 303);
        self.world.sandbox.forget().await;
    }

    async fn writes(&self) -> usize {
        let requests = self.world.sandbox.requests().await;
        requests
            .iter()
            .filter(|line| line.starts_with("PUT "))
            .count()
    }
}

#[tokio::test]
async fn both_are_shown_and_nothing_is_written() {
    let two = Two::new().await;
    let mut mine = two.form(&two.grace).await;
    mine.fill("Task", "What Grace wrote").fill("Hours", "3");
    two.sam_writes("Task", "What Sam wrote").await;
    let page = mine.send(&two.grace).await;
    page.shows(
        409,
        &[
            "Somebody else changed this row",
            "What Grace wrote",
            "What Sam wrote",
            "<bdi>sam@example.com</bdi> saved it",
            "Keep theirs",
            "Use mine",
        ],
    );
    assert_eq!(two.writes().await, 0);
    // "Keep theirs" is a way to the row as it is.
    let way = format!("{BOARD}?page=1&#38;row=2331373580117928#row-2331373580117928");
    assert!(page.body.contains(&way), "{page:?}");

    // "Use mine" writes it against what is there now.
    let again = RowForm::on(&page);
    assert_eq!(again.value("Task"), Some("What Grace wrote"));
    assert_eq!(again.value("Hours"), Some("3"));
    assert_eq!(again.send(&two.grace).await.status, 303);
    assert_eq!(
        two.form(&two.sam).await.value("Task"),
        Some("What Grace wrote")
    );
}

#[tokio::test]
async fn the_form_again_has_theirs_where_nothing_was_typed() {
    let two = Two::new().await;
    let mut mine = two.form(&two.grace).await;
    mine.fill("Hours", "3");
    two.sam_writes("Task", "What Sam wrote").await;
    let page = mine.send(&two.grace).await;
    page.shows(
        409,
        &[
            "What Sam wrote",
            "not changed by you; the form below has theirs",
        ],
    );
    let again = RowForm::on(&page);
    assert_eq!(again.value("Task"), Some("What Sam wrote"));
    assert_eq!(again.send(&two.grace).await.status, 303);
    let now = two.form(&two.sam).await;
    assert_eq!(
        (now.value("Task"), now.value("Hours")),
        (Some("What Sam wrote"), Some("3"))
    );
}

#[tokio::test]
async fn a_change_elsewhere_is_none() {
    let two = Two::new().await;
    let mut mine = two.form(&two.grace).await;
    mine.fill("Hours", "3");
    let mut other = RowForm::on(&two.sam.get(BOARD).await);
    assert_eq!(
        other
            .fill("Task", "Another row")
            .send(&two.sam)
            .await
            .status,
        303
    );
    assert_eq!(mine.send(&two.grace).await.status, 303);
    assert_eq!(two.form(&two.sam).await.value("Hours"), Some("3"));
}

/// A program fills in the columns, and the version that the form showed, and nothing else.
#[tokio::test]
async fn a_form_with_the_version_alone() {
    let two = Two::new().await;
    let mut mine = two.form(&two.grace).await;
    mine.fill("Hours", "3").without("shown");
    let mut other = RowForm::on(&two.sam.get(BOARD).await);
    other.fill("Task", "Another row").send(&two.sam).await;
    assert_eq!(mine.send(&two.grace).await.status, 303);

    let mut mine = two.form(&two.grace).await;
    mine.fill("Hours", "4").without("shown");
    two.sam_writes("Task", "What Sam wrote").await;
    mine.send(&two.grace).await.shows(409, &["What Sam wrote"]);

    // Of a version that nobody here has shown, it is not known what was in the row.
    mine.set("version", "1").fill("Task", "What Sam wrote");
    mine.send(&two.grace)
        .await
        .shows(409, &["Somebody else changed this row"]);
    assert_eq!(two.writes().await, 0);
}

#[tokio::test]
async fn changed_and_changed_back_is_none() {
    let two = Two::new().await;
    let mut mine = two.form(&two.grace).await;
    mine.fill("Hours", "3");
    two.sam_writes("Task", "For a moment").await;
    two.sam_writes("Task", "Write the texts").await;
    assert_eq!(mine.send(&two.grace).await.status, 303);
}

#[tokio::test]
async fn once_more_while_one_chooses() {
    let two = Two::new().await;
    let mut mine = two.form(&two.grace).await;
    mine.fill("Task", "Mine");
    two.sam_writes("Task", "First").await;
    let page = mine.send(&two.grace).await;
    let again = RowForm::on(&page);
    two.sam_writes("Task", "Second").await;
    let page = again.send(&two.grace).await;
    page.shows(409, &["Second", "Mine"]);
    assert_eq!(two.writes().await, 0);
}

#[tokio::test]
async fn json_is_told_as_well() {
    let two = Two::new().await;
    let mut mine = two.form(&two.grace).await;
    mine.fill("Task", "Mine");
    two.sam_writes("Task", "First").await;
    let headers = [
        ("accept", "application/json"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let post = reqwest::Method::POST;
    let answer = two
        .grace
        .send_body(post, &two.path, &headers, mine.body())
        .await;
    answer.is_problem(409, "row-changed");
    assert_eq!(two.writes().await, 0);
}
