//! A request, as a client writes it.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, Socket, Type};

use super::client::Client;

/// A request that has not been sent yet.
pub(crate) struct Get {
    method: &'static str,
    target: String,
    headers: Vec<(String, String)>,
    receive_buffer: Option<usize>,
    source: Option<IpAddr>,
    first: Vec<Vec<u8>>,
}

// === impl Get ===

impl Get {
    pub(crate) fn new(target: &str) -> Self {
        Self {
            method: "GET",
            target: target.to_owned(),
            headers: Vec::new(),
            receive_buffer: None,
            source: None,
            first: Vec::new(),
        }
    }

    /// Another method.
    pub(crate) fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns after this event.
    pub(crate) fn after(self, id: &str) -> Self {
        self.header("Last-Event-ID", id)
    }

    /// `SO_RCVBUF`, for clients that do not read.
    pub(crate) fn receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// Comes from this address of the machine (127.0.0.2, …).
    pub(crate) fn from(mut self, source: &str) -> Self {
        self.source = Some(source.parse().unwrap());
        self
    }

    /// Says this before anything else, TLS included; said again, it is another segment.
    pub(crate) fn behind(mut self, first: impl AsRef<[u8]>) -> Self {
        self.first.push(first.as_ref().to_vec());
        self
    }

    /// Accepts an event stream, and [`Get::connect`]s.
    #[track_caller]
    pub(crate) fn stream(self, address: SocketAddr) -> Client {
        self.header("Accept", "text/event-stream").connect(address)
    }

    /// Sends the request, and waits for the head of the answer.
    #[track_caller]
    pub(crate) fn connect(self, address: SocketAddr) -> Client {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        if let Some(source) = self.source {
            socket.bind(&SocketAddr::new(source, 0).into()).unwrap();
        }
        socket.connect(&address.into()).unwrap();
        socket.set_tcp_nodelay(!self.first.is_empty()).unwrap();
        for segment in &self.first {
            (&socket).write_all(segment).unwrap();
        }
        let mut client = Client::at(socket, address);
        client.send(self.bytes());
        client.read_head();
        client
    }

    /// What is sent.
    pub(crate) fn bytes(&self) -> String {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: 127.0.0.1\r\n",
            self.method, self.target
        );
        for (name, value) in &self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head + "\r\n"
    }
}
