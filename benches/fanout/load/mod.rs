//! The clients: tens of thousands of streams on one thread, every event of each checked.
//!
//! Phases: connect all, settle, perhaps be cut off and come back, measure. The ends of the first and
//! of the last one are JSON lines on stdout. After
//! the last one the streams are read on until stdin closes, so that the server can be looked at
//! with everyone still connected.

mod chunks;
mod client;
mod crowd;
mod frame;
mod h2;
mod hpack;
mod link;
mod storm;
mod stream;
mod tally;
mod tls;

use std::io::{self, ErrorKind};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use serde_json::{Value, json};

use crate::accounting::Scheduled;
use crate::cli::LoadOptions;
use crate::clock::{Deadline, now_ns, seconds_ns};
use crowd::Crowd;

const STDIN: Token = Token(usize::MAX);

/// Few enough that the end of a phase is seen within milliseconds under full load.
const EVENTS_PER_POLL: usize = 512;

/// Time limit on waiting for stdin to close: the orchestrator needs well under a second.
const FAREWELL_SECONDS: f64 = 30.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connect,
    Settle,
    Return,
    Measure,
    Farewell,
}

#[derive(Debug)]
struct Window {
    start_ns: u64,
    load: Scheduled,
    server: Scheduled,
}

impl Window {
    fn open(server: u32) -> io::Result<Self> {
        Ok(Self {
            load: Scheduled::of(std::process::id())?,
            server: Scheduled::of(server)?,
            start_ns: now_ns(),
        })
    }

    fn until_now(&self, server: u32) -> io::Result<Value> {
        let now = Self::open(server)?;
        Ok(json!({
            "seconds": (now.start_ns - self.start_ns) as f64 / 1e9,
            "server": now.server.since(self.server).to_json(),
            "load": now.load.since(self.load).to_json(),
        }))
    }
}

#[derive(Debug)]
struct Load<'a> {
    options: &'a LoadOptions,
    poll: Poll,
    crowd: Crowd<'a>,
    phase: Phase,
    deadline: Deadline,
    /// When the slow clients read again.
    next_sip: Deadline,
    window: Window,
    /// What coming back took.
    resumed: Value,
}

/// Tells the orchestrator too what it has failed of, in a line of its own.
pub(crate) fn run(options: &LoadOptions) -> io::Result<()> {
    let done = if options.storm {
        storm::run(options)
    } else {
        run_phases(options)
    };
    if let Err(error) = &done {
        println!("{}", json!({ "failed": error.to_string() }));
    }
    done
}

fn run_phases(options: &LoadOptions) -> io::Result<()> {
    let poll = Poll::new()?;
    poll.registry()
        .register(&mut SourceFd(&0), STDIN, Interest::READABLE)?;
    let mut load = Load {
        options,
        poll,
        crowd: Crowd::new(options)?,
        phase: Phase::Connect,
        deadline: Deadline::after(options.connect_limit),
        next_sip: Deadline::after(crowd::SIP_SECONDS),
        window: Window::open(options.watch)?,
        resumed: Value::Null,
    };
    let mut events = Events::with_capacity(EVENTS_PER_POLL);
    loop {
        if matches!(load.phase, Phase::Connect | Phase::Return) {
            load.crowd.connect_more(load.poll.registry())?;
        }
        let patience = load.patience();
        match load.poll.poll(&mut events, Some(patience)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        for event in &events {
            if event.token() == STDIN {
                return Ok(());
            }
            load.crowd.attend(event);
        }
        load.sip_if_due();
        if !load.next_phase()? {
            return Ok(());
        }
    }
}

impl Load<'_> {
    /// Until something is to be done although nothing comes.
    fn patience(&self) -> Duration {
        let left = self.deadline.left();
        if self.options.slow > 0 {
            left.min(self.next_sip.left())
        } else {
            left
        }
    }

    fn sip_if_due(&mut self) {
        if self.options.slow > 0 && self.next_sip.passed() {
            self.crowd.sip();
            self.next_sip = Deadline::after(crowd::SIP_SECONDS);
        }
    }

    /// Moves on if the phase is over; `false` at the very end.
    fn next_phase(&mut self) -> io::Result<bool> {
        match self.phase {
            Phase::Connect if self.crowd.all_connected() => {
                let mut connected = self.window.until_now(self.options.watch)?;
                connected["phase"] = json!("connected");
                println!("{connected}");
                self.enter(Phase::Settle, self.options.settle);
            }
            Phase::Connect | Phase::Return if self.deadline.passed() => {
                return Err(io::Error::other(format!(
                    "not all clients connected in time: {}",
                    self.crowd.describe()
                )));
            }
            Phase::Settle if self.deadline.passed() && self.options.cut => {
                self.window = Window::open(self.options.watch)?;
                self.crowd.cut_off();
                self.enter(Phase::Return, self.options.connect_limit);
            }
            Phase::Return if self.crowd.has_caught_up() => {
                self.resumed = self.window.until_now(self.options.watch)?;
                self.start_window()?;
            }
            Phase::Settle if self.deadline.passed() => self.start_window()?,
            Phase::Measure if self.deadline.passed() => {
                self.report()?;
                self.enter(Phase::Farewell, FAREWELL_SECONDS);
            }
            Phase::Farewell if self.deadline.passed() => return Ok(false),
            _ => {}
        }
        Ok(true)
    }

    fn start_window(&mut self) -> io::Result<()> {
        self.crowd.start_window();
        self.window = Window::open(self.options.watch)?;
        self.enter(Phase::Measure, self.options.measure);
        Ok(())
    }

    fn enter(&mut self, phase: Phase, seconds: f64) {
        self.phase = phase;
        self.deadline = Deadline::at(now_ns() + seconds_ns(seconds));
    }

    fn report(&mut self) -> io::Result<()> {
        let mut report = self.window.until_now(self.options.watch)?;
        let figures = self.crowd.tally();
        report["phase"] = json!("result");
        report["clients"] = json!(self.options.clients);
        report["stalled"] = json!(self.options.stalled);
        report["window"] = figures.window_json();
        report["whole_run"] = figures.whole_run_json();
        report["slow"] = self.crowd.slow_tally().whole_run_json();
        report["resumed"] = self.resumed.take();
        println!("{report}");
        Ok(())
    }
}
