//! What stands between a client and the gateway, and can be cut.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fantail::clock;
use socket2::SockRef;

/// Passes bytes both ways. Ends when it is dropped, and its connections with it.
pub(super) struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    gateway: SocketAddr,
    is_over: AtomicBool,
    /// Held while nobody gets through.
    gate: Mutex<()>,
    /// Client and gateway of every connection that is not over, by its number.
    open: Mutex<Vec<(usize, [TcpStream; 2])>>,
    requests: Mutex<Vec<Request>>,
}

/// What a client has asked for.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) at: Instant,
    pub(super) head: String,
}

// === impl Relay ===

impl Relay {
    pub(super) fn to(gateway: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Self {
            address: listener.local_addr().unwrap(),
            shared: Arc::new(Shared {
                gateway,
                is_over: AtomicBool::new(false),
                gate: Mutex::default(),
                open: Mutex::default(),
                requests: Mutex::default(),
            }),
        };
        let shared = Arc::clone(&relay.shared);
        std::thread::spawn(move || {
            for (number, client) in listener.incoming().map_while(Result::ok).enumerate() {
                if shared.is_over.load(Ordering::SeqCst) {
                    return;
                }
                drop(lock(&shared.gate));
                serve(&shared, number, client);
            }
        });
        relay
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets nobody through until the guard is dropped; clients connect, and wait.
    pub(super) fn hold(&self) -> MutexGuard<'_, ()> {
        lock(&self.shared.gate)
    }

    /// Cuts every connection, by a reset or by a clean end.
    pub(super) fn cut(&self, by_reset: bool) {
        for (_, [client, gateway]) in lock(&self.shared.open).drain(..) {
            if by_reset {
                // The last handle's close is the reset.
                drop(SockRef::from(&client).set_linger(Some(Duration::ZERO)));
                drop(client.shutdown(Shutdown::Read));
            } else {
                drop(client.shutdown(Shutdown::Both));
            }
            drop(gateway.shutdown(Shutdown::Both));
        }
    }

    /// The requests so far whose target begins so.
    pub(super) fn requests(&self, target: &str) -> Vec<Request> {
        let line = format!("GET {target}");
        let all = lock(&self.shared.requests);
        let mut requests = all.clone();
        drop(all);
        requests.retain(|request| request.head.starts_with(&line));
        requests
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Wakes the thread, which sees that it is over.
        drop(TcpStream::connect(self.address));
        self.cut(true);
    }
}

fn serve(shared: &Arc<Shared>, number: usize, client: TcpStream) {
    // The gateway of a test that is over.
    let Ok(gateway) = TcpStream::connect(shared.gateway) else {
        return;
    };
    let clone = |stream: &TcpStream| stream.try_clone().unwrap();
    lock(&shared.open).push((number, [clone(&client), clone(&gateway)]));
    let back = [clone(&gateway), clone(&client)];
    let both = [[client, gateway], back];
    for [from, to] in both {
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            pass(&shared, from, to);
            lock(&shared.open).retain(|(other, _)| *other != number);
        });
    }
}

fn pass(shared: &Shared, mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        shared.note(&buffer[..read]);
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    // Ends the other way too. Not by a FIN, for a cut by a reset must not look like a clean end:
    // the last handle's close says which it is.
    drop(to.shutdown(Shutdown::Read));
    drop(from.shutdown(Shutdown::Read));
}

// === impl Shared ===

impl Shared {
    /// Remembers a request, which a client writes at once.
    fn note(&self, bytes: &[u8]) {
        if bytes.starts_with(b"GET ") {
            lock(&self.requests).push(Request {
                at: clock::now(),
                head: String::from_utf8_lossy(bytes).into_owned(),
            });
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
