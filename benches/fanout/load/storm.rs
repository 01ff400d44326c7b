//! Everyone at once, and once more: all connect, all are cut off, all come back to where they were.
//!
//! Two waves, each until every client has its head and an event. The second one comes with what a
//! browser has kept: a ticket of its own (with TLS) and the id of its last event.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::mem;
use std::sync::Arc;

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use rustls::{ClientConfig, HandshakeKind};
use serde_json::{Value, json};
use socket2::Socket;

use super::client::{Client, Fate, Kind, Newcomer};
use super::crowd::{MOST_UNANSWERED, READ_BUFFER};
use super::link::{self, Link};
use super::tally::Tally;
use super::{EVENTS_PER_POLL, FAREWELL_SECONDS, STDIN, Window, tls};
use crate::cli::LoadOptions;
use crate::clock::{Deadline, now_ns};
use crate::histogram::Histogram;
use crate::wire;

struct Person {
    client: Option<Client>,
    /// Where to go on; with the client while it is there.
    place: Newcomer,
    /// With the ticket that this person keeps.
    tls: Option<Arc<ClientConfig>>,
    asked_ns: u64,
    is_answered: bool,
    has_event: bool,
}

/// What one wave has come to.
struct Wave {
    start: Window,
    answered: usize,
    with_event: usize,
    /// Since the start, and what it cost until then: when the last one had its head.
    all_answered: Option<Value>,
    full: u64,
    resumed: u64,
    answer_times: Histogram,
}

struct Storm<'a> {
    options: &'a LoadOptions,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    people: Vec<Person>,
    waiting: VecDeque<usize>,
    started: usize,
    unanswered: usize,
    tally: Tally,
}

/// The orchestrator is gone.
fn abandoned() -> io::Error {
    ErrorKind::BrokenPipe.into()
}

