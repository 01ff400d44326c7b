//! The door of the emitting roles: accepts, reads request heads, hands over the sockets.

use std::io::{self, ErrorKind, Read};
use std::net::SocketAddrV4;
use std::time::Duration;

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use crate::net;
use crate::wire;

const LISTENER: Token = Token(usize::MAX);

/// No role is asked by anything that sends more.
const LONGEST_HEAD: usize = 4096;

#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) stream: TcpStream,
    pub(crate) path: String,
    pub(crate) last_event_id: Option<u64>,
}

#[derive(Debug)]
struct Arrival {
    stream: TcpStream,
    head: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Reception {
    poll: Poll,
    events: Events,
    listener: TcpListener,
    arrivals: Slab<Arrival>,
}

impl Reception {
    pub(crate) fn open(address: SocketAddrV4) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = net::listen(address)?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(1024),
            listener,
            arrivals: Slab::new(),
        })
    }

    /// Waits at most `patience`; returns who has asked for something, no longer polled by anyone.
    pub(crate) fn receive(&mut self, patience: Option<Duration>) -> io::Result<Vec<Guest>> {
        match self.poll.poll(&mut self.events, patience) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(Vec::new()),
            polled => polled?,
        }
        let tokens: Vec<_> = self.events.iter().map(Event::token).collect();
        let mut guests = Vec::new();
        for token in tokens {
            if token == LISTENER {
                self.accept_all()?;
            } else if let Some(guest) = self.read_head(token.0)? {
                guests.push(guest);
            }
        }
        Ok(guests)
    }

    fn accept_all(&mut self) -> io::Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            let entry = self.arrivals.vacant_entry();
            self.poll
                .registry()
                .register(&mut stream, Token(entry.key()), Interest::READABLE)?;
            let head = Vec::new();
            entry.insert(Arrival { stream, head });
        }
    }

    /// The guest, once its head is complete. Whoever hangs up before is forgotten.
    fn read_head(&mut self, key: usize) -> io::Result<Option<Guest>> {
        let mut chunk = [0; LONGEST_HEAD];
        let Some(arrival) = self.arrivals.get_mut(key) else {
            return Ok(None);
        };
        loop {
            match arrival.stream.read(&mut chunk) {
                Ok(0) => break,
                Ok(length) => arrival.head.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(_) => break,
            }
            let complete = wire::head_length(&arrival.head).is_some();
            if complete || arrival.head.len() > LONGEST_HEAD {
                break;
            }
        }
        let Arrival { mut stream, head } = self.arrivals.remove(key);
        self.poll.registry().deregister(&mut stream)?;
        let head = String::from_utf8_lossy(&head).into_owned();
        let path = head.split(' ').nth(1).map(str::to_owned);
        let last_event_id = wire::last_event_id(&head);
        Ok(path.map(|path| Guest {
            stream,
            path,
            last_event_id,
        }))
    }
}
