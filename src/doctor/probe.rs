//! One visit: connect, ask, follow redirects, watch the body come.
//!
//! Touches the network, through `stages`. Invariants: every wait has a deadline and every buffer a
//! bound; what a visit began ends with it, because its connection is a task that is aborted on
//! drop; what was given for one origin is not sent to another; a redirect is followed or not as
//! `serve` follows it.

use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{timeout, timeout_at};

use super::observation::{Chunk, End, Failure, Head, Hop, Visit};
use super::reading::BUNCH;
use super::stages;
use crate::clock;
use crate::source::Error;
use crate::source::http::redirect;
use crate::source::tls;

/// As many as Fantail follows unless told otherwise.
const REDIRECTS: usize = 5;
/// Less is no full buffer: the smallest is one of 4 KiB, of which FastCGI takes its share.
const BURST_BYTES: usize = 3 << 10;
/// Pieces that are told apart; later ones are added to the last.
const CHUNKS: usize = 1 << 16;

/// What one visit asks for.
#[derive(Clone, Debug)]
pub(super) struct Errand {
    pub(super) method: Method,
    pub(super) url: Uri,
    /// For the origin of `url` alone.
    pub(super) given: HeaderMap,
    /// For whoever a redirect leads to as well.
    pub(super) own: HeaderMap,
    /// Whom the origin of `url` is verified by; `None` = what this machine trusts.
    pub(super) tls: Option<Arc<tls::Client>>,
    /// How long to wait for a head.
    pub(super) head: Duration,
    /// How long to look at the body; zero = not at all.
    pub(super) look: Duration,
    /// How much of the body is kept.
    pub(super) keep: usize,
    /// How many bursts are enough; `None` = look to the end.
    pub(super) bursts: Option<usize>,
}

/// An answer whose body is still open.
struct Open {
    body: Incoming,
    sent: Instant,
    /// Drives the connection.
    _task: JoinSet<()>,
}

impl Errand {
    /// Runs it; whatever happens is part of the result.
    pub(super) fn run(&self) -> Pin<Box<dyn Future<Output = Visit> + Send + '_>> {
        Box::pin(async {
            let mut visit = Visit::default();
            match self.open(&mut visit).await {
                Ok(open) => self.watch(open, &mut visit).await,
                Err(failure) => {
                    if failure == Failure::HeadTimeout {
                        visit.ended = self.head;
                    }
                    visit.end = End::Failed(failure);
                }
            }
            visit
        })
    }

    /// Runs it as far as the head, tells whether one came, and keeps the answer open until dropped.
    pub(super) async fn hold(&self, opened: mpsc::Sender<bool>) {
        let open = self.open(&mut Visit::default()).await;
        if opened.send(open.is_ok()).await.is_ok() {
            std::future::pending::<()>().await;
        }
        drop(open);
    }

    async fn open(&self, visit: &mut Visit) -> Result<Open, Failure> {
        let (mut url, mut is_home) = (self.url.clone(), true);
        for _ in 0..=REDIRECTS {
            let (head, open) = self.ask(&url, is_home, visit).await?;
            let moved = matches!(head.status, 301 | 302 | 303 | 307 | 308);
            if !moved || !head.headers.contains_key(header::LOCATION) {
                visit.head = Some(head);
                return Ok(open);
            }
            let to = redirect::target(&url, &head.headers).map_err(|error| unfollowed(&error))?;
            visit.hops.push(Hop {
                status: head.status,
                to: to.to_string(),
            });
            // Once another origin has had a say, what was given stays at home.
            is_home &= redirect::same_origin(&self.url, &to);
            url = to;
        }
        Err(Failure::Redirect("there are too many in a row"))
    }

    async fn ask(
        &self,
        url: &Uri,
        is_home: bool,
        visit: &mut Visit,
    ) -> Result<(Head, Open), Failure> {
        let client = self.tls.as_ref().filter(|_| is_home);
        let stream = stages::connect(url, &self.url, client, visit).await?;
        let (mut sender, connection) = http1::Builder::new()
            .title_case_headers(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| no_reply(&error))?;
        let mut task = JoinSet::new();
        task.spawn(async {
            // Whatever ends the connection is told to the response or to its body as well.
            drop(connection.await);
        });
        let sent = clock::now();
        let reply = sender.send_request(self.request(url, is_home));
        let response: Response<Incoming> = timeout(self.head, reply)
            .await
            .map_err(|_| Failure::HeadTimeout)?
            .map_err(|error| no_reply(&error))?;
        let (parts, body) = response.into_parts();
        let head = Head {
            status: parts.status.as_u16(),
            headers: parts.headers,
            after: clock::now() - sent,
        };
        Ok((
            head,
            Open {
                body,
                sent,
                _task: task,
            },
        ))
    }

    /// The URL that a visit of this errand has led to.
    pub(super) fn led(&self, visit: &Visit) -> Uri {
        let last = visit.hops.last().and_then(|hop| hop.to.parse().ok());
        last.unwrap_or_else(|| self.url.clone())
    }

    /// Whom `url`, which a visit has led to, is verified by.
    pub(super) fn client(&self, url: &Uri, visit: &Visit) -> Option<&Arc<tls::Client>> {
        let home = |to: &Uri| redirect::same_origin(&self.url, to);
        let hops = visit.hops.iter().filter_map(|hop| hop.to.parse().ok());
        let is_home = home(url) && hops.into_iter().all(|to| home(&to));
        self.tls.as_ref().filter(|_| is_home)
    }

    fn request(&self, url: &Uri, is_home: bool) -> Request<Empty<Bytes>> {
        let mut request = Request::new(Empty::new());
        *request.method_mut() = self.method.clone();
        let path = url.path_and_query().map_or("/", PathAndQuery::as_str);
        *request.uri_mut() = path.parse().unwrap_or_default();
        let authority = url.authority().map_or("", |a| a.as_str());
        if let Ok(host) = HeaderValue::from_str(authority) {
            request.headers_mut().insert(header::HOST, host);
        }
        request.headers_mut().extend(self.own.clone());
        if is_home {
            request.headers_mut().extend(self.given.clone());
        }
        request
    }

    async fn watch(&self, mut open: Open, visit: &mut Visit) {
        let deadline = clock::now() + self.look;
        let mut bursts = Bursts::default();
        visit.end = loop {
            let frame = match timeout_at(deadline.into(), open.body.frame()).await {
                Err(_) => break End::Left,
                Ok(None) => break End::Clean,
                Ok(Some(Err(error))) if is_early(&error) => break End::Cut,
                Ok(Some(Err(_))) => break End::Reset,
                Ok(Some(Ok(frame))) => frame,
            };
            let data = frame.into_data().unwrap_or_default();
            let room = self.keep.saturating_sub(visit.body.len());
            let kept = data.slice(..data.len().min(room));
            visit.body.extend_from_slice(&kept);
            let at = clock::now() - open.sent;
            record(&mut visit.chunks, at, kept.len());
            if self
                .bursts
                .is_some_and(|enough| bursts.add(at, kept.len()) >= enough)
            {
                break End::Left;
            }
            if visit.body.len() >= self.keep {
                break End::Full;
            }
        };
        visit.ended = clock::now() - open.sent;
    }
}

