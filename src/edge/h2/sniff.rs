//! Whether a plain connection begins with HTTP/2's preface (RFC 9113, section 3.4): prior knowledge.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::net::{RecvFlags, recv};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Between two looks at a preface that comes in pieces, which no real client sends.
const LOOK: Duration = Duration::from_millis(5);

/// Looks at the first bytes without taking them; comes back as soon as they tell. The socket must
/// be readable; the caller has the deadline.
pub(in crate::edge) async fn speaks_h2(socket: &impl AsFd) -> io::Result<bool> {
    let mut bytes = [0; PREFACE.len()];
    loop {
        let seen = match recv(socket, &mut bytes, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((seen, _)) => bytes.get(..seen).unwrap_or_default(),
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => &[],
            Err(error) => return Err(error.into()),
        };
        if seen.len() == PREFACE.len() || !PREFACE.starts_with(seen) {
            return Ok(seen == PREFACE);
        }
        tokio::time::sleep(LOOK).await;
    }
}
