//! The source against a scripted upstream on a real socket that sends exact bytes.

mod answers;
mod bodies;
mod codings;

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;
use crate::source::Step;
use crate::source::reply::SAMPLE_BYTES;
use crate::sse::Item;

/// What any single wait may take at most; reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(10);

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";

/// An upstream that a test plays by hand.
struct Upstream {
    listener: TcpListener,
    port: u16,
}

impl Upstream {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        Self { listener, port }
    }

    fn source(&self, path: &str, headers: &[(&str, &str)], options: Options) -> HttpSource {
        let headers = headers
            .iter()
            .map(|(n, v)| ((*n).into(), v.as_bytes().to_vec()))
            .collect();
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        HttpSource::new(TopicKey::new(&url, headers), options.into())
    }

    /// Takes the next connection and reads its request's head.
    async fn accept(&self) -> (TcpStream, String) {
        let (mut socket, _) = timeout(PATIENCE, self.listener.accept())
            .await
            .unwrap()
            .unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let byte = timeout(PATIENCE, socket.read_u8()).await.unwrap().unwrap();
            request.push(byte);
        }
        let request = String::from_utf8(request).unwrap();
        (socket, request.replace(&self.port.to_string(), "PORT"))
    }

    /// Answers one request with `response` and closes.
    async fn answer(&self, response: &[u8]) -> String {
        let (mut socket, request) = self.accept().await;
        socket.write_all(response).await.unwrap();
        request
    }
}

/// Opens `source` while the upstream answers; gives what came and the request.
async fn opened(
    upstream: &Upstream,
    source: &HttpSource,
    response: &[u8],
) -> (Result<Box<HttpFeed>, Error>, String) {
    let (feed, request) = timeout(PATIENCE, async {
        tokio::join!(source.open_feed(None), upstream.answer(response))
    })
    .await
    .unwrap();
    (feed, request)
}

/// All that one response's feed gives: the data of its events, and its end.
async fn read(feed: &mut dyn Feed) -> (Vec<String>, Result<Step, Error>) {
    let mut data = Vec::new();
    loop {
        match timeout(PATIENCE, feed.next()).await.unwrap() {
            Ok(Step::Items { items, bytes }) => {
                assert!(bytes > 0);
                data.extend(items.into_iter().filter_map(|item| match item {
                    Item::Event(event) => Some(event.data),
                    _ => None,
                }));
            }
            end => return (data, end),
        }
    }
}

/// Everything that one response gives under `options`.
async fn given(response: &[u8], options: Options) -> (Vec<String>, Result<Step, Error>) {
    let upstream = Upstream::start().await;
    let source = upstream.source("/", &[], options);
    let (feed, _) = opened(&upstream, &source, response).await;
    read(&mut *feed.unwrap()).await
}

fn error<T>(result: Result<T, Error>) -> Error {
    match result {
        Ok(_) => panic!("an error was expected"),
        Err(e) => e,
    }
}
