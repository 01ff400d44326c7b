//! Small network helpers: free ports, one bounded request, listeners with a deep backlog.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

const PROBE_PATIENCE: Duration = Duration::from_secs(2);

/// The kernel cuts this to `somaxconn`.
const BACKLOG: i32 = 4096;

/// A port that was free a moment ago. Another process may take it meanwhile; then the server
/// fails to bind and the run says so.
pub(crate) fn free_address() -> io::Result<SocketAddrV4> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(SocketAddrV4::new(
        Ipv4Addr::LOCALHOST,
        listener.local_addr()?.port(),
    ))
}

pub(crate) fn listen(address: SocketAddrV4) -> io::Result<mio::net::TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::V4(address).into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(mio::net::TcpListener::from_std(socket.into()))
}

pub(crate) fn accepts(address: SocketAddrV4) -> bool {
    TcpStream::connect_timeout(&address.into(), PROBE_PATIENCE).is_ok()
}

/// The status and the body of one plain request.
pub(crate) fn get(address: SocketAddrV4, path: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address.into(), PROBE_PATIENCE)?;
    stream.set_read_timeout(Some(PROBE_PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    // A server that keeps the connection open ends in a timeout, with the answer read.
    stream.read_to_string(&mut answer).ok();
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
    match (status, body) {
        (Some(status), Some(body)) => Ok((status, body.to_owned())),
        _ => Err(io::Error::other("not an HTTP answer")),
    }
}
