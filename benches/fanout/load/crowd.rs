//! All clients together: who connects next, who is connected, who has left.

use std::io;
use std::sync::Arc;

use mio::event::Event;
use mio::{Interest, Registry, Token};
use rustls::ClientConfig;
use slab::Slab;

use super::client::{Client, Fate, Kind, Members, Newcomer};
use super::h2::Session;
use super::link::{self, Link};
use super::tally::Tally;
use super::tls;
use crate::cli::LoadOptions;
use crate::wire;

/// Below every backlog, so that no connect waits for a retransmitted SYN.
pub(super) const MOST_UNANSWERED: usize = 128;

/// Small, so that a client that does not read enough is noticed by the server and not by the kernel.
const STALLED_RECEIVE_BUFFER: usize = 4096;

/// Between two looks of a slow client …
pub(super) const SIP_SECONDS: f64 = 0.25;
/// … at each of which it reads so much: 2 KiB a second.
const SIP_BYTES: usize = 512;

/// Room for one read: the backlog of a hot stream is taken in one system call.
pub(super) const READ_BUFFER: usize = 512 << 10;

#[derive(Debug)]
pub(super) struct Crowd<'a> {
    options: &'a LoadOptions,
    clients: Slab<Client>,
    /// Who is still to connect, the next one last; over HTTP/2 nobody has a name.
    newcomers: Vec<Newcomer>,
    host: String,
    tls: Option<Arc<ClientConfig>>,
    buffer: Vec<u8>,
    started: usize,
    unanswered: usize,
    /// Clients that are connected; over HTTP/2, several share a connection.
    there: Members,
    /// Whether all have been connected at once; who leaves later does not come again.
    gathered: bool,
    /// The newest event that anybody had when all were back.
    caught_up_at: Option<u64>,
    tally: Tally,
    /// What the slow ones saw.
    slow_tally: Tally,
}

