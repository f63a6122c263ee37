//! What `scripts/bench` compares the app with: the same pages from a bare server of the same framework. No session, no
//! header of its own, no log. The profile page calls the same upstream with the same client.
//!
//! ```text
//! bench_floor ADDRESS SANDBOX    # such as 127.0.0.1:8090 http://127.0.0.1:8081
//! ```

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use smartsheet_oauth_demo::clock::Clock;
use smartsheet_oauth_demo::config::Settings;
use smartsheet_oauth_demo::flow::{FlowLog, MemoryFlow};
use smartsheet_oauth_demo::oauth::{self, AuthorizationCode, Callback};
use smartsheet_oauth_demo::seal::Sealer;
use smartsheet_oauth_demo::session::{Lifetimes, Login, MemoryRows, Person, Store};
use smartsheet_oauth_demo::smartsheet::GetSheet;
use smartsheet_oauth_demo::start::{Overrides, assemble};
use smartsheet_oauth_demo::web::{App, bare};
use tokio::net::TcpListener;

/// The app's: what is compared is what the app does, not who gives out its memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Floor {
    app: App,
    login: Login,
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, sandbox] = &arguments[..] else {
        panic!("expected: ADDRESS SANDBOX");
    };
    let app = app(sandbox);
    let login = sign_in(&app).await;
    let routes = Router::new()
        .route("/", get(start_page))
        .route("/signed-in", get(signed_in_start_page))
        .route("/me", get(profile_page))
        .route("/sheets/{id}", get(sheet_page))
        .route("/auth/check", get(check))
        .with_state(Arc::new(Floor { app, login }));
    let listener = TcpListener::bind(address).await.unwrap();
    axum::serve(listener, routes).await.unwrap();
}

async fn start_page(State(floor): State<Arc<Floor>>) -> Response {
    bare::start_page(&floor.app, None)
}

async fn signed_in_start_page(State(floor): State<Arc<Floor>>) -> Response {
    bare::start_page(&floor.app, floor.login.person.clone())
}

async fn profile_page(State(floor): State<Arc<Floor>>) -> Response {
    let Floor { app, login } = &*floor;
    match app
        .smartsheet
        .api
        .current_user(&login.token.access_token)
        .await
    {
        Ok(profile) => bare::profile_page(app, &profile, login),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

/// The 25th page of a sheet, as the benchmark asks for it.
async fn sheet_page(State(floor): State<Arc<Floor>>, Path(id): Path<u64>) -> Response {
    let Floor { app, login } = &*floor;
    let call = GetSheet::page(id, 25, 100);
    match app
        .smartsheet
        .api
        .perform(&call, &login.token.access_token)
        .await
    {
        Ok(sheet) => bare::sheet_page(app, &sheet, 25, login),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

/// The headers of a check, of the length that they have.
async fn check() -> ([(&'static str, &'static str); 5], ()) {
    const ASSERTION: &str = concat!(
        "eyJhbGciOiJFUzI1NiIsImtpZCI6Im9XODJSNmpTRHlUa3A5YlpGREc5WGdmaDc0VzNLSHYtd0tGV202bEVORmsiLCJ0eXAiOiJKV1QifQ.",
        "eyJpc3MiOiJodHRwOi8vbG9jYWxob3N0OjgwODAiLCJhdWQiOiJodHRwOi8vd2lraS5sb2NhbGhvc3Q6MzAwMCIsInN1YiI6IjkxODc2NTQzMjEwOTg3NjUi",
        "LCJlbWFpbCI6ImdyYWNlLmhvcHBlckBleGFtcGxlLmNvbSIsIm5hbWUiOiJHcmFjZSBIb3BwZXIiLCJnaXZlbl9uYW1lIjoiR3JhY2UiLCJmYW1pbHlfbmFt",
        "ZSI6IkhvcHBlciIsImFjY291bnRfaWQiOiI0NTAzNTk5NjI3MzcwNDk2IiwiYWNjb3VudF9uYW1lIjoiSGFyYm9yIENvbXB1dGluZyIsImdyb3VwcyI6WyJF",
        "dmVyeWJvZHkiLCJDb21waWxlcnMiXSwiaWF0IjoxNzY3MjI1NjAwLCJleHAiOjE3NjcyMjU2NjAsImp0aSI6IkFBQUFBQUFBQUFBQUFBQUFBQUFBQUEifQ.",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    );
    let headers = [
        ("remote-user", "9187654321098765"),
        ("remote-email", "grace.hopper@example.com"),
        ("remote-name", "Grace Hopper"),
        ("remote-groups", "Everybody,Compilers"),
        ("x-smartsheet-assertion", ASSERTION),
    ];
    (headers, ())
}

/// The pages' overrides, with the settings of the app that is compared. Its stores are never asked.
fn app(sandbox: &str) -> App {
    let flags = [
        ("smartsheet.region", "us".to_owned()),
        ("smartsheet.client_id", "sandbox-client".to_owned()),
        ("smartsheet.client_secret", "sandbox-secret".to_owned()),
        ("smartsheet.authorize_url", format!("{sandbox}/b/authorize")),
        ("smartsheet.api_url", format!("{sandbox}/2.0")),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    let settings = Settings::load(None, &|_| None, &flags).unwrap();
    let sealer = Sealer::from_base64(&Sealer::new_key()).unwrap();
    let lifetimes = Lifetimes {
        idle: settings.session.idle_timeout,
        total: settings.session.lifetime,
    };
    let clock = Clock::system();
    let rows = Arc::new(MemoryRows::default());
    let store = Store::new(rows, sealer.clone(), lifetimes, clock.clone());
    let flow = FlowLog::new(Arc::new(MemoryFlow::default()), sealer, clock);
    assemble(&settings, Overrides::default(), store, flow).unwrap()
}

/// Signs in at the sandbox, to have a token to call it with.
async fn sign_in(app: &App) -> Login {
    let state = oauth::State::random(&mut rand::rng());
    let url = app
        .smartsheet
        .client
        .authorization_url(&app.settings.scopes, &state);
    let browser = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let url = format!("{url}&sandbox_decision=allow&sandbox_user=full");
    let answer = browser.get(url).send().await.unwrap();
    let location = answer.headers()["location"].to_str().unwrap();
    let (_, query) = location.split_once('?').unwrap();
    let code: AuthorizationCode = Callback::parse(query).unwrap().outcome.unwrap();
    let now = app.clock.now();
    let token = app
        .smartsheet
        .client
        .exchange_code(&code, now)
        .await
        .unwrap();
    let profile = app
        .smartsheet
        .api
        .current_user(&token.access_token)
        .await
        .unwrap();
    Login {
        signed_in_at: now,
        token,
        refreshed_at: None,
        lease: None,
        identity: None,
        identified_at: None,
        asked_at: None,
        issuer: None,
        scopes: None,
        person: Some(Person::of(&profile)),
    }
}
