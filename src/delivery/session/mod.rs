//! A TLS session that keeps no buffers: records are made into the caller's memory, and read in
//! place.
//!
//! Layer 3: rustls behind the few calls that a conversation and a shard need, so that one session
//! serves both. Invariants: what has been encrypted is sent or kept, for it can not be made twice;
//! an idle session keeps neither plaintext nor ciphertext.

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedStatus,
};
use rustls::{CommonState, ServerConfig};

/// Plaintext of one record: as much as TLS allows. A client that stalls holds one at most.
pub const RECORD: usize = 16 << 10;
/// What a record is longer than its plaintext, and a key update that goes before it.
const OVERHEAD: usize = 512;

/// Where records are made; one is enough for any number of sessions.
#[derive(Debug)]
pub struct Scratch(Vec<u8>);

/// The server's side of one connection.
pub struct Session {
    connection: UnbufferedServerConnection,
    /// The begin of a record whose rest has not come.
    partial: Vec<u8>,
    /// What the peer has not taken yet of what has been encrypted …
    unsent: Vec<u8>,
    /// … behind so many bytes.
    sent: usize,
    is_sealed: bool,
    has_goodbye: bool,
    /// The peer has broken the rules: rustls must not see its bytes again.
    has_failed: bool,
}

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The handshake goes on.
    Handshake,
    /// Both sides may talk.
    Open,
    /// The peer has said that it says no more (`close_notify`).
    Goodbye,
}

// === impl Scratch ===

impl Scratch {
    /// For so many bytes of plaintext in one record.
    pub fn for_plain(bytes: usize) -> Self {
        Self(vec![0; bytes + OVERHEAD])
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::for_plain(RECORD)
    }
}

// === impl Session ===

impl Session {
    /// One that waits for a client's first bytes. Boxed, so that who carries it about is small.
    pub fn new(config: Arc<ServerConfig>) -> Result<Box<Self>, rustls::Error> {
        Ok(Box::new(Self {
            connection: UnbufferedServerConnection::new(config)?,
            partial: Vec::new(),
            unsent: Vec::new(),
            sent: 0,
            is_sealed: false,
            has_goodbye: false,
            has_failed: false,
        }))
    }

    /// What has been agreed.
    pub fn facts(&self) -> &CommonState {
        &self.connection
    }

    /// Takes what has come over the wire, and gives the plaintext in it. What is to be answered,
    /// an alert included, is then unsent.
    pub fn receive(
        &mut self,
        fresh: &[u8],
        mut plain: impl FnMut(&[u8]),
    ) -> Result<Phase, rustls::Error> {
        if self.has_failed {
            return Err(rustls::Error::General("the session has failed".to_owned()));
        }
        self.partial.extend_from_slice(fresh);
        let mut used = 0;
        let result = loop {
            let Some(rest) = self.partial.get_mut(used..) else {
                break Ok(Phase::Handshake);
            };
            let step = step(&mut self.connection, rest, &mut self.unsent, &mut plain);
            used += step.discard;
            match step.next {
                Next::Again => {}
                Next::Goodbye => self.has_goodbye = true,
                Next::Rest(phase) => break Ok(phase),
                Next::Failed(error) => break Err(error),
            }
        };
        self.partial.drain(..used.min(self.partial.len()));
        if self.partial.is_empty() {
            self.partial = Vec::new();
        }
        match result {
            Err(error) => {
                self.fail();
                Err(error)
            }
            Ok(_) if self.has_goodbye => Ok(Phase::Goodbye),
            Ok(phase) => Ok(phase),
        }
    }

    /// Fetches what is still to be said, the alert that tells the peer why included.
    fn fail(&mut self) {
        self.has_failed = true;
        // As long as there is something, rustls gives it before it looks at the bytes.
        while self.connection.wants_write() {
            let status = self.connection.process_tls_records(&mut self.partial);
            let Ok(ConnectionState::EncodeTlsData(mut data)) = status.state else {
                break;
            };
            if fit(&mut self.unsent, |into| data.encode(into)).is_err() {
                break;
            }
        }
        self.partial = Vec::new();
    }

