//! One chromedriver for all tests of this process.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// A process group of chromedriver and its browsers, with a shell that ends the group when its standard input does. That is
/// when this process ends, however it ends: a test that panics takes care of its browser itself, but nobody can when the
/// tests are killed.
const GROUP: &str = "chromedriver --port=0 & exec >&-; read -r _; kill -KILL 0";

struct Chromedriver {
    url: String,
    /// Holds the shell's standard input open.
    _group: Child,
}

/// Where chromedriver listens. Starts it when it is asked for first.
pub(super) fn url() -> &'static str {
    static SHARED: OnceLock<Chromedriver> = OnceLock::new();
    &SHARED.get_or_init(start).url
}

fn start() -> Chromedriver {
    let mut group = Command::new("sh")
        .args(["-c", GROUP])
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(group.stdout.take().unwrap()).lines();
    let port = lines.find_map(|line| {
        let line = line.unwrap();
        let (_, port) = line.split_once("started successfully on port ")?;
        Some(port.trim_end_matches('.').to_owned())
    });
    let port = port.expect("chromedriver starts (on Debian, it is in the package chromium-driver)");
    // What it says later interests nobody, but must not fill the pipe.
    std::thread::spawn(move || lines.for_each(drop));
    Chromedriver {
        url: format!("http://127.0.0.1:{port}"),
        _group: group,
    }
}
