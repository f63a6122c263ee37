//! A provider on raw TCP that answers what a test tells it to, well or badly, and counts what arrives.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use url::form_urlencoded;

use super::{PATIENCE, Setup};
use test_support::TestClock;

pub(crate) const PROFILE: &str =
    r#"{"id": 48569348493401200, "email": "ann@example.com", "firstName": "Ann"}"#;

/// A request that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Such as `POST /2.0/token`, without the query.
    pub(crate) line: String,
    /// The head, in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// How a request is answered.
pub(crate) enum Reply {
    /// These bytes, then the end of the connection.
    Bytes(Vec<u8>),
    /// These bytes, then nothing: the connection stays open.
    Stall(Vec<u8>),
    /// As the other, but not before the gate opens.
    Behind(Gate, Box<Reply>),
    /// These bytes, and then as the other.
    Then(Vec<u8>, Box<Reply>),
    /// However the test does it, on the connection as it is after the request's head.
    By(Handler),
}

pub(crate) type Handler =
    Box<dyn FnOnce(TcpStream) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// Holds back answers until the test opens it.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Semaphore>);

type Script = dyn Fn(&Seen, usize) -> Option<Reply> + Send + Sync;

pub(crate) struct Provider {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    arrivals: watch::Receiver<usize>,
    accepting: JoinHandle<()>,
}

impl Provider {
    /// A provider that answers as `script` says, given the request and how many of its line came before. Where the script
    /// says nothing it behaves: the n-th pair of tokens is `access-secret-n` and `refresh-secret-n`.
    pub(crate) async fn start(
        script: impl Fn(&Seen, usize) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let (arrived, arrivals) = watch::channel(0);
        let script: Arc<Script> = Arc::new(script);
        let list = Arc::clone(&seen);
        let accepting = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (list, script, arrived) =
                    (Arc::clone(&list), Arc::clone(&script), arrived.clone());
                tokio::spawn(async move {
                    let Some(request) = read(&mut stream).await else {
                        return;
                    };
                    let reply = {
                        let mut list = list.lock().unwrap();
                        let before = list.iter().filter(|seen| seen.line == request.line).count();
                        list.push(request.clone());
                        script(&request, before).unwrap_or_else(|| behave(&request, before))
                    };
                    arrived.send_modify(|count| *count += 1);
                    reply.send(stream).await;
                });
            }
        });
        Self {
            address,
            seen,
            arrivals,
            accepting,
        }
    }

    /// From now on nobody listens there.
    pub(crate) async fn stop(self) {
        self.accepting.abort();
        // Aborted, as it should be.
        let _ = self.accepting.await;
    }

    /// One that always behaves.
    pub(crate) async fn well_behaved() -> Self {
        Self::start(|_, _| None).await
    }

    /// An app that uses it.
    pub(crate) fn setup(&self) -> Setup {
        Setup::against(&self.base(), TestClock::new())
    }

    pub(crate) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The lines of what arrived.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }

    pub(crate) fn count(&self, line: &str) -> usize {
        self.lines().iter().filter(|seen| *seen == line).count()
    }

    /// Waits until `times` requests of this line have arrived.
    pub(crate) async fn arrived(&self, line: &str, times: usize) {
        let mut arrivals = self.arrivals.clone();
        let waiting = arrivals.wait_for(|_| self.count(line) >= times);
        let arrived = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(arrived.is_ok(), "not {times} of {line}: {:?}", self.lines());
    }
}

impl Seen {
    /// A parameter of the form in the body.
    pub(crate) fn param(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.body.as_bytes());
        let (_, value) = pairs.find(|(known, _)| known == name)?;
        Some(value.into_owned())
    }

    pub(crate) fn is_refresh(&self) -> bool {
        self.param("grant_type").as_deref() == Some("refresh_token")
    }
}

impl Reply {
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::with_headers(status, "content-type: application/json\r\n", body)
    }

    /// Each header ends with CRLF.
    pub(crate) fn with_headers(status: u16, headers: &str, body: &str) -> Self {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} x\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n"
        );
        Self::Bytes([head.as_bytes(), body.as_bytes()].concat())
    }

    /// The n-th pair of tokens.
    pub(crate) fn pair(n: usize) -> Self {
        Self::json(
            200,
            &format!(
                r#"{{"access_token":"access-secret-{n}","token_type":"bearer","refresh_token":"refresh-secret-{n}","expires_in":604799}}"#
            ),
        )
    }

    /// An error in Smartsheet's form.
    pub(crate) fn error(status: u16, code: u16, error: &str) -> Self {
        Self::json(
            status,
            &format!(
                r#"{{"errorCode":{code},"error":"{error}","message":"said the provider","refId":"abc123ref"}}"#
            ),
        )
    }

    /// The end of the connection, without a byte.
    pub(crate) fn reset() -> Self {
        Self::Bytes(Vec::new())
    }

    /// Nothing at all.
    pub(crate) fn silence() -> Self {
        Self::Stall(Vec::new())
    }

    /// However `handler` does it.
    pub(crate) fn by<F>(handler: impl FnOnce(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::By(Box::new(move |stream| Box::pin(handler(stream))))
    }

    /// The same, once `gate` is open.
    pub(crate) fn behind(self, gate: &Gate) -> Self {
        Self::Behind(gate.clone(), Box::new(self))
    }

    async fn send(self, mut stream: TcpStream) {
        match self {
            Self::Bytes(bytes) => {
                // Whoever asked may be gone: nothing to do about it.
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
            }
            Self::Stall(bytes) => {
                let _ = stream.write_all(&bytes).await;
                // Until the other side gives up.
                let _ = stream.read(&mut [0; 1]).await;
            }
            Self::Then(bytes, reply) => {
                let _ = stream.write_all(&bytes).await;
                Box::pin(reply.send(stream)).await;
            }
            Self::By(handler) => handler(stream).await,
            Self::Behind(gate, reply) => {
                gate.passed().await;
                Box::pin(reply.send(stream)).await;
            }
        }
    }
}

impl Gate {
    pub(crate) fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Open it is and stays.
    pub(crate) fn open(&self) {
        self.0.close();
    }

    pub(crate) async fn passed(&self) {
        // Fails when it is closed, which is how a semaphore lets everyone pass.
        let _ = self.0.acquire().await;
    }
}

fn behave(request: &Seen, before: usize) -> Reply {
    match request.line.as_str() {
        "POST /2.0/token" => Reply::pair(before + 1),
        "DELETE /2.0/token" => Reply::json(200, r#"{"resultCode": 0, "message": "SUCCESS"}"#),
        "GET /2.0/users/me" => Reply::json(200, PROFILE),
        _ => Reply::error(404, 1006, "not_found"),
    }
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    loop {
        if let Some(seen) = parse(&String::from_utf8_lossy(&bytes)) {
            return Some(seen);
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// A request that is complete.
fn parse(text: &str) -> Option<Seen> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut words = head.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let path = target.split('?').next()?;
    let line = format!("{method} {path}");
    let head = head.to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    let body = body.to_owned();
    (body.len() >= length).then_some(Seen { line, head, body })
}
