//! The source behind a real topic: an HTTP/1.1 upstream that is asked for an event stream.
//!
//! Layer 2: may import layer 0 and `clock`. Invariants: one fresh TCP connection for each request,
//! closed at once when the feed or the opening of it is dropped, for nothing is spawned; not a byte
//! of a body reaches a parser before its head has proved to be an event stream's; an open takes no
//! longer than its timeouts times its redirects.

mod body;
mod connect;
mod head;
mod redirect;
mod request;
mod wire;
mod wrong_type;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use tokio::time::timeout;

use self::body::HttpFeed;
use self::head::Verdict;
use self::request::Ask;
use self::wire::Wire;
use super::{Answer, BoxFuture, Error, Feed, Options, Source};
use crate::event::EventId;
use crate::topic_key::TopicKey;

/// How much of a body that is no event stream is read to find out why. A PHP warning or a login
/// form shows within it.
const SAMPLE_BYTES: usize = 2 << 10;
/// How long that may take: the answer is known already, only its cause is wanted.
const SAMPLE_TIME: Duration = Duration::from_secs(1);

/// One `http://` request that can be asked again and again.
///
/// ```
/// use fantail::source::{Options, http::HttpSource};
/// use fantail::topic_key::TopicKey;
/// let key = TopicKey::new("http://127.0.0.1:8000/clock.php", vec![]);
/// let source = HttpSource::new(key, Options::default().into());
/// ```
#[derive(Clone, Debug)]
pub struct HttpSource {
    key: TopicKey,
    options: Arc<Options>,
}

/// What one request brought, unless an error.
enum Reply {
    Feed(Box<HttpFeed>),
    Moved(Uri),
}

impl HttpSource {
    /// The source that asks what `key` says.
    pub fn new(key: TopicKey, options: Arc<Options>) -> Self {
        Self { key, options }
    }

    /// Always begins at the key's own URL: where a redirect leads is not remembered.
    async fn open_feed(&self, resume: Option<&EventId>) -> Result<Box<HttpFeed>, Error> {
        let first = self.url()?;
        let mut url = first.clone();
        let mut trusted = true;
        for _ in 0..=self.options.redirects {
            let ask = Ask {
                key: &self.key,
                trusted,
                resume,
            };
            match self.ask(&ask, &url).await? {
                Reply::Feed(feed) => return Ok(feed),
                Reply::Moved(to) => url = to,
            }
            // Once another origin has had a say in where to go, the key's headers stay at home,
            // even if it points back.
            trusted &= redirect::same_origin(&first, &url);
        }
        Err(Error::Redirect("there are too many in a row"))
    }

    async fn ask(&self, ask: &Ask<'_>, url: &Uri) -> Result<Reply, Error> {
        let stream = connect::connect(url, self.options.connect_timeout).await?;
        let mut wire = Wire::new(stream, self.options.head_bytes).await?;
        let request = ask.request(url);
        let response = timeout(self.options.head_timeout, wire.send(request))
            .await
            .map_err(|_| Error::Timeout("response head"))??;
        let (head, mut body) = response.into_parts();
        match head::judge(&head, self.options.charset)? {
            Verdict::Stream(charset) => {
                let text = charset.text();
                let suspicions = head::suspicions(&head.headers);
                let feed = HttpFeed::new(wire, body, text, Arc::clone(&self.options));
                Ok(Reply::Feed(Box::new(feed.with(suspicions))))
            }
            Verdict::Moved => redirect::target(url, &head.headers).map(Reply::Moved),
            Verdict::WrongType => {
                let sample = wire.sample(&mut body, SAMPLE_BYTES, SAMPLE_TIME).await;
                let words = wrong_type::explain(head::content_type(&head.headers), &sample);
                Err(Error::Answer(Answer::WrongType(words)))
            }
        }
    }

    fn url(&self) -> Result<Uri, Error> {
        self.key
            .url()
            .parse::<Uri>()
            .ok()
            .filter(|url| url.scheme_str() == Some("http") && url.host().is_some())
            .ok_or_else(|| {
                let words = "the upstream's URL is not an absolute http:// URL";
                Error::Connect(io::Error::new(io::ErrorKind::InvalidInput, words))
            })
    }
}

impl Source for HttpSource {
    fn open(&self, resume: Option<EventId>) -> BoxFuture<'_, Result<Box<dyn Feed>, Error>> {
        Box::pin(async move {
            let feed: Box<dyn Feed> = self.open_feed(resume.as_ref()).await?;
            Ok(feed)
        })
    }
}
