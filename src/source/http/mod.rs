//! The source behind a real topic: an HTTP/1.1 upstream, with or without TLS, that is asked for an
//! event stream.
//!
//! Layer 2: may import layer 0 and `clock`. Invariants: one fresh TCP connection for each request,
//! closed at once when the feed or the opening of it is dropped, for nothing is spawned; an open
//! takes no longer than its timeouts times its redirects.

mod exchange;
pub(crate) mod redirect;
mod request;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use http::Uri;
use tokio::time::timeout;

use self::exchange::Exchange;
use super::body::BodyFeed;
use super::reach;
use super::reply::{self, Reply};
use super::request::Ask;
use super::wire::Wire;
use super::{BoxFuture, Error, Feed, Options, Source};
use crate::event::EventId;
use crate::topic_key::TopicKey;

type HttpFeed = BodyFeed<Exchange>;

/// One `http://` or `https://` request that can be asked again and again.
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

/// Where one request led, unless to an error.
enum Led {
    Feed(Box<HttpFeed>),
    To(Uri),
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
            match self.ask(&ask, &first, &url).await? {
                Led::Feed(feed) => return Ok(feed),
                Led::To(next) => url = next,
            }
            // Once another origin has had a say in where to go, the key's headers stay at home,
            // even if it points back.
            trusted &= redirect::same_origin(&first, &url);
        }
        Err(Error::Redirect("there are too many in a row"))
    }

    async fn ask(&self, ask: &Ask<'_>, own: &Uri, url: &Uri) -> Result<Led, Error> {
        let stream = reach::reach(&self.options, own, url, ask.trusted).await?;
        let wire = Wire::new(stream, self.options.head_bytes).await;
        let mut wire = wire.map_err(Error::broken)?;
        let request = request::request(ask, url);
        let response = timeout(self.options.head_timeout, wire.send(request))
            .await
            .map_err(|_| Error::Timeout("response head"))?
            .map_err(Error::broken)?;
        let (head, body) = response.into_parts();
        match reply::judge(&head, Exchange { wire, body }, &self.options).await? {
            Reply::Feed(feed) => Ok(Led::Feed(feed)),
            Reply::Moved => redirect::target(url, &head.headers).map(Led::To),
        }
    }

    fn url(&self) -> Result<Uri, Error> {
        self.key
            .url()
            .parse::<Uri>()
            .ok()
            .filter(|url| reach::default_port(url).is_some() && url.host().is_some())
            .ok_or_else(|| {
                let words = "the upstream's URL is not an absolute http:// or https:// URL";
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