    /// Makes one record of at most [`RECORD`] bytes; it is the caller's to send, or to
    /// [`Session::keep`]. Nothing may be unsent.
    pub fn encrypt<'s>(
        &mut self,
        plain: &[u8],
        scratch: &'s mut Scratch,
    ) -> io::Result<&'s mut [u8]> {
        if self.has_failed {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let status = self.connection.process_tls_records(&mut self.partial);
        let Ok(ConnectionState::WriteTraffic(mut traffic)) = status.state else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let length = match traffic.encrypt(plain, &mut scratch.0) {
            Err(EncryptError::InsufficientSize(InsufficientSizeError { required_size })) => {
                scratch.0.resize(required_size, 0);
                traffic.encrypt(plain, &mut scratch.0)
            }
            other => other,
        };
        let length = length.map_err(io::Error::other)?;
        scratch.0.get_mut(..length).ok_or_else(short)
    }

    /// Says goodbye behind everything that is unsent; once.
    pub fn seal(&mut self) {
        if std::mem::replace(&mut self.is_sealed, true) || self.has_failed {
            return;
        }
        let status = self.connection.process_tls_records(&mut self.partial);
        if let Ok(ConnectionState::WriteTraffic(mut traffic)) = status.state {
            // A session whose keys are used up has said so already.
            drop(fit_encrypted(&mut self.unsent, |into| {
                traffic.queue_close_notify(into)
            }));
        }
    }

    /// Keeps the rest of a record that the socket has not taken.
    pub fn keep(&mut self, rest: &[u8]) {
        self.unsent = rest.to_vec();
        self.sent = 0;
    }

    /// Whether everything that has been encrypted is out.
    pub fn is_clear(&self) -> bool {
        self.unsent.is_empty()
    }

    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.unsent.capacity()
    }

    /// Sends what is unsent, as far as `write` takes it; whether it took anything, and how it
    /// ended.
    pub fn flush(
        &mut self,
        mut write: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> (bool, io::Result<()>) {
        let mut has_moved = false;
        while let Some(rest) = self.unsent.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match write(rest) {
                Ok(0) => return (has_moved, Err(io::ErrorKind::WriteZero.into())),
                Ok(written) => {
                    self.sent += written;
                    has_moved = true;
                }
                Err(error) => return (has_moved, Err(error)),
            }
        }
        self.unsent = Vec::new();
        self.sent = 0;
        (has_moved, Ok(()))
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("unsent", &(self.unsent.len() - self.sent))
            .finish_non_exhaustive()
    }
}

/// What rustls wants next.
enum Next {
    /// To be asked again.
    Again,
    /// The peer has said goodbye; to be asked again.
    Goodbye,
    /// More from the wire.
    Rest(Phase),
    Failed(rustls::Error),
}

struct Step {
    discard: usize,
    next: Next,
}

/// One step of rustls; what it has to say goes behind `unsent`.
fn step(
    connection: &mut UnbufferedServerConnection,
    incoming: &mut [u8],
    unsent: &mut Vec<u8>,
    plain: &mut impl FnMut(&[u8]),
) -> Step {
    let UnbufferedStatus {
        mut discard, state, ..
    } = connection.process_tls_records(incoming);
    let next = match state {
        Err(error) => Next::Failed(error),
        Ok(ConnectionState::ReadTraffic(mut traffic)) => loop {
            match traffic.next_record() {
                None => break Next::Again,
                Some(Err(error)) => break Next::Failed(error),
                Some(Ok(record)) => {
                    discard += record.discard;
                    plain(record.payload);
                }
            }
        },
        Ok(ConnectionState::EncodeTlsData(mut data)) => {
            match fit(unsent, |into| data.encode(into)) {
                Ok(()) => Next::Again,
                Err(_) => Next::Failed(rustls::Error::EncryptError),
            }
        }
        Ok(ConnectionState::TransmitTlsData(data)) => {
            // It stands in `unsent`, and goes out from there.
            data.done();
            Next::Again
        }
        Ok(ConnectionState::PeerClosed) => Next::Goodbye,
        Ok(ConnectionState::BlockedHandshake) => Next::Rest(Phase::Handshake),
        Ok(ConnectionState::WriteTraffic(_)) => Next::Rest(Phase::Open),
        Ok(ConnectionState::Closed) => Next::Rest(Phase::Goodbye),
        // There is no early data: it is switched off.
        Ok(_) => Next::Failed(rustls::Error::HandshakeNotComplete),
    };
    Step { discard, next }
}

/// Appends what `encode` writes, whatever room it needs.
fn fit(
    into: &mut Vec<u8>,
    mut encode: impl FnMut(&mut [u8]) -> Result<usize, EncodeError>,
) -> Result<(), EncodeError> {
    let room = match encode(&mut []) {
        Err(EncodeError::InsufficientSize(size)) => size.required_size,
        other => return other.map(drop),
    };
    let end = into.len();
    into.resize(end + room, 0);
    let written = encode(into.get_mut(end..).unwrap_or_default());
    into.truncate(end + written.as_ref().map_or(0, |written| *written));
    written.map(drop)
}

/// Likewise, for what is encrypted while it is written.
fn fit_encrypted(
    into: &mut Vec<u8>,
    mut encrypt: impl FnMut(&mut [u8]) -> Result<usize, EncryptError>,
) -> Result<(), EncryptError> {
    let end = into.len();
    into.resize(end + OVERHEAD, 0);
    let written = encrypt(into.get_mut(end..).unwrap_or_default());
    into.truncate(end + written.as_ref().map_or(0, |written| *written));
    written.map(drop)
}

fn short() -> io::Error {
    io::ErrorKind::InvalidData.into()
}
