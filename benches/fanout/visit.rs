//! The visitors: each asks for a page, reads it, and asks again on the same connection.

use std::io::{self, ErrorKind, Read, Write};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use serde_json::json;

use crate::accounting::Scheduled;
use crate::cli::VisitOptions;
use crate::clock::{Deadline, now_ns};
use crate::histogram::Histogram;
use crate::wire;

struct Visitor {
    stream: TcpStream,
    asked_ns: u64,
    answer: Vec<u8>,
}

struct Seen {
    pages: u64,
    /// Answers that were no 200, and connections that had to be opened again.
    faults: u64,
    times: Histogram,
}

impl Seen {
    fn new() -> Self {
        Self {
            pages: 0,
            faults: 0,
            times: Histogram::new(),
        }
    }
}

pub(crate) fn run(options: &VisitOptions) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let request = wire::page_request(&options.target.to_string());
    let mut visitors = Vec::new();
    for key in 0..options.connections {
        visitors.push(Visitor::connect(&poll, key, options, &request)?);
    }
    let mut events = Events::with_capacity(1024);
    let mut seen = Seen::new();
    let mut round = |seconds: f64, seen: &mut Seen| -> io::Result<()> {
        let end = Deadline::after(seconds);
        while !end.passed() {
            match poll.poll(&mut events, Some(end.left())) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                let key = event.token().0;
                if visitors[key].attend(&request, seen).is_err() {
                    seen.faults += 1;
                    visitors[key] = Visitor::connect(&poll, key, options, &request)?;
                }
            }
        }
        Ok(())
    };
    round(options.settle, &mut seen)?;
    seen = Seen::new();
    let (server, start_ns) = (Scheduled::of(options.watch)?, now_ns());
    round(options.measure, &mut seen)?;
    let report = json!({
        "seconds": (now_ns() - start_ns) as f64 / 1e9,
        "server": Scheduled::of(options.watch)?.since(server).to_json(),
        "pages": seen.pages,
        "faults": seen.faults,
        "latency_us": seen.times.summary(),
    });
    println!("{report}");
    Ok(())
}

impl Visitor {
    fn connect(
        poll: &Poll,
        key: usize,
        options: &VisitOptions,
        request: &[u8],
    ) -> io::Result<Self> {
        let stream = std::net::TcpStream::connect(options.target)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry()
            .register(&mut stream, Token(key), Interest::READABLE)?;
        stream.write_all(request)?;
        Ok(Self {
            stream,
            asked_ns: now_ns(),
            answer: Vec::new(),
        })
    }

    fn attend(&mut self, request: &[u8], seen: &mut Seen) -> io::Result<()> {
        let mut chunk = [0; 16 << 10];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => self.answer.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
            if let Some(length) = wire::answer_length(&self.answer)
                && self.answer.len() >= length
            {
                let now = now_ns();
                seen.pages += 1;
                seen.faults += u64::from(!self.answer.starts_with(b"HTTP/1.1 200"));
                seen.times.record(now - self.asked_ns);
                self.answer.clear();
                self.asked_ns = now;
                self.stream.write_all(request)?;
            }
        }
    }
}
