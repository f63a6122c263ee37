//! The curl commands of `/flow` work when their placeholders are set.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::support::app::{BASE_URL, CLIENT_SECRET};
use crate::support::said::{flow, overheard, said, text};
use crate::support::{Browser, World};
use test_support::parameter;

/// A shell with the placeholders in its environment.
struct Shell {
    values: BTreeMap<&'static str, String>,
    app: String,
}

impl Shell {
    fn at(world: &World) -> Self {
        Self {
            values: BTreeMap::from([("APP_SECRET", CLIENT_SECRET.to_owned())]),
            app: format!("http://{}", world.app.address),
        }
    }

    fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.values.insert(name, value.into());
    }

    /// Runs the command of `message`, and gives the status and the body of what came back.
    #[track_caller]
    fn run(&self, message: &Value) -> (u16, String) {
        self.run_command(&self.command_of(message))
    }

    /// The command of `message`. The browser's side of the app is on another port here.
    fn command_of(&self, message: &Value) -> String {
        let shown = text(message, "curl").to_owned();
        ['\'', '"'].iter().fold(shown, |command, quote| {
            command.replace(
                &format!("{quote}{BASE_URL}"),
                &format!("{quote}{}", self.app),
            )
        })
    }

    #[track_caller]
    fn run_command(&self, command: &str) -> (u16, String) {
        let output = Command::new("sh")
            .args(["-euc", command])
            .env("no_proxy", "*")
            .envs(&self.values)
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        let answer = String::from_utf8(output.stdout).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        (status, body.to_owned())
    }
}

/// The last message of `step`.
fn last<'a>(messages: &'a [Value], step: &str) -> &'a Value {
    let mut of_step = messages.iter().filter(|message| message["step"] == step);
    of_step
        .next_back()
        .unwrap_or_else(|| panic!("no {step} in {messages:?}"))
}

/// A sign-in that has come as far as the callback.
async fn code_and_state(browser: &Browser) -> [String; 2] {
    let authorize = browser.begin("/login").await;
    let callback = browser.consent(&authorize, "allow", "full").await;
    let callback = format!("{BASE_URL}{callback}").parse().unwrap();
    ["code", "state"].map(|name| parameter(&callback, name).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs curl; ./scripts/test runs it"]
async fn every_command_works() {
    for authentication in ["hash", "secret"] {
        let (world, _) =
            overheard(|setup| setup.set("smartsheet.client_authentication", authentication)).await;
        let browser = world.signed_in("full").await;
        browser.json("/me").await;
        let post = reqwest::Method::POST;
        browser
            .send(post, "/refresh", &[])
            .await
            .redirects_to("/me");
        let messages = said(&browser).await;
        let mut shell = Shell::at(&world);

        // Smartsheet's side: a code of a sign-in of our own.
        let somebody = world.browser();
        let [code, _] = code_and_state(&somebody).await;
        shell.set("CODE", code);
        let exchange = last(&messages, "code_exchange");
        let (status, body) = shell.run(exchange);
        assert_eq!(status, 200, "{body}");
        let token = |body: &str, name: &str| {
            let tokens: Value = serde_json::from_str(body).unwrap();
            tokens[name].as_str().unwrap().to_owned()
        };
        shell.set("REFRESH_TOKEN", token(&body, "refresh_token"));
        // A code works once, and a second use costs the pair; so first the rest.
        let (status, body) = shell.run(last(&messages, "refresh"));
        assert_eq!(status, 200, "{body}");
        shell.set("ACCESS_TOKEN", token(&body, "access_token"));
        let (status, body) = shell.run(last(&messages, "current_user"));
        assert_eq!(status, 200, "{body}");
        assert!(body.contains("grace.hopper@example.com"));
        let example = flow(&world.browser()).await;
        let revocation = last(example["messages"].as_array().unwrap(), "revocation");
        assert_eq!(shell.run(revocation).0, 200);
        assert_eq!(shell.run(last(&messages, "current_user")).0, 401);
        assert_eq!(shell.run(exchange).0, 400);

        // The browser's side, with its cookie.
        shell.set("SESSION", browser.session().unwrap());
        assert_eq!(shell.run(last(&messages, "sign_in")).0, 303);
        let (status, body) = shell.run(last(&messages, "profile"));
        assert_eq!(status, 200, "{body}");
        assert!(body.contains("grace.hopper@example.com"));
        assert_eq!(shell.run(last(&messages, "refresh_now")).0, 303);
        shell.set("SESSION", "");
        assert_eq!(shell.run(last(&messages, "profile")).0, 401);
        assert_eq!(shell.run(last(&messages, "refresh_now")).0, 303);
        let another = world.browser();
        let [code, state] = code_and_state(&another).await;
        shell.set("CODE", code);
        shell.set("STATE", state);
        shell.set("SIGN_IN", "");
        assert_eq!(shell.run(last(&messages, "callback")).0, 400);
        // The name of the cookie is that of the sign-in.
        let cookies = another.cookies();
        let mut sign_ins = cookies
            .iter()
            .filter(|(name, _)| name.starts_with("sign-in-"));
        let (name, value) = sign_ins.next().unwrap();
        shell.set("SIGN_IN", value);
        let callback = shell.command_of(last(&messages, "callback"));
        let (before, after) = callback.split_once("sign-in-").unwrap();
        let (_, after) = after.split_once('=').unwrap();
        let (status, body) = shell.run_command(&format!("{before}{name}={after}"));
        assert_eq!(status, 303, "{body}");

        // Only a browser can ask a person; what is to be opened in it is right.
        let consent = text(last(&messages, "consent"), "curl");
        let (comment, url) = consent.split_once('\n').unwrap();
        assert!(comment.starts_with("# "), "{consent}");
        let (status, body) = shell.run_command(&format!("curl --include {url}"));
        assert_eq!(status, 200, "{body}");
        assert!(body.contains("Allow"), "{body}");
    }
}

/// Under https the cookie has another name.
#[tokio::test]
async fn the_cookie_has_its_name() {
    let (world, _) =
        overheard(|setup| setup.set("server.base_url", "https://demo.example.com")).await;
    let browser = world.browser();
    browser.get("/login").await;
    browser.get("/login").await;
    let names: Vec<String> = browser.cookies().into_keys().collect();
    let messages = said(&browser).await;
    let command = text(last(&messages, "sign_in"), "curl");
    let cookie = |name: &String| format!("\"Cookie: {name}=$SIGN_IN\"");
    assert!(
        names
            .iter()
            .any(|name| { name.starts_with("__Host-sign-in-") && command.contains(&cookie(name)) }),
        "{command} {names:?}"
    );
    assert!(
        command.contains("'https://demo.example.com/login'"),
        "{command}"
    );
}
