//! An answer whose body is passed on as it comes.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use hyper::body::Bytes;
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode, header};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep, timeout};

use super::answer::Coding;
use super::decoding::Decoding;
use super::observer::Watch;
use super::{Answer, Outcome, Purpose, Transport, TransportError, Upload, classify, retry_after};

/// How much of an answer its observers are shown, in bytes. More than a record keeps.
const SHOWN: usize = 16 * 1024;

/// The total time of a call that has none. reqwest would otherwise take the client's.
const NO_TOTAL: Duration = Duration::from_hours(365 * 24);

/// An answer whose head has come.
#[non_exhaustive]
pub struct StreamedAnswer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body, decoded.
    pub body: StreamedBody,
}

impl fmt::Debug for StreamedAnswer {
    /// Nothing of the content.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "StreamedAnswer({})", self.status)
    }
}

/// The body of an answer, as it comes. Nothing is read ahead: whoever reads slowly makes the server slow. Dropping it ends the call.
pub struct StreamedBody {
    /// What was looked at already.
    ahead: VecDeque<Bytes>,
    rest: Option<reqwest::Body>,
    decoding: Option<Decoding>,
    /// What was met while looking ahead.
    failed: Option<TransportError>,
    /// How long nothing may come while somebody waits for it.
    patience: Duration,
    silence: Option<Pin<Box<Sleep>>>,
    observed: Option<Observed>,
    _stream: OwnedSemaphorePermit,
}

