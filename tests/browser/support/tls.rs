//! TLS in front of the app, as its proxy would end it, and other hosts of the same domain.

use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The domain that the app shares with others. No name of it is looked up: the browser is told where all of them are.
pub(crate) const DOMAIN: &str = "demo.test";

/// A listener that hands what it decrypts to `port` of this machine, until the test ends. Gives its own port.
pub(super) async fn in_front_of(port: u16) -> u16 {
    let acceptor = TlsAcceptor::from(Arc::new(configuration()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let public = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // Browsers open connections that they don't use, and end them as they like.
                let Ok(mut decrypted) = acceptor.accept(stream).await else {
                    return;
                };
                let mut app = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let _ = copy_bidirectional(&mut decrypted, &mut app).await;
            });
        }
    });
    public
}

/// A certificate that nobody vouches for, made anew.
fn configuration() -> rustls::ServerConfig {
    let folder = TempDir::new().unwrap();
    let file = |name: &str| folder.path().join(name);
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ])
        .args(["-nodes", "-days", "2", "-subj", "/CN=the tests"])
        .args(["-addext", &format!("subjectAltName=DNS:*.{DOMAIN}")])
        .arg("-keyout")
        .arg(file("key"))
        .arg("-out")
        .arg(file("certificate"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let certificate = CertificateDer::from_pem_file(file("certificate")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("key")).unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}