pub(super) fn run(options: &LoadOptions) -> io::Result<()> {
    let mut storm = Storm::new(options)?;
    let whole = Window::open(options.watch)?;
    let first = storm.wave(Wave::begin(options)?)?;
    println!("{}", json!({ "phase": "connected" }));
    storm.listen(options.settle)?;
    // Closing is part of what the server has to do.
    let again = Wave::begin(options)?;
    storm.cut_all();
    let again = storm.wave(again)?;
    // Whoever was told something twice is told so by now.
    storm.listen(options.settle)?;
    let now = Window::open(options.watch)?;
    println!(
        "{}",
        json!({
            "phase": "result",
            "seconds": (now.start_ns - whole.start_ns) as f64 / 1e9,
            "server": now.server.since(whole.server).to_json(),
            "load": now.load.since(whole.load).to_json(),
            "clients": options.clients,
            "first": first,
            "again": again,
            "whole_run": storm.tally.whole_run_json(),
        })
    );
    match storm.listen(FAREWELL_SECONDS) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

impl<'a> Storm<'a> {
    fn new(options: &'a LoadOptions) -> io::Result<Self> {
        let poll = Poll::new()?;
        poll.registry()
            .register(&mut SourceFd(&0), STDIN, Interest::READABLE)?;
        let tls = options.tls.then(|| tls::config(false)).transpose()?;
        let person = |_| Person {
            client: None,
            place: Newcomer::of_topic(0, true),
            tls: tls.as_deref().map(tls::with_own_ticket),
            asked_ns: 0,
            is_answered: false,
            has_event: false,
        };
        Ok(Self {
            options,
            poll,
            events: Events::with_capacity(EVENTS_PER_POLL),
            buffer: vec![0; READ_BUFFER],
            people: (0..options.clients).map(person).collect(),
            waiting: VecDeque::new(),
            started: 0,
            unanswered: 0,
            tally: Tally::new(None),
        })
    }

    fn cut_all(&mut self) {
        for person in &mut self.people {
            person.leave();
        }
    }

    /// Everyone comes. Returns once everyone has an event.
    fn wave(&mut self, mut wave: Wave) -> io::Result<Value> {
        let deadline = Deadline::after(self.options.connect_limit);
        self.waiting = (0..self.people.len()).collect();
        for person in &mut self.people {
            (person.is_answered, person.has_event) = (false, false);
        }
        self.started = 0;
        while wave.with_event < self.people.len() {
            if deadline.passed() {
                return Err(self.failure("not everyone was back in time", &wave));
            }
            self.connect_more(&wave)?;
            for key in self.poll(deadline, &mut Some(&mut wave))? {
                // As a browser would; whether the end was a fault has been noted.
                self.waiting.push_back(key);
            }
            wave.note_if_all_answered(self.people.len(), self.options)?;
        }
        Ok(wave.to_json())
    }

    /// Reads on; nobody who leaves comes back.
    fn listen(&mut self, seconds: f64) -> io::Result<()> {
        let end = Deadline::after(seconds);
        while !end.passed() {
            self.poll(end, &mut None)?;
        }
        Ok(())
    }

    /// Attends to what there is; returns who has been cut off.
    fn poll(&mut self, until: Deadline, wave: &mut Option<&mut Wave>) -> io::Result<Vec<usize>> {
        let mut events = mem::replace(&mut self.events, Events::with_capacity(0));
        let polled = self.poll.poll(&mut events, Some(until.left()));
        let mut cut_off = Vec::new();
        for event in &events {
            if event.token() == STDIN {
                return Err(abandoned());
            }
            if self.attend(event, wave) == Fate::Ended {
                cut_off.push(event.token().0);
            }
        }
        self.events = events;
        match polled {
            Err(error) if error.kind() != ErrorKind::Interrupted => Err(error),
            _ => Ok(cut_off),
        }
    }

    fn attend(&mut self, event: &Event, wave: &mut Option<&mut Wave>) -> Fate {
        let person = &mut self.people[event.token().0];
        let Some(client) = &mut person.client else {
            return Fate::Alive;
        };
        let (waited, events) = (client.is_on_its_way(), self.tally.events);
        let fate = client.attend(event, &mut self.buffer, &mut self.tally);
        let is_answered = waited && !client.is_on_its_way();
        self.unanswered -= usize::from(is_answered || waited && fate == Fate::Ended);
        if let Some(wave) = wave {
            if is_answered {
                wave.note_answer(person);
            }
            if self.tally.events > events && !person.has_event {
                person.has_event = true;
                wave.with_event += 1;
            }
        }
        if fate == Fate::Ended {
            if waited && !is_answered {
                self.tally.came_again += 1;
            } else {
                self.tally.note_end(Kind::Reader);
            }
            person.leave();
        }
        fate
    }

    fn connect_more(&mut self, wave: &Wave) -> io::Result<()> {
        while self.unanswered < MOST_UNANSWERED
            && let Some(key) = self.waiting.pop_front()
        {
            if self.started > 3 * self.people.len() {
                return Err(self.failure("turned away", wave));
            }
            let socket = link::connect(self.options.target, self.started, None)?;
            self.started += 1;
            self.unanswered += 1;
            let token = Token(key);
            let client = self.people[key].come(socket, self.options)?;
            self.poll
                .registry()
                .register(client.socket(), token, Interest::READABLE)?;
        }
        Ok(())
    }

    fn failure(&self, what: &str, wave: &Wave) -> io::Error {
        io::Error::other(format!(
            "{what}: of {}, {} have an answer and {} an event; {} came again, {} refused heads{}",
            self.people.len(),
            wave.answered,
            wave.with_event,
            self.tally.came_again,
            self.tally.refused,
            self.tally.trouble_in_words(),
        ))
    }
}

impl Person {
    fn come(&mut self, socket: Socket, options: &LoadOptions) -> io::Result<&mut Client> {
        let host = options.target.to_string();
        let request = wire::subscription(&options.path, &host, self.place.last_id());
        self.asked_ns = now_ns();
        let link = Link::ask(socket, self.tls.as_ref(), &request)?;
        let place = mem::take(&mut self.place);
        Ok(self.client.insert(Client::new(link, Kind::Reader, place)))
    }

    /// Closes what there is, and remembers the place.
    fn leave(&mut self) {
        if let Some(client) = self.client.take() {
            self.place = client.leave();
        }
    }
}

impl Wave {
    fn begin(options: &LoadOptions) -> io::Result<Self> {
        Ok(Self {
            start: Window::open(options.watch)?,
            answered: 0,
            with_event: 0,
            all_answered: None,
            full: 0,
            resumed: 0,
            answer_times: Histogram::new(),
        })
    }

    /// Whoever is cut off and comes once more is counted once.
    fn note_answer(&mut self, person: &mut Person) {
        if mem::replace(&mut person.is_answered, true) {
            return;
        }
        self.answered += 1;
        self.answer_times.record(now_ns() - person.asked_ns);
        match person.client.as_ref().and_then(Client::handshake) {
            Some(HandshakeKind::Resumed) => self.resumed += 1,
            Some(_) => self.full += 1,
            None => {}
        }
    }

    fn note_if_all_answered(&mut self, people: usize, options: &LoadOptions) -> io::Result<()> {
        if self.answered == people && self.all_answered.is_none() {
            let now = Window::open(options.watch)?;
            self.all_answered = Some(json!({
                "seconds": (now.start_ns - self.start.start_ns) as f64 / 1e9,
                "server": now.server.since(self.start.server).to_json(),
                "load": now.load.since(self.start.load).to_json(),
            }));
        }
        Ok(())
    }

    fn to_json(&self) -> Value {
        json!({
            "until_answered": self.all_answered,
            "seconds_until_events": (now_ns() - self.start.start_ns) as f64 / 1e9,
            "full_handshakes": self.full,
            "resumed_handshakes": self.resumed,
            "answer_us": self.answer_times.summary(),
        })
    }
}
