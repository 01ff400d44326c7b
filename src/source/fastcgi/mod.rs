//! The source behind a FastCGI upstream: php-fpm is asked directly, with no web server and none of
//! its buffers in between.
//!
//! Layer 2: may import layer 0 and `clock`. Invariants: one fresh connection for each request,
//! closed at once when the feed or the opening of it is dropped, for nothing is spawned; a response
//! is complete only if the application says so; what the script writes to its error stream never
//! reaches a parser.

mod cgi;
mod client;
mod params;
mod record;
mod request;
mod stderr;
mod target;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use tokio::time::timeout;

use self::client::Client;
use self::target::Target;
use super::body::BodyFeed;
use super::reply::{self, Reply};
use super::request::Ask;
use super::{BoxFuture, Error, Feed, Options, Source};
use crate::event::EventId;
use crate::topic_key::TopicKey;

/// One script that can be asked again and again.
///
/// ```
/// use fantail::source::{Options, fastcgi::FastCgiSource};
/// use fantail::topic_key::TopicKey;
/// let key = TopicKey::new("fastcgi://127.0.0.1:9000/clock.php", vec![]);
/// let options = Options { root: Some("/srv/www".into()), ..Options::default() };
/// let source = FastCgiSource::new(key, options.into());
/// ```
#[derive(Clone, Debug)]
pub struct FastCgiSource {
    key: TopicKey,
    options: Arc<Options>,
}

impl FastCgiSource {
    /// The source that asks what `key` says; `options` name the scripts' folder.
    pub fn new(key: TopicKey, options: Arc<Options>) -> Self {
        Self { key, options }
    }

    async fn open_feed(&self, resume: Option<&EventId>) -> Result<Box<BodyFeed<Client>>, Error> {
        let target = Target::parse(self.key.url())
            .ok_or_else(|| unusable("the upstream's URL names no FastCGI script"))?;
        let root = self.options.root.as_deref();
        let root = root.ok_or_else(|| unusable("the route has no `root`"))?;
        let ask = Ask {
            key: &self.key,
            trusted: true,
            resume,
        };
        let request = request::encode(&target, root, &ask).map_err(unusable)?;
        let limit = self.options.connect_timeout;
        let mut client = Client::connect(&target.address, limit, self.key.clone()).await?;
        let head = client.ask(&request, self.options.head_bytes);
        let head = timeout(self.options.head_timeout, head)
            .await
            .map_err(|_| Error::Timeout("response head"))??;
        match reply::judge(&head, client, &self.options).await? {
            Reply::Feed(feed) => Ok(feed),
            // Whoever configures a script means that script, and its root is no web site.
            Reply::Moved => Err(Error::Redirect(
                "not for fastcgi; write the script that it leads to into `upstream`",
            )),
        }
    }
}

impl Source for FastCgiSource {
    fn open(&self, resume: Option<EventId>) -> BoxFuture<'_, Result<Box<dyn Feed>, Error>> {
        Box::pin(async move {
            let feed: Box<dyn Feed> = self.open_feed(resume.as_ref()).await?;
            Ok(feed)
        })
    }
}

fn unusable(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Connect(io::Error::new(io::ErrorKind::InvalidInput, why))
}
