//! The body of a request that is passed on as it comes.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use hyper::body::Bytes;

/// How much of a body is kept for the case that the call has to be repeated, in bytes.
pub const KEPT_FOR_REPETITION: usize = 64 * 1024;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body that comes from somebody else: passed on as it comes, counted, and kept as far as a repetition may need it. Clones are
/// the same body.
#[derive(Clone)]
pub struct Upload(Arc<Mutex<Inner>>);

/// Why a body could not be passed on to its end.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UploadError {
    /// It is longer than so many bytes.
    #[error("the request's body is longer than {0} bytes")]
    TooLong(u64),
    /// It broke off. Says what whoever reads it said.
    #[error("the request's body broke off: {0}")]
    Broken(Arc<dyn std::error::Error + Send + Sync>),
}

struct Inner {
    body: Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>,
    limit: u64,
    seen: u64,
    /// What came, as far as it is kept.
    kept: Vec<u8>,
    ended: bool,
    error: Option<UploadError>,
    /// Which of those who send it may read on: the last one.
    reader: u32,
}

impl fmt::Debug for Upload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Upload({} bytes so far)", self.inner().seen)
    }
}

impl Upload {
    /// Passes `body` on, up to `limit` bytes of it.
    pub fn new<B>(body: B, limit: u64) -> Self
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        let ended = body.is_end_stream();
        let is_too_long = body.size_hint().lower() > limit;
        Self(Arc::new(Mutex::new(Inner {
            body: Box::pin(Errors(body)),
            limit,
            seen: 0,
            kept: Vec::new(),
            ended,
            error: is_too_long.then_some(UploadError::TooLong(limit)),
            reader: 0,
        })))
    }

    /// Why it was not passed on to its end, if it was not.
    #[must_use]
    pub fn error(&self) -> Option<UploadError> {
        self.inner().error.clone()
    }

    /// Whether the whole of it is kept, or will be as far as is known, so that the call can be sent again.
    #[must_use]
    pub fn can_be_repeated(&self) -> bool {
        let inner = self.inner();
        let left = inner.body.size_hint().lower();
        let whole = inner.seen.saturating_add(left);
        inner.error.is_none() && whole <= KEPT_FOR_REPETITION as u64
    }

    /// What came first, as far as it is kept.
    pub(super) fn beginning(&self) -> Vec<u8> {
        self.inner().kept.clone()
    }

    /// The body of a request. `None` when there is none.
    pub(crate) fn first(&self) -> Option<reqwest::Body> {
        let inner = self.inner();
        let is_empty = inner.ended && inner.seen == 0;
        (!is_empty).then(|| {
            reqwest::Body::wrap(Reading {
                upload: self.clone(),
                reader: inner.reader,
            })
        })
    }

    /// The same once more, whole: what was kept, and what has not come yet. Whoever sends it now sends no more of it. `None` when it
    /// is too long for that, or broke off.
    pub(crate) async fn again(&self) -> Option<Vec<u8>> {
        let reader = {
            let mut inner = self.inner();
            inner.reader += 1;
            inner.reader
        };
        loop {
            {
                let inner = self.inner();
                if inner.error.is_some() || inner.seen > KEPT_FOR_REPETITION as u64 {
                    return None;
                }
                if inner.ended {
                    return Some(inner.kept.clone());
                }
            }
            let next = std::future::poll_fn(|context| self.inner().poll(context, reader));
            if matches!(next.await, Some(Err(_))) {
                return None;
            }
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // What a panic in the body leaves is an error of the body at most.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        reader: u32,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if reader != self.reader {
            return Poll::Ready(Some(Err("the request is sent anew".into())));
        }
        if let Some(error) = &self.error {
            return Poll::Ready(Some(Err(error.clone().into())));
        }
        loop {
            let frame = match ready!(self.body.as_mut().poll_frame(context)) {
                None => {
                    self.ended = true;
                    return Poll::Ready(None);
                }
                Some(Err(error)) => {
                    let error = UploadError::Broken(error.into());
                    self.error = Some(error.clone());
                    return Poll::Ready(Some(Err(error.into())));
                }
                Some(Ok(frame)) => frame,
            };
            // Trailers are for the next hop alone.
            let Ok(data) = frame.into_data() else {
                continue;
            };
            self.seen += data.len() as u64;
            if self.seen > self.limit {
                let error = UploadError::TooLong(self.limit);
                self.error = Some(error.clone());
                return Poll::Ready(Some(Err(error.into())));
            }
            let room = KEPT_FOR_REPETITION - self.kept.len();
            self.kept.extend_from_slice(&data[..room.min(data.len())]);
            self.ended |= self.body.is_end_stream();
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
    }
}

/// The body of one request.
struct Reading {
    upload: Upload,
    reader: u32,
}

impl Body for Reading {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.upload.inner().poll(context, self.reader)
    }

    fn is_end_stream(&self) -> bool {
        self.upload.inner().ended
    }

    fn size_hint(&self) -> SizeHint {
        self.upload.inner().body.size_hint()
    }
}

/// A body with its errors in boxes.
struct Errors<B>(B);

impl<B> Body for Errors<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = Pin::new(&mut self.0).poll_frame(context);
        frame.map(|frame| frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