impl Transport {
    /// Sends a request once, with `upload` as its body, and gives the answer as soon as its head has come. `anew` is for what changes
    /// something: over a connection of its own.
    ///
    /// # Errors
    ///
    /// [`TransportError`] when no answer began; the request may have been processed all the same.
    pub(crate) async fn stream(
        &self,
        (purpose, attempt): (Purpose, u32),
        request: reqwest::RequestBuilder,
        upload: &Upload,
        anew: bool,
    ) -> Result<StreamedAnswer, TransportError> {
        let mut request = request.build().map_err(|error| classify(&error))?;
        *request.timeout_mut() = Some(NO_TOTAL);
        let is_head = *request.method() == Method::HEAD;
        let stream = self.gate.stream(self.limits.max_wait).await?;
        let pass = self.gate.pass(purpose, self.limits.max_wait).await?;
        let watch = Watch::begin(&self.observers, purpose, attempt, &request);
        let mut observed = watch.map(|watch| Observed::new(watch, upload.clone()));
        let http = if anew { &self.http_anew } else { &self.http };
        let response = match timeout(self.limits.head_timeout, http.execute(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(self.why(&error)),
            Err(_) => Err(TransportError::Timeout),
        };
        drop(pass);
        let mut response = response.inspect_err(|error| {
            if let Some(observed) = observed.take() {
                observed.failed(error);
            }
        })?;
        self.kept.answered(&response);
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let decoding = match Coding::of(&headers) {
            Coding::None => None,
            // There is no body.
            _ if is_head => None,
            Coding::Gzip => Some(Decoding::default()),
            Coding::Other => {
                if let Some(observed) = observed.take() {
                    observed.failed(&TransportError::Undecodable);
                }
                return Err(TransportError::Undecodable);
            }
        };
        if let Some(observed) = &mut observed {
            observed.answered(status, &headers);
        }
        Ok(StreamedAnswer {
            status,
            headers,
            body: StreamedBody {
                ahead: VecDeque::new(),
                rest: Some(response.into()),
                decoding,
                failed: None,
                patience: self.limits.silence_timeout,
                silence: None,
                observed,
                _stream: stream,
            },
        })
    }
}

impl StreamedAnswer {
    /// The answer with as much of its body as comes within `patience`, `limit` bytes at most. It can still be passed on whole.
    pub(crate) async fn looked_at(&mut self, limit: usize, patience: Duration) -> Answer {
        let body = &mut self.body;
        let looking = async {
            let mut length = body.ahead.iter().map(Bytes::len).sum::<usize>();
            while length < limit {
                match std::future::poll_fn(|context| body.poll_rest(context)).await {
                    None => return,
                    // For whoever reads on.
                    Some(Err(error)) => body.failed = Some(error),
                    Some(Ok(data)) => {
                        length += data.len();
                        body.ahead.push_back(data);
                    }
                }
            }
        };
        let _ = timeout(patience, looking).await;
        let wait = self.headers.get(header::RETRY_AFTER);
        Answer {
            status: self.status,
            headers: self.headers.clone(),
            retry_after: wait.and_then(|value| retry_after(value.to_str().ok()?, Timestamp::now())),
            body: self.body.ahead.iter().flatten().copied().collect(),
        }
    }
}

impl StreamedBody {
    /// What comes next from the server, decoded.
    fn poll_rest(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, TransportError>>> {
        loop {
            if let Some(part) = self.decoding.as_mut().and_then(Decoding::step) {
                return Poll::Ready(self.given(Some(part)));
            }
            let Some(rest) = &mut self.rest else {
                return Poll::Ready(self.given(None));
            };
            let Poll::Ready(frame) = Pin::new(rest).poll_frame(context) else {
                let patience = self.patience;
                let silence = self
                    .silence
                    .get_or_insert_with(|| Box::pin(sleep(patience)));
                ready!(silence.as_mut().poll(context));
                return Poll::Ready(self.given(Some(Err(TransportError::Timeout))));
            };
            self.silence = None;
            let data = match frame {
                None => {
                    self.rest = None;
                    if let Some(decoding) = self.decoding.take() {
                        return Poll::Ready(self.given(decoding.end()));
                    }
                    continue;
                }
                Some(Err(error)) => {
                    return Poll::Ready(self.given(Some(Err(classify(&error)))));
                }
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            };
            let is_plain = |decoding: &mut Decoding| !decoding.begun && !data.starts_with(&[0x1f]);
            if self.decoding.as_mut().is_some_and(is_plain) && !data.is_empty() {
                // Wrongly labelled.
                self.decoding = None;
            }
            if let Some(decoding) = &mut self.decoding {
                decoding.begun |= !data.is_empty();
                decoding.encoded = data;
            } else if !data.is_empty() {
                return Poll::Ready(self.given(Some(Ok(data))));
            }
        }
    }

    /// Notes what is given on. After an error or the end there is nothing more.
    fn given(
        &mut self,
        part: Option<Result<Bytes, TransportError>>,
    ) -> Option<Result<Bytes, TransportError>> {
        match &part {
            Some(Ok(data)) => {
                if let Some(observed) = &mut self.observed {
                    observed.see(data);
                }
            }
            Some(Err(error)) => {
                self.rest = None;
                self.decoding = None;
                if let Some(observed) = self.observed.take() {
                    observed.failed(error);
                }
            }
            None => self.observed = None,
        }
        part
    }
}

impl Body for StreamedBody {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        if let Some(data) = self.ahead.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let next = ready!(self.poll_rest(context));
        Poll::Ready(next.map(|data| data.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        let is_over = |rest: &reqwest::Body| rest.is_end_stream() && self.decoding.is_none();
        self.ahead.is_empty() && self.failed.is_none() && self.rest.as_ref().is_some_and(is_over)
    }

    fn size_hint(&self) -> SizeHint {
        let ahead = self.ahead.iter().map(|data| data.len() as u64).sum::<u64>();
        match &self.rest {
            None if self.failed.is_some() => SizeHint::default(),
            None => SizeHint::with_exact(ahead),
            Some(rest) if self.decoding.is_none() => match rest.size_hint().exact() {
                Some(length) => SizeHint::with_exact(ahead + length),
                None => SizeHint::default(),
            },
            Some(_) => SizeHint::default(),
        }
    }
}

/// A call that is passed on, as its observers will be told of it: when all of the answer was given on, or whoever took it went away.
struct Observed {
    watch: Option<Watch>,
    upload: Upload,
    answer: Option<Answer>,
    length: u64,
}

impl Observed {
    fn new(watch: Watch, upload: Upload) -> Self {
        Self {
            watch: Some(watch),
            upload,
            answer: None,
            length: 0,
        }
    }

    fn answered(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.answer = Some(Answer {
            status,
            headers: headers.clone(),
            retry_after: None,
            body: Vec::new(),
        });
    }

    fn see(&mut self, data: &Bytes) {
        self.length += data.len() as u64;
        if let Some(answer) = &mut self.answer {
            let room = SHOWN - answer.body.len();
            answer.body.extend_from_slice(&data[..room.min(data.len())]);
        }
    }

    fn failed(mut self, error: &TransportError) {
        if let Some(watch) = self.watch() {
            watch.end_of(Outcome::Failed(error), None);
        }
    }

    /// What was under way, with what was sent.
    fn watch(&mut self) -> Option<Watch> {
        let mut watch = self.watch.take()?;
        let sent = whole_characters(self.upload.beginning());
        if !sent.is_empty() {
            watch.sent(sent);
        }
        Some(watch)
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        if let Some(watch) = self.watch()
            && let Some(mut answer) = self.answer.take()
        {
            answer.body = whole_characters(answer.body);
            watch.end_of(Outcome::Answered(&answer), Some(self.length));
        }
    }
}

/// The beginning of a text without a character that was cut in two. What is no text stays as it is.
fn whole_characters(mut beginning: Vec<u8>) -> Vec<u8> {
    if let Err(error) = std::str::from_utf8(&beginning)
        && error.error_len().is_none()
    {
        beginning.truncate(error.valid_up_to());
    }
    beginning
}
