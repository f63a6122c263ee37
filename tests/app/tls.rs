//! Towards Smartsheet, a certificate must be good: otherwise nothing is said at all.

use std::io::Read as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::Browser;
use crate::support::app::Setup;
use test_support::TestClock;

/// A certificate for `localhost` that is signed by itself, in base64. Nobody has a reason to trust it.
const CERTIFICATE: &str = "\
    MIIBlTCCATugAwIBAgIUJwXnMi+QKt8iGvpC5y4dEWDLVz0wCgYIKoZIzj0EAwIwFDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2\
    MTEyMTEzMDQ0MloYDzIxMjYxMDI4MTMwNDQyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\
    AASGei1K16OEjdQSncu+zhof3T41f0gZGhxRtr+1A7nSSP2Aj1iQIFT3knzDLlXpkBJ35Zc36+TbgPTLyxnkl+TAo2kwZzAdBgNV\
    HQ4EFgQUrFQyD0F+UGC3y5o8Gi83T9FtLH8wHwYDVR0jBBgwFoAUrFQyD0F+UGC3y5o8Gi83T9FtLH8wDwYDVR0TAQH/BAUwAwEB\
    /zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwIDSAAwRQIhAM6tCiM3xXvW+vPhtWDOQSM+1uxCGCROtcJFBFch78Yc\
    AiBMiKNNH/tc4TF7qMMXKQUR+2eZRWdeCUcM5uOjBWyLQg==";

/// Its key. It guards nothing.
const KEY: &str = "\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4EHv3N8CvGpl1Igdu2n74qSmU/ep4sUJz541ahf+5AihRANCAASG\
    ei1K16OEjdQSncu+zhof3T41f0gZGhxRtr+1A7nSSP2Aj1iQIFT3knzDLlXpkBJ35Zc36+TbgPTLyxnkl+TA";

/// A server on `localhost` that takes one connection. Gives its port, and what it was told before the connection ended.
fn listen() -> (u16, JoinHandle<Vec<u8>>) {
    let decode = |text: &str| STANDARD.decode(text.replace(' ', "")).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(decode(KEY)));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(decode(CERTIFICATE))], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let told = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let connection = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        let mut told = vec![0; 1000];
        // An error is how it ends when the client does not like the certificate.
        let length = stream.read(&mut told).unwrap_or(0);
        told.truncate(length);
        told
    });
    (port, told)
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for() {
    let (port, told) = listen();
    let setup = Setup::against(&format!("https://localhost:{port}"), TestClock::new());
    let browser = Browser::new(&setup.start().await);
    let page = browser.sign_in_with_code("the-code").await;
    page.is_error(502, &["Smartsheet could not complete the sign-in"]);
    let told = told.join().unwrap();
    assert!(told.is_empty(), "{}", String::from_utf8_lossy(&told));
    browser.get("/me").await.is_signed_out();
}
