//! The open body of an event stream, whatever protocol carries it.
//!
//! Layer 2: may import `sse` and `clock`. Invariants: bytes that were read are in the parser or in
//! the step that is returned, with no await between, so that a dropped `next` loses nothing; what
//! is unfinished when the connection breaks is discarded, never glued to anything.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use memchr::memrchr2;
use tokio::time::timeout_at;

use crate::clock;
use crate::metrics::UpstreamReason;
use crate::source::charset::Text;
use crate::source::decode::Decoder;
use crate::source::{BoxFuture, Error, Feed, Incomplete, Options, Step, Suspicions};
use crate::sse::{Item, Limits, Parser, Tail};

/// Most that one step reads before it lets other topics have their turn.
const STEP_BYTES: usize = 256 << 10;
/// An event or line may be skipped for so many times its limit; one that goes on has no end.
const SKIP_FACTOR: u64 = 64;

/// The bytes of a response's body, freed of their framing.
pub(super) trait Chunks: Send {
    /// The next bytes, at least one; `None` is an end that the framing promised.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>>;
}

/// Reads a body as events.
pub(super) struct BodyFeed<B> {
    body: B,
    /// Its bytes go through this, then through `text`, then into `parser`.
    decoder: Decoder,
    text: Text,
    /// `None` once the feed is finished.
    parser: Option<Parser>,
    /// How the body ended, seen but not yet told: what came before goes first.
    end: Option<Result<(), Error>>,
    last_byte: Instant,
    /// Bytes since the last line end, to tell an endless line from an endless event.
    line_bytes: usize,
    malformed: u64,
    suspicions: Suspicions,
    open_to_all: bool,
    options: Arc<Options>,
}

impl<B: Chunks> BodyFeed<B> {
    pub(super) fn new(body: B, decoder: Decoder, text: Text, options: Arc<Options>) -> Self {
        let limits = Limits {
            line: options.line_bytes,
            event: options.event_bytes,
            id: options.id_bytes,
        };
        Self {
            body,
            decoder,
            text,
            parser: Some(Parser::new(limits)),
            end: None,
            last_byte: clock::now(),
            line_bytes: 0,
            malformed: 0,
            suspicions: Suspicions::default(),
            open_to_all: false,
            options,
        }
    }

    /// What the head has said besides.
    pub(super) fn with(self, suspicions: Suspicions, open_to_all: bool) -> Self {
        Self {
            suspicions,
            open_to_all,
            ..self
        }
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, Error>> {
        let mut items = Vec::new();
        let (mut bytes, mut decoded) = (0, 0);
        self.decoder.renew();
        while self.end.is_none() && decoded < STEP_BYTES {
            match self.body.poll_chunk(cx) {
                Poll::Ready(Some(Ok(data))) => {
                    bytes += data.len();
                    let taken = self.take(&data, &mut items);
                    // A compressed body costs what it unfolds to, and nothing comes for free.
                    decoded += data.len().max(*taken.as_ref().unwrap_or(&0));
                    self.end = taken.err().map(Err);
                }
                Poll::Ready(Some(Err(e))) => self.end = Some(Err(e)),
                Poll::Ready(None) => self.end = Some(Ok(())),
                Poll::Pending if bytes == 0 => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(if bytes > 0 {
            self.last_byte = clock::now();
            Ok(Step::Items { items, bytes })
        } else {
            self.finish()
        })
    }

    /// Takes bytes of the body; how many they are when decoded.
    fn take(&mut self, data: &[u8], items: &mut Vec<Item>) -> Result<usize, Error> {
        let Some(parser) = &mut self.parser else {
            return Ok(0);
        };
        let (text, line_bytes, mut decoded) = (&mut self.text, &mut self.line_bytes, 0);
        let fed = self.decoder.feed(data, &mut |plain| {
            text.feed(plain, &mut |utf8| parser.feed(utf8, items));
            decoded += plain.len();
            *line_bytes = match memrchr2(b'\r', b'\n', plain) {
                Some(at) => plain.len() - at - 1,
                None => line_bytes.saturating_add(plain.len()),
            };
        });
        self.malformed = parser.malformed();
        fed?;
        let limit = u64::try_from(self.options.event_bytes).unwrap_or(u64::MAX);
        if parser.skipped() <= limit.saturating_mul(SKIP_FACTOR) {
            Ok(decoded)
        } else if self.line_bytes > self.options.line_bytes {
            Err(unusable("a line has no end", UpstreamReason::LineTooLong))
        } else {
            Err(unusable(
                "an event has no end",
                UpstreamReason::EventTooLarge,
            ))
        }
    }

    fn finish(&mut self) -> Result<Step, Error> {
        let parser = self.parser.take();
        if let Some(Err(e)) = self.end.take() {
            return Err(e);
        }
        self.decoder.finish()?;
        let tail = parser.map(|mut parser| {
            self.text
                .finish(&mut |utf8| parser.feed(utf8, &mut Vec::new()));
            parser.finish()
        });
        let counts = tail
            .as_ref()
            .is_some_and(|tail| counts(self.options.incomplete, tail));
        let pending = tail.and_then(|tail| tail.pending);
        Ok(Step::Ended {
            dropped: pending.is_some() && !counts,
            completed: pending.filter(|_| counts),
        })
    }
}

impl<B: Chunks> Feed for BodyFeed<B> {
    fn next(&mut self) -> BoxFuture<'_, Result<Step, Error>> {
        Box::pin(async move {
            let silence = self.options.silence;
            if silence.is_zero() {
                return poll_fn(|cx| self.poll_step(cx)).await;
            }
            // From the last byte, not from this call: a caller that drops its calls does not
            // prolong it.
            let deadline = self.last_byte + silence;
            let step = timeout_at(deadline.into(), poll_fn(|cx| self.poll_step(cx))).await;
            step.unwrap_or_else(|_| {
                self.parser = None;
                let what = "no byte came for the silence timeout";
                Err(unusable(what, UpstreamReason::Silence))
            })
        })
    }

    fn suspicions(&self) -> Suspicions {
        self.suspicions
    }

    fn is_open_to_all(&self) -> bool {
        self.open_to_all
    }

    fn malformed(&self) -> u64 {
        self.malformed
    }
}

/// Whether an event without its blank line counts, given that the framing ended cleanly.
fn counts(incomplete: Incomplete, tail: &Tail) -> bool {
    match incomplete {
        Incomplete::Auto => tail.complete_events == 0 && !tail.looks_like_html,
        Incomplete::Strict => false,
        Incomplete::Always => true,
    }
}

fn unusable(what: &'static str, reason: UpstreamReason) -> Error {
    Error::Body {
        what: what.into(),
        reason,
    }
}
