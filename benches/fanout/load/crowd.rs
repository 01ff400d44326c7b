//! All clients together: who connects next, who is connected, who has left.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use mio::event::Event;
use mio::{Interest, Registry, Token};
use rustls::ClientConfig;
use slab::Slab;
use socket2::{Domain, Socket, Type};

use super::client::{Client, Fate, Kind, Newcomer};
use super::link::{self, Link};
use super::tally::Tally;
use crate::cli::LoadOptions;
use crate::wire;

/// Below every backlog, so that no connect waits for a retransmitted SYN.
const MOST_UNANSWERED: usize = 128;

/// One address has 28,232 ephemeral ports, and a closed connection keeps its port for a minute.
const SOURCE_ADDRESSES: usize = 64;

/// Small, so that a client that never reads is noticed by the server and not by the kernel.
const STALLED_RECEIVE_BUFFER: usize = 4096;

const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// Room for one read: the backlog of a hot stream is taken in one system call.
const READ_BUFFER: usize = 512 << 10;

#[derive(Debug)]
pub(super) struct Crowd<'a> {
    options: &'a LoadOptions,
    clients: Slab<Client>,
    /// Who is still to connect; the next one last.
    newcomers: Vec<Newcomer>,
    host: String,
    tls: Option<Arc<ClientConfig>>,
    buffer: Vec<u8>,
    started: usize,
    unanswered: usize,
    stalled_alive: usize,
    /// Whether all have been connected at once; who leaves later does not come again.
    gathered: bool,
    /// The newest event that anybody had when all were back.
    caught_up_at: Option<u64>,
    tally: Tally,
}

impl<'a> Crowd<'a> {
    pub(super) fn new(options: &'a LoadOptions) -> io::Result<Self> {
        Ok(Self {
            options,
            clients: Slab::with_capacity(options.clients),
            newcomers: (0..options.clients)
                .rev()
                .map(|index| Newcomer::of_topic(index % options.topics))
                .collect(),
            host: options.target.to_string(),
            buffer: vec![0; READ_BUFFER],
            started: 0,
            unanswered: 0,
            stalled_alive: 0,
            gathered: false,
            caught_up_at: None,
            tally: Tally::new(
                options
                    .last_client
                    .then(|| options.clients - options.stalled),
            ),
            tls: options.tls.then(link::tls_config).transpose()?,
        })
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(super) fn start_window(&mut self) {
        self.tally.start_window();
    }

    pub(super) fn all_connected(&mut self) -> bool {
        self.gathered |= self.clients.len() == self.options.clients && self.unanswered == 0;
        self.gathered
    }

    pub(super) fn describe(&self) -> String {
        format!(
            "{} of {} are there, {} without an answer, {} came again, {} refused heads",
            self.clients.len(),
            self.options.clients,
            self.unanswered,
            self.started - self.clients.len(),
            self.tally.refused,
        )
    }

    /// Whoever was turned away while the crowd gathers comes again: a server may well slow its
    /// newcomers down.
    pub(super) fn connect_more(&mut self, registry: &Registry) -> io::Result<()> {
        while self.unanswered < MOST_UNANSWERED {
            let Some(who) = self.newcomers.pop() else {
                break;
            };
            if self.started > 3 * self.options.clients {
                return Err(io::Error::other(format!(
                    "turned away: {}",
                    self.describe()
                )));
            }
            let stalled = self.stalled_alive < self.options.stalled;
            let kind = if stalled { Kind::Stalled } else { Kind::Reader };
            let mut link = self.connect(kind, &who)?;
            let entry = self.clients.vacant_entry();
            registry.register(&mut link.socket, Token(entry.key()), Interest::READABLE)?;
            entry.insert(Client::new(link, kind, who));
            self.started += 1;
            self.stalled_alive += usize::from(stalled);
            self.unanswered += usize::from(!stalled);
        }
        Ok(())
    }

    pub(super) fn attend(&mut self, event: &Event) {
        let key = event.token().0;
        let Some(client) = self.clients.get_mut(key) else {
            return;
        };
        let waited = client.waits_for_head();
        let fate = client.attend(event, &mut self.buffer, &mut self.tally);
        let kind = client.kind();
        if waited && (fate == Fate::Ended || !client.waits_for_head()) {
            self.unanswered -= 1;
        }
        if fate == Fate::Ended {
            let who = self.clients.remove(key).leave();
            if self.gathered {
                self.tally.note_end(kind);
            } else {
                self.tally.came_again += 1;
                self.newcomers.push(who);
            }
            self.stalled_alive -= usize::from(kind == Kind::Stalled);
        }
    }

    /// Closes every connection; all come back, and go on where they were.
    pub(super) fn cut_off(&mut self) {
        self.newcomers = self.clients.drain().map(Client::leave).collect();
        self.started = 0;
        self.unanswered = 0;
        self.stalled_alive = 0;
        self.gathered = false;
    }

    /// Whether everybody has what anybody had when the last one was back.
    pub(super) fn has_caught_up(&mut self) -> bool {
        if !self.all_connected() {
            return false;
        }
        let clients = || self.clients.iter().map(|(_, client)| client.last());
        let newest = *self
            .caught_up_at
            .get_or_insert_with(|| clients().max().flatten().unwrap_or(0));
        clients().all(|last| last >= Some(newest))
    }

    /// Blocking: on loopback a connect is one system call as long as the backlog has room, and a
    /// handshake is a round trip.
    fn connect(&self, kind: Kind, who: &Newcomer) -> io::Result<Link> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        if kind == Kind::Stalled {
            socket.set_recv_buffer_size(STALLED_RECEIVE_BUFFER)?;
        }
        let host = (self.started % SOURCE_ADDRESSES) as u8 + 1;
        let from = SocketAddr::from((Ipv4Addr::new(127, 0, 1, host), 0));
        socket.bind(&from.into())?;
        socket.connect_timeout(
            &SocketAddr::V4(self.options.target).into(),
            CONNECT_PATIENCE,
        )?;
        let request = match self.options.topics {
            1 => wire::subscription(&self.options.path, &self.host, who.last()),
            _ => wire::subscription(&wire::topic_path(who.topic), &self.host, who.last()),
        };
        Link::ask(socket, self.tls.as_ref(), &request)
    }
}
