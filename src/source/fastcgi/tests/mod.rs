//! The source against a scripted FastCGI application that sends exact bytes.

mod ends;
mod streams;

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;
use crate::source::Step;
use crate::sse::Item;

/// What any single wait may take at most; reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(10);

const HEAD: &str = "Content-Type: text/event-stream\r\n\r\n";

const STDOUT: u8 = 6;
const STDERR: u8 = 7;

type Opened = Result<Box<BodyFeed<Client>>, Error>;

/// A record of request 1.
fn record(kind: u8, content: &str, padding: u8) -> Vec<u8> {
    let [len1, len0] = u16::try_from(content.len()).unwrap().to_be_bytes();
    let mut bytes = vec![1, kind, 0, 1, len1, len0, padding, 0];
    bytes.extend(content.bytes());
    bytes.resize(bytes.len() + usize::from(padding), 0);
    bytes
}

fn stdout(content: &str) -> Vec<u8> {
    record(STDOUT, content, 0)
}

/// The end of the request with this protocol status.
fn end(status: u8) -> Vec<u8> {
    vec![1, 3, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, status, 0, 0, 0]
}

/// As php-fpm sends a script that prints and exits.
fn one_shot(text: &str) -> Vec<u8> {
    [stdout(text), stdout(""), end(0)].concat()
}

/// Takes the request up to its empty STDIN record.
async fn request(socket: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut request = Vec::new();
    while !request.ends_with(&[1, 5, 0, 1, 0, 0, 0, 0]) {
        let byte = timeout(PATIENCE, socket.read_u8()).await.unwrap().unwrap();
        request.push(byte);
    }
    request
}

async fn answer(socket: &mut (impl AsyncRead + AsyncWrite + Unpin), response: &[u8]) {
    request(socket).await;
    socket.write_all(response).await.unwrap();
}

struct Application {
    listener: TcpListener,
    port: u16,
}

impl Application {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        Self { listener, port }
    }

    fn source(&self, options: Options) -> FastCgiSource {
        source(&format!("fastcgi://127.0.0.1:{}/a.php", self.port), options)
    }

    async fn accept(&self) -> TcpStream {
        let accepted = timeout(PATIENCE, self.listener.accept()).await;
        accepted.unwrap().unwrap().0
    }
}

fn source(url: &str, mut options: Options) -> FastCgiSource {
    options.root = Some("/srv/www".into());
    FastCgiSource::new(TopicKey::new(url, vec![]), options.into())
}

/// Opens a source that gets `response`, after which the connection is closed.
async fn opened(response: &[u8], options: Options) -> Opened {
    let application = Application::start().await;
    let source = application.source(options);
    let served = async {
        let mut socket = application.accept().await;
        answer(&mut socket, response).await;
    };
    let both = Box::pin(async { tokio::join!(source.open_feed(None), served).0 });
    timeout(PATIENCE, both).await.unwrap()
}

async fn failed(response: &[u8]) -> Error {
    match opened(response, Options::default()).await {
        Ok(_) => panic!("an error was expected"),
        Err(e) => e,
    }
}

/// All that a feed gives: the data of its events, and its end.
async fn read(feed: &mut dyn Feed) -> (Vec<String>, Result<Step, Error>) {
    let mut data = Vec::new();
    loop {
        match timeout(PATIENCE, feed.next()).await.unwrap() {
            Ok(Step::Items { items, .. }) => {
                data.extend(items.into_iter().filter_map(|item| match item {
                    Item::Event(event) => Some(event.data),
                    _ => None,
                }));
            }
            end => return (data, end),
        }
    }
}

async fn given(response: &[u8], options: Options) -> (Vec<String>, Result<Step, Error>) {
    read(&mut *opened(response, options).await.unwrap()).await
}

fn ended(end: Result<Step, Error>) -> (Option<String>, bool) {
    match end {
        Ok(Step::Ended { completed, dropped }) => (completed.map(|event| event.data), dropped),
        other => panic!("{other:?}"),
    }
}
