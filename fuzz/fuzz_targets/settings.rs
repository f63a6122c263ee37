//! The settings, from all their sources.
//!
//! The input is a `config.toml`; after a line `===`, variables (`NAME=VALUE`) and flags (`--set NAME=VALUE`), one a line; after
//! another such line, the content of the file that `FILE` stands for wherever a path can be; and after one more, a `.env`. `§`
//! stands for a secret. Whatever it is, the result is settings or one line that begins with the name of a setting or of `.env`.
//! When the secret is only where secrets belong, neither shows it.

#![no_main]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use smartsheet_oauth_demo::config::{Given, Settings};
use smartsheet_oauth_demo_fuzz::{gives_away, has_control, planted};
use toml::{Table, Value};
use url::Url;

/// The files of this process. scripts/fuzz gives it a folder that it removes.
struct Files {
    config: PathBuf,
    secret: PathBuf,
    dotenv: PathBuf,
}

static FILES: LazyLock<Files> = LazyLock::new(|| {
    let file = |name| std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
    Files {
        config: file("fuzz-config.toml"),
        secret: file("fuzz-secret"),
        dotenv: file("fuzz-dotenv"),
    }
});

/// Every setting, as the app itself lists them.
static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let settings = Settings::load(None, &|_| None, &[]).expect("the defaults are right");
    settings.describe().iter().map(|(name, ..)| *name).collect()
});

fuzz_target!(|input: &str| {
    // Paths of the fuzzer's own could be devices without end.
    if input.contains("/dev") || input.contains("/proc") {
        return;
    }
    let Some(input) = planted(input) else { return };
    let mut parts = input.split("\n===\n");
    let mut part = || parts.next().unwrap_or_default();
    let secret_file = FILES.secret.to_str().expect("a path of ours is UTF-8");
    let (config, lines) = (
        part().replace("FILE", secret_file),
        part().replace("FILE", secret_file),
    );
    let (secret, dotenv) = (part(), part().replace("FILE", secret_file));
    std::fs::write(&FILES.dotenv, &dotenv).expect("the disk has room");
    std::fs::write(&FILES.config, &config).expect("the disk has room");
    std::fs::write(&FILES.secret, secret).expect("the disk has room");

    let (flags, variables): (Vec<_>, Vec<_>) =
        lines.lines().partition(|line| line.starts_with("--set "));
    let pair = |line: &str| {
        let (name, value) = line.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    };
    let flags: Vec<(String, String)> = flags
        .iter()
        .filter_map(|line| pair(&line["--set ".len()..]))
        .collect();
    let variables: BTreeMap<String, String> =
        variables.iter().filter_map(|line| pair(line)).collect();
    let environment = |name: &str| variables.get(name).map(OsString::from);

    let is_in_place = in_toml(&config)
        && flags.iter().all(|(name, value)| is_for(name, value))
        && variables.iter().all(|(variable, value)| {
            let name = NAMES.iter().find(|name| self::variable(name) == *variable);
            match name {
                Some(name) => is_for(name, value),
                // Of one that is nearly a setting's, the name is shown, and of `PORT` the value.
                None => !gives_away(variable) && (variable != "PORT" || !gives_away(value)),
            }
        })
        && in_dotenv(&dotenv)
        && (is_secret_store(secret) || !gives_away(secret));
    let names: Vec<OsString> = variables.keys().map(OsString::from).collect();
    let given = Given {
        file: Some(&FILES.config),
        dotenv: Some(&FILES.dotenv),
        environment: &environment,
        variables: &names,
        flags: &flags,
    };
    match Settings::from_given(given) {
        Ok(settings) => {
            let shown = format!(
                "{:?} {:?} {:?} {settings:?}",
                settings.describe(),
                settings.warnings(),
                settings.notices()
            );
            assert!(!is_in_place || !gives_away(&shown), "{shown}");
            assert!(settings.redirect_url().path() == "/redirect");
        }
        Err(error) => {
            let shown = error.to_string();
            assert!(!is_in_place || !gives_away(&shown), "{shown}");
            assert!(!has_control(&shown), "{shown:?} is more than a line");
            let named = NAMES.iter().any(|name| shown.starts_with(name));
            let unknown = shown.contains("there is no such setting");
            let dotenv = FILES.dotenv.to_str().expect("a path of ours is UTF-8");
            let in_file = shown.starts_with("--config") || shown.starts_with(dotenv);
            assert!(named || unknown || in_file, "{shown}");
        }
    }
});

fn variable(name: &str) -> String {
    name.replace('.', "_").to_ascii_uppercase()
}

/// Whether `config` has the secret only as the value of settings that hold one. So has what is no TOML: a quote that is missing
/// is no reason to show it.
fn in_toml(config: &str) -> bool {
    let Ok(table) = config.parse::<Table>() else {
        return true;
    };
    table.iter().all(|(section, keys)| match keys {
        Value::Table(keys) => {
            !gives_away(section)
                && keys.iter().all(|(key, value)| {
                    let name = format!("{section}.{key}");
                    let text = match value {
                        Value::String(text) => text.clone(),
                        // Of the wrong type, and shown unless it is a secret's.
                        other => other.to_string(),
                    };
                    !gives_away(key) && is_for(&name, &text)
                })
        }
        // Outside of a section, where nothing is shown but the name.
        _ => !gives_away(section),
    })
}

/// Whether `.env` has the secret only as the value of settings that hold one. With quotes, a value can go over lines; then the
/// answer is no, to be sure.
fn in_dotenv(dotenv: &str) -> bool {
    let secrets = ["SMARTSHEET_CLIENT_SECRET=", "SESSION_KEY="];
    !gives_away(dotenv)
        || (!dotenv.contains(['"', '\'', '\\', '$'])
            && dotenv.split(['\n', '\r']).all(|line| {
                !gives_away(line) || secrets.iter().any(|secret| line.starts_with(secret))
            }))
}

/// Whether `value` may have the secret where it has it, when the setting `name` has that value.
fn is_for(name: &str, value: &str) -> bool {
    match name {
        "smartsheet.client_secret" | "session.key" => true,
        "session.store" => is_secret_store(value),
        name if NAMES.contains(&name) => !gives_away(value),
        // Of what is no setting, the name is shown.
        name => !gives_away(name),
    }
}

/// Whether the secret in a store's URL, if any, is only where a password can be. What is no store's URL is not shown.
fn is_secret_store(value: &str) -> bool {
    let value = value.trim();
    if value.starts_with("sqlite://") {
        return !gives_away(value);
    }
    let Ok(mut url) = Url::parse(value) else {
        return true;
    };
    url.set_query(None);
    url.set_fragment(None);
    let _ = url.set_password(None);
    !gives_away(url.as_str())
}
