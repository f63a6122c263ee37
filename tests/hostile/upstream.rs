//! An upstream that answers with a gigabyte, or with a byte a second: measured on the real program.

use std::time::Duration;

use crate::support::{Bystander, Manner, Person, Upstream, comes_back};

/// How many people ask at once, and how often each: as often as one session may.
const PEOPLE: usize = 5;
const TABS: usize = 8;

/// No answer of the bystander's takes this long, though the machine is busy.
const SOON: Duration = Duration::from_secs(9);

async fn asked_all_at_once(manner: Manner, status: u16) {
    let upstream = Upstream::start().await;
    let program = upstream.program(&[("SESSION_STORE", "memory")]).await;
    let bystander = Person::sign_in(program.address).await;
    let mut people = Vec::new();
    for _ in 0..PEOPLE {
        people.push(Person::sign_in(program.address).await);
    }
    let person = people[0].clone();
    assert_eq!(person.me().await.unwrap().status(), 200);
    let before = program.memory("VmHWM");

    upstream.answer(manner);
    let watching = Bystander::watch(&bystander);
    let asked: Vec<_> = (0..PEOPLE * TABS)
        .map(|number| {
            let person = people[number % PEOPLE].clone();
            tokio::spawn(async move { person.me().await.unwrap() })
        })
        .collect();
    for answer in asked {
        assert_eq!(answer.await.unwrap().status(), status);
    }
    watching.saw_nothing(SOON).await;
    if let (Some(before), Some(most)) = (before, program.memory("VmHWM")) {
        println!("{manner:?}: {before} MiB before, {most} MiB at most");
        // 40 answers of at most 1 MiB, read into buffers that grow by doubling.
        assert!(most < before + 120, "{most} MiB");
    }
    upstream.answer(Manner::Well);
    assert_eq!(person.me().await.unwrap().status(), 200, "still signed in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gigabyte() {
    asked_all_at_once(Manner::Huge, 502).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_byte_a_second() {
    asked_all_at_once(Manner::Slow, 504).await;
}

/// The same for tokens: the sign-in fails, and nothing else does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_a_gigabyte() {
    let upstream = Upstream::start().await;
    let app = upstream.app(|_| {}).await;
    let bystander = Bystander::watch(&Person::sign_in(app.address).await);
    upstream.answer_tokens(Manner::Huge);
    for _ in 0..3 {
        let answer = comes_back(app.address).await;
        assert_eq!(answer.status(), 502);
    }
    bystander.saw_nothing(SOON).await;
}