/// Counts what comes together, if it is as much as a buffer holds.
#[derive(Default)]
struct Bursts {
    last: Duration,
    bytes: usize,
    full: usize,
}

impl Bursts {
    /// Takes the next bytes; how many bursts are over.
    fn add(&mut self, at: Duration, bytes: usize) -> usize {
        if at.saturating_sub(self.last) >= BUNCH {
            self.full += usize::from(self.bytes >= BURST_BYTES);
            self.bytes = 0;
        }
        (self.last, self.bytes) = (at, self.bytes + bytes);
        self.full
    }
}

fn record(chunks: &mut Vec<Chunk>, at: Duration, bytes: usize) {
    if bytes == 0 {
        return;
    }
    let is_full = chunks.len() >= CHUNKS;
    match chunks.last_mut() {
        Some(last) if is_full => last.bytes += bytes,
        _ => chunks.push(Chunk { at, bytes }),
    }
}

fn unfollowed(error: &Error) -> Failure {
    Failure::Redirect(match error {
        Error::Redirect(why) => why,
        _ => "its Location is no URL",
    })
}

fn no_reply(error: &hyper::Error) -> Failure {
    if let Some(refusal) = stages::late_refusal(error) {
        return Failure::Tls(refusal);
    }
    let words = if error.is_incomplete_message() {
        "the connection was closed without an answer".to_owned()
    } else if error.is_parse() {
        "what came is no HTTP/1 answer".to_owned()
    } else {
        error.to_string()
    };
    Failure::NoReply(words)
}

/// Whether the peer closed in an orderly way, but before the framing's end.
fn is_early(error: &hyper::Error) -> bool {
    let inner = error.source().and_then(|e| e.downcast_ref::<io::Error>());
    error.is_incomplete_message() || inner.is_some_and(|e| e.kind() == io::ErrorKind::UnexpectedEof)
}

/// A name and its value as headers.
pub(super) fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
    let pair = |(name, value): &(HeaderName, &'static str)| {
        (name.clone(), HeaderValue::from_static(value))
    };
    pairs.iter().map(pair).collect()
}
