//! The reverse proxy of compose.yaml, with its configuration as shipped but for names and ports.

use std::fs::File;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use test_support::free_address;

const CADDYFILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/Caddyfile");

/// A running proxy. Killed when it is dropped.
pub(crate) struct Caddy {
    child: Child,
    pub(crate) address: SocketAddr,
    folder: TempDir,
}

impl Caddy {
    /// Starts a proxy for these two instances. Whether it listens yet is the caller's to find out.
    pub(crate) fn start(instances: [SocketAddr; 2]) -> Self {
        let folder = TempDir::new().unwrap();
        let (address, unused) = (free_address(), free_address());
        let mut configuration = std::fs::read_to_string(CADDYFILE).unwrap();
        for (shipped, here) in [
            (
                "app-1:8080 app-2:8080",
                instances.map(|at| at.to_string()).join(" "),
            ),
            // Its port for commands is one for the whole machine.
            (
                "http_port 8080",
                format!("admin off\nhttp_port {}", address.port()),
            ),
            ("https_port 8443", format!("https_port {}", unused.port())),
        ] {
            assert!(configuration.contains(shipped), "no {shipped}");
            configuration = configuration.replace(shipped, &here);
        }
        let file = folder.path().join("Caddyfile");
        std::fs::write(&file, configuration).unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let child = Command::new("caddy")
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(file)
            .env("SITE", format!("http://{address}"))
            // Where it would keep certificates.
            .env("HOME", folder.path())
            .env("XDG_CONFIG_HOME", folder.path())
            .env("XDG_DATA_HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("caddy is installed; ./scripts/test fetches it");
        Self {
            child,
            address,
            folder,
        }
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Caddy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("[caddy] {}", self.log());
        }
    }
}
