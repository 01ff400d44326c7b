//! What a head and the body behind it turn into, whatever protocol carries them.
//!
//! Layer 2. Invariant: not a byte of a body reaches a parser before its head has proved to be an
//! event stream's.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use http::response::Parts;

use super::body::{BodyFeed, Chunks};
use super::head::{self, Verdict};
use super::{Answer, Error, Options, wrong_type};

/// How much of a body that is no event stream is read to find out why. A PHP warning or a login
/// form shows within it.
pub(super) const SAMPLE_BYTES: usize = 2 << 10;
/// How long that may take: the answer is known already, only its cause is wanted.
const SAMPLE_TIME: Duration = Duration::from_secs(1);

/// What a response is, unless it is an error.
pub(super) enum Reply<B> {
    /// Events.
    Feed(Box<BodyFeed<B>>),
    /// A redirect; where to is in the head.
    Moved,
}

/// Judges a response by its head; its body is read only if it is a stream, or to explain why it is
/// none.
pub(super) async fn judge<B: Chunks>(
    head: &Parts,
    mut body: B,
    options: &Arc<Options>,
) -> Result<Reply<B>, Error> {
    match head::judge(head, options.charset)? {
        Verdict::Stream(coding, charset) => {
            let suspicions = head::suspicions(&head.headers);
            let open_to_all = head::is_open_to_all(&head.headers);
            let decoder = coding.decoder(options.decode_ratio);
            let feed = BodyFeed::new(body, decoder, charset.text(), Arc::clone(options));
            Ok(Reply::Feed(Box::new(feed.with(suspicions, open_to_all))))
        }
        Verdict::Moved => Ok(Reply::Moved),
        Verdict::WrongType => {
            let sample = sample(&mut body).await;
            let words = wrong_type::explain(head::content_type(&head.headers), &sample);
            Err(Error::Answer(Answer::WrongType(words)))
        }
    }
}

/// The beginning of a body: as much as comes in time, whether or not it ends well.
async fn sample(body: &mut impl Chunks) -> Vec<u8> {
    let mut sample = Vec::new();
    let read = async {
        while sample.len() < SAMPLE_BYTES
            && let Some(Ok(data)) = poll_fn(|cx| body.poll_chunk(cx)).await
        {
            sample.extend(data.iter().take(SAMPLE_BYTES - sample.len()));
        }
    };
    // Too late is no failure: what has come is the sample.
    drop(tokio::time::timeout(SAMPLE_TIME, read).await);
    sample
}