impl<'a> Crowd<'a> {
    pub(super) fn new(options: &'a LoadOptions) -> io::Result<Self> {
        Ok(Self {
            options,
            clients: Slab::with_capacity(options.clients),
            newcomers: (0..options.clients)
                .rev()
                .map(|index| Newcomer::of_topic(index % options.topics, options.cut))
                .collect(),
            host: options.target.to_string(),
            buffer: vec![0; READ_BUFFER],
            started: 0,
            unanswered: 0,
            there: Members::default(),
            gathered: false,
            caught_up_at: None,
            tally: Tally::new(
                options
                    .last_client
                    .then(|| options.clients - options.stalled - options.slow),
            ),
            slow_tally: Tally::new(None),
            tls: options.tls.then(|| tls::config(options.h2)).transpose()?,
        })
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(super) fn slow_tally(&self) -> &Tally {
        &self.slow_tally
    }

    pub(super) fn start_window(&mut self) {
        self.tally.start_window();
    }

    pub(super) fn all_connected(&mut self) -> bool {
        self.gathered |= self.there.all() == self.options.clients && self.unanswered == 0;
        self.gathered
    }

    pub(super) fn describe(&self) -> String {
        format!(
            "{} of {} are there, {} without an answer, {} came again, {} refused heads{}",
            self.there.all(),
            self.options.clients,
            self.unanswered,
            self.started - self.clients.len(),
            self.tally.refused,
            self.tally.trouble_in_words(),
        )
    }

    /// Whoever was turned away while the crowd gathers comes again: a server may well slow its
    /// newcomers down.
    pub(super) fn connect_more(&mut self, registry: &Registry) -> io::Result<()> {
        while self.there.all() < self.options.clients && self.unanswered < MOST_UNANSWERED {
            if self.started > 3 * self.options.clients {
                return Err(io::Error::other(format!(
                    "turned away: {}",
                    self.describe()
                )));
            }
            let members = self.next_members();
            let mut client = self.ask(members)?;
            let entry = self.clients.vacant_entry();
            let token = Token(entry.key());
            registry.register(client.socket(), token, Interest::READABLE)?;
            self.started += 1;
            self.unanswered += usize::from(client.is_on_its_way());
            self.there.readers += members.readers;
            self.there.slow += members.slow;
            self.there.stalled += members.stalled;
            entry.insert(client);
        }
        Ok(())
    }

    pub(super) fn attend(&mut self, event: &Event) {
        self.serve(event.token().0, |client, buffer, tally| {
            client.attend(event, buffer, tally)
        });
    }

    /// Lets each slow client read a little.
    pub(super) fn sip(&mut self) {
        let slow = |(key, client): (usize, &Client)| (client.members().slow > 0).then_some(key);
        let keys: Vec<_> = self.clients.iter().filter_map(slow).collect();
        for key in keys {
            self.serve(key, |client, buffer, tally| {
                client.sip(SIP_BYTES, buffer, tally)
            });
        }
    }

    fn serve(
        &mut self,
        key: usize,
        serve: impl FnOnce(&mut Client, &mut [u8], &mut Tally) -> Fate,
    ) {
        let Some(client) = self.clients.get_mut(key) else {
            return;
        };
        let (waited, before) = (client.is_on_its_way(), client.members());
        let tally = if before.slow > 0 {
            &mut self.slow_tally
        } else {
            &mut self.tally
        };
        let mut fate = serve(client, &mut self.buffer, tally);
        let mut after = client.members();
        if !self.gathered && after != before {
            // Whoever shares the connection comes again with those who were turned away.
            fate = Fate::Ended;
        }
        if waited && (fate == Fate::Ended || !client.is_on_its_way()) {
            self.unanswered -= 1;
        }
        if fate == Fate::Ended {
            let who = self.clients.remove(key).leave();
            if !self.gathered {
                self.newcomers.push(who);
            }
            after = Members::default();
        }
        self.note_ends(before.readers - after.readers, Kind::Reader);
        self.note_ends(before.slow - after.slow, Kind::Slow);
        self.note_ends(before.stalled - after.stalled, Kind::Stalled);
    }

    fn note_ends(&mut self, ended: usize, kind: Kind) {
        match kind {
            Kind::Reader => self.there.readers -= ended,
            Kind::Slow => self.there.slow -= ended,
            Kind::Stalled => self.there.stalled -= ended,
        }
        for _ in 0..ended {
            if self.gathered {
                self.tally.note_end(kind);
            } else {
                self.tally.came_again += 1;
            }
        }
    }

    /// Closes every connection; all come back, and go on where they were.
    pub(super) fn cut_off(&mut self) {
        self.newcomers = self.clients.drain().map(Client::leave).collect();
        self.started = 0;
        self.unanswered = 0;
        self.there = Members::default();
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

    /// Who comes with the next connection: those who never read first, and over HTTP/2 in the
    /// company of readers.
    fn next_members(&self) -> Members {
        let missing = self.options.clients - self.there.all();
        let stalled = self.options.stalled.saturating_sub(self.there.stalled);
        if !self.options.h2 && stalled == 0 && self.there.slow < self.options.slow {
            return Members {
                slow: 1,
                ..Members::default()
            };
        }
        let all = self.options.streams.clamp(1, missing);
        let stalled = (stalled * all).div_ceil(missing);
        Members {
            readers: all - stalled,
            slow: 0,
            stalled,
        }
    }

    fn ask(&mut self, members: Members) -> io::Result<Client> {
        let kind = match members {
            Members { stalled: 1.., .. } => Kind::Stalled,
            Members { slow: 1.., .. } => Kind::Slow,
            _ => Kind::Reader,
        };
        let options = self.options;
        if options.h2 {
            let socket = link::connect(options.target, self.started, None)?;
            let opening = Session::opening(members, &options.path, &self.host);
            let link = Link::ask(socket, self.tls.as_ref(), &opening)?;
            return Ok(Client::multiplexed(link, members));
        }
        let who = self.newcomers.pop().unwrap_or_default();
        let receive_buffer = (kind != Kind::Reader).then_some(STALLED_RECEIVE_BUFFER);
        let socket = link::connect(options.target, self.started, receive_buffer)?;
        let path = match options.topics {
            1 => options.path.clone(),
            _ => wire::topic_path(who.topic),
        };
        let request = wire::subscription(&path, &self.host, who.last_id());
        let link = Link::ask(socket, self.tls.as_ref(), &request)?;
        Ok(Client::new(link, kind, who))
    }
}
