//! A scripted upstream: raw bytes in, raw bytes out, one thread for each connection.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use super::answers::STREAM_HEAD;
use super::exchange::Exchange;
use super::patience::{eventually, until};

type Script = dyn Fn(Exchange) + Send + Sync;

/// A backend on 127.0.0.1 that answers as its script says. Ends when it is dropped.
pub(crate) struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: Mutex<Option<Listening>>,
}

pub(super) struct Shared {
    script: Box<Script>,
    requests: Mutex<Vec<String>>,
    /// Every connection that has sent a request and is not over, by its number.
    pub(super) open: Mutex<Vec<(usize, TcpStream)>>,
    /// Those of them whose script streams what [`Upstream::emit`] says.
    pub(super) streams: Mutex<Vec<(usize, TcpStream)>>,
}

struct Listening {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

// === impl Upstream ===

impl Upstream {
    /// Runs `script` for every request, each on a connection of its own.
    pub(crate) fn start(script: impl Fn(Exchange) + Send + Sync + 'static) -> Self {
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0)));
        let shared = Arc::new(Shared {
            script: Box::new(script),
            requests: Mutex::default(),
            open: Mutex::default(),
            streams: Mutex::default(),
        });
        let upstream = Self {
            address: listener.local_addr().unwrap(),
            shared,
            listening: Mutex::default(),
        };
        upstream.listen(listener);
        upstream
    }

    /// Every request gets a stream that lasts, and says what is [`Upstream::emit`]ted.
    pub(crate) fn live() -> Self {
        Self::start(|mut exchange| {
            exchange.send(STREAM_HEAD);
            exchange.stream();
        })
    }

    /// Request number n gets the whole answer `answer(n)`, and the connection is closed.
    pub(crate) fn polled(answer: impl Fn(usize) -> String + Send + Sync + 'static) -> Self {
        Self::start(move |mut exchange| {
            let text = answer(exchange.number);
            exchange.send(&text);
        })
    }

    /// `127.0.0.1:port`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says this on every stream that is open; how many those were.
    pub(crate) fn emit(&self, text: &str) -> usize {
        self.emit_each(|_| text.to_owned())
    }

    /// Likewise, on each what belongs to the request of its number.
    pub(crate) fn emit_each(&self, text: impl Fn(usize) -> String) -> usize {
        let streams = lock(&self.shared.streams);
        let sent = |(number, stream): &&(usize, TcpStream)| {
            let mut stream: &TcpStream = stream;
            stream.write_all(text(*number).as_bytes()).is_ok()
        };
        streams.iter().filter(sent).count()
    }

    /// The heads of all requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        lock(&self.shared.requests).clone()
    }

    /// Connections that wait for an answer or stream one.
    pub(crate) fn open(&self) -> usize {
        lock(&self.shared.open).len()
    }

    /// Waits until so many streams listen to [`Upstream::emit`].
    #[track_caller]
    pub(crate) fn wait_for_streams(&self, count: usize) {
        eventually("the upstream has its streams", || {
            lock(&self.shared.streams).len() == count
        });
    }

    /// Ends the answers that are streamed, as the end of a close-delimited body.
    pub(crate) fn end_streams(&self) {
        self.finish(false);
    }

    /// Cuts every connection with a reset.
    pub(crate) fn reset_streams(&self) {
        self.finish(true);
    }

    fn finish(&self, by_reset: bool) {
        let open = lock(&self.shared.open);
        for (_, stream) in open.iter() {
            end(stream, by_reset);
        }
        drop(open);
        eventually("the upstream's connections are over", || self.open() == 0);
    }

    /// Dies: nobody listens any more, and every connection is reset.
    pub(crate) fn kill(&self) {
        let Some(listening) = lock(&self.listening).take() else {
            return;
        };
        listening.is_over.store(true, Ordering::SeqCst);
        // Wakes the thread, which sees that it is over.
        drop(TcpStream::connect(self.address));
        listening.thread.join().unwrap();
        self.reset_streams();
    }

    /// Listens on its old port again.
    pub(crate) fn revive(&self) {
        self.listen(listen(self.address));
    }

    fn listen(&self, listener: TcpListener) {
        let is_over = Arc::new(AtomicBool::new(false));
        let shared = Arc::clone(&self.shared);
        let flag = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if flag.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(&shared, stream));
            }
        });
        *lock(&self.listening) = Some(Listening { is_over, thread });
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.kill();
    }
}

fn listen(address: SocketAddr) -> TcpListener {
    until("the upstream can listen", || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
        socket.set_reuse_address(true).ok()?;
        socket.bind(&address.into()).ok()?;
        socket.listen(1024).ok()?;
        Some(socket.into())
    })
}

fn serve(shared: &Arc<Shared>, mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let Some(head) = read_head(&mut stream) else {
        return;
    };
    let number = {
        let mut requests = lock(&shared.requests);
        requests.push(head.clone());
        requests.len() - 1
    };
    lock(&shared.open).push((number, stream.try_clone().unwrap()));
    (shared.script)(Exchange {
        head,
        number,
        stream,
        shared: Arc::clone(shared),
    });
}

fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    Some(String::from_utf8(head).unwrap())
}

pub(super) fn end(stream: &TcpStream, by_reset: bool) {
    if by_reset {
        // The last handle's close is the reset.
        drop(SockRef::from(stream).set_linger(Some(Duration::ZERO)));
    }
    let side = if by_reset {
        Shutdown::Read
    } else {
        Shutdown::Both
    };
    drop(stream.shutdown(side));
}

/// A panic elsewhere is told there.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
