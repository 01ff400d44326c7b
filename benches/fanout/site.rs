//! The site: answers every request with the same small page, and keeps its connections.

use std::io::{self, ErrorKind, Read, Write};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use crate::cli::SiteOptions;
use crate::clock::Deadline;
use crate::net;
use crate::wire;

const LISTENER: Token = Token(usize::MAX);

/// As nginx says it; who says so leaves the closing to the site.
const CLOSE: &[u8] = b"\r\nConnection: close\r\n";

struct Visitor {
    stream: TcpStream,
    /// What has come and is no whole head yet.
    head: Vec<u8>,
}

pub(crate) fn run(options: &SiteOptions) -> io::Result<()> {
    let end = Deadline::after(options.lifetime);
    let page = wire::page(options.page_bytes);
    let mut poll = Poll::new()?;
    let mut listener = net::listen(options.listen)?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut visitors: Slab<Visitor> = Slab::new();
    while !end.passed() {
        match poll.poll(&mut events, Some(end.left())) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        for event in &events {
            if event.token() != LISTENER {
                let key = event.token().0;
                if visitors
                    .get_mut(key)
                    .is_some_and(|v| v.serve(&page).is_err())
                {
                    visitors.remove(key);
                }
                continue;
            }
            while let Ok((mut stream, _)) = listener.accept() {
                stream.set_nodelay(true)?;
                let entry = visitors.vacant_entry();
                let token = Token(entry.key());
                poll.registry()
                    .register(&mut stream, token, Interest::READABLE)?;
                let head = Vec::new();
                entry.insert(Visitor { stream, head });
            }
        }
    }
    Ok(())
}

impl Visitor {
    /// Answers what has been asked; an error ends the connection, whoever wants it to. A page fits into every socket buffer.
    fn serve(&mut self, page: &[u8]) -> io::Result<()> {
        let mut chunk = [0; 8192];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => self.head.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
            while let Some(length) = wire::head_length(&self.head) {
                let head: Vec<u8> = self.head.drain(..length).collect();
                self.stream.write_all(page)?;
                if memchr::memmem::find(&head, CLOSE).is_some() {
                    return Err(ErrorKind::ConnectionAborted.into());
                }
            }
        }
    }
}
