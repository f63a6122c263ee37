//! The three ways to deal with an access token that expires, side by side, against the sandbox.
//!
//! ```text
//! cargo run --example three_ways_to_refresh
//! ```
//!
//! Whichever you take: Smartsheet's refresh tokens work once. Store the new pair before you use it, and never let two
//! requests refresh at the same time.

#![allow(
    clippy::disallowed_methods,
    reason = "an app of your own may ask the system's clock"
)]

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use smartsheet_oauth_demo::clock::Clock;
use smartsheet_oauth_demo::flow::FlowId;
use smartsheet_oauth_demo::oauth::{
    Callback, Client, ClientAuthentication, Endpoints, OAuthError, Registration, State, Token,
};
use smartsheet_oauth_demo::sandbox::{self, Sandbox};
use smartsheet_oauth_demo::session::{
    AccessTokens, Lifetimes, Login, MemoryRows, RefreshPolicy, Refreshes, Sealer, SessionData,
    Store,
};
use smartsheet_oauth_demo::smartsheet::{Api, ApiError, Profile, Retry};
use smartsheet_oauth_demo::transport::{Limits, Transport};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;
use url::Url;

type Error = Box<dyn std::error::Error>;

const MARGIN: Duration = Duration::from_mins(5);

/// The first way: use the token until a call is refused, then refresh, save and repeat the call.
///
/// The simplest, and needed in any case, because a token can be void before its time. It costs a failed call each time.
async fn refresh_on_error(
    client: &Client,
    api: &Api,
    token: &mut Token,
    save: impl Fn(&Token),
) -> Result<Profile, Error> {
    match api.current_user(&token.access_token).await {
        Err(ApiError::TokenRefused(_)) => {
            *token = refresh(client, token).await?;
            save(token);
            Ok(api.current_user(&token.access_token).await?)
        }
        answer => Ok(answer?),
    }
}

/// The second way: refresh ahead of time, and leave saving to the caller. `Some` is a new token that must be saved.
///
/// Good where one place does all the saving. Easy to get wrong: a caller that forgets has lost the login.
#[must_use = "a refreshed token that is not saved is a lost login"]
async fn refresh_ahead(client: &Client, token: &Token) -> Result<Option<Token>, Error> {
    if token.expires_within(MARGIN, Timestamp::now()) {
        return Ok(Some(refresh(client, token).await?));
    }
    Ok(None)
}

/// The third way, which this app takes: ask for a usable token before each call. Whether it was refreshed, that it was
/// stored first, and that nobody else did the same meanwhile is the business of [`AccessTokens`].
async fn refresh_ahead_and_save(
    access: &AccessTokens,
    api: &Api,
    id: smartsheet_oauth_demo::session::Id,
) -> Result<Profile, Error> {
    let signed_in = access.usable(id).await?;
    Ok(api.current_user(signed_in.access_token()).await?)
}

async fn refresh(client: &Client, token: &Token) -> Result<Token, OAuthError> {
    let refresh_token = token.refresh_token.as_ref();
    let refresh_token = refresh_token.expect("Smartsheet always issues one");
    client.refresh(refresh_token, Timestamp::now()).await
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A sandbox whose tokens live for a minute, less than the margin: each is refreshed before its first use.
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let redirect_uri: Url = "http://localhost:8080/redirect".parse()?;
    let sandbox = Sandbox::open(sandbox::Options {
        apps: vec![sandbox::RegisteredApp {
            name: "Example".to_owned(),
            client_id: "example".to_owned(),
            client_secret: "secret".to_owned(),
            redirect_urls: vec![redirect_uri.to_string()],
        }],
        access_token_lifetime: Duration::from_mins(1),
        ..sandbox::Options::default()
    });
    tokio::spawn(sandbox::serve(
        sandbox.await?,
        listener,
        std::future::pending(),
    ));

    let endpoints = Endpoints {
        authorize: format!("{base}/b/authorize").parse()?,
        token: format!("{base}/2.0/token").parse()?,
    };
    let transport = Transport::new(&[&endpoints.token], "three-ways/1.0", Limits::default())?;
    let registration = Registration {
        client_id: "example".to_owned(),
        client_secret: "secret".into(),
        redirect_uri,
        authentication: ClientAuthentication::Hash,
    };
    let client = Client::new(registration, endpoints, transport.clone());
    let api = Api::new(format!("{base}/2.0").parse()?, transport, Retry::default());

    let mut token = sign_in(&client).await?;
    expire(&base).await?;
    let profile = refresh_on_error(&client, &api, &mut token, |_| println!("   saved")).await?;
    println!(
        "1. refreshed on the error:                {}",
        profile.name()
    );

    if let Some(refreshed) = refresh_ahead(&client, &token).await? {
        println!("   saved");
        token = refreshed;
    }
    let profile = api.current_user(&token.access_token).await?;
    println!(
        "2. refreshed ahead, saved by the caller:  {}",
        profile.name()
    );

    let lifetimes = Lifetimes {
        idle: Duration::from_hours(1),
        total: Duration::from_hours(24),
    };
    let sealer = Sealer::from_base64(&Sealer::new_key())?;
    let store = Store::new(
        Arc::new(MemoryRows::default()),
        sealer,
        lifetimes,
        Clock::system(),
    );
    let policy = RefreshPolicy {
        margin: MARGIN,
        lease: Duration::from_secs(15),
    };
    let access = AccessTokens::new(Refreshes {
        store: store.clone(),
        client,
        clock: Clock::system(),
        policy,
        tasks: TaskTracker::new(),
        log: None,
        metrics: None,
    });
    let login = Login::new(token, Timestamp::now());
    let session = SessionData::new(login, FlowId::random());
    let id = store.create(session).await?.id;
    let profile = refresh_ahead_and_save(&access, &api, id).await?;
    println!(
        "3. refreshed ahead and saved by the app:  {}",
        profile.name()
    );
    Ok(())
}

/// What a browser does: follows the authorization URL, on which the sandbox is told to allow at once.
async fn sign_in(client: &Client) -> Result<Token, Error> {
    let state = State::random(&mut rand::rng());
    let mut url = client.authorization_url(&[], &state);
    url.query_pairs_mut()
        .append_pair("sandbox_decision", "allow")
        .append_pair("sandbox_user", "full");
    let browser = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let answer = browser.get(url).send().await?;
    let location: Url = answer.headers()["location"].to_str()?.parse()?;
    let callback = Callback::parse(location.query().unwrap_or_default())?;
    assert_eq!(callback.state, Some(state));
    Ok(client
        .exchange_code(&callback.outcome?, Timestamp::now())
        .await?)
}

/// Makes the sandbox's access tokens expire before their time.
async fn expire(base: &str) -> Result<(), Error> {
    let expire = reqwest::Client::new()
        .post(format!("{base}/control/expire"))
        .header("content-type", "application/json")
        .body(r#"{"what": "access_tokens"}"#);
    expire.send().await?.error_for_status()?;
    Ok(())
}
