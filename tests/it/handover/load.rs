//! Twenty restarts while clients come in as fast as they can.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, spawn};

use socket2::{Domain, Socket, Type};

use super::{PORTS, config, launch};
use crate::support::{Get, Upstream, descriptors_of, eventually, lock, patience, wait_for_end};

const RESTARTS: usize = 20;
const CALLERS: u8 = 4;

/// What became of connections: the status, or what went wrong before it.
type Tally = BTreeMap<String, usize>;

/// Threads that connect, ask for the stream, read the answer's head and leave, over and over.
struct Crowd {
    tally: Arc<Mutex<Tally>>,
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Crowd {
    fn call(address: SocketAddr) -> Self {
        let mut crowd = Self {
            tally: Arc::default(),
            is_over: Arc::default(),
            threads: Vec::new(),
        };
        for number in 0..CALLERS {
            let (tally, is_over) = (Arc::clone(&crowd.tally), Arc::clone(&crowd.is_over));
            // Each from an address of its own, for there are not ports enough on one.
            let from = SocketAddr::from(([127, 0, 1, number + 1], 0));
            crowd.threads.push(spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let outcome = ask(from, address);
                    *lock(&tally).entry(outcome).or_default() += 1;
                }
            }));
        }
        crowd
    }

    fn answered(&self) -> usize {
        lock(&self.tally).values().sum()
    }

    fn leave(self) -> Tally {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        lock(&self.tally).clone()
    }
}

fn ask(from: SocketAddr, address: SocketAddr) -> String {
    let attempt = || {
        let mut socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&from.into())?;
        socket.connect(&address.into())?;
        socket.set_read_timeout(Some(patience()))?;
        let get = Get::new("/events").header("Accept", "text/event-stream");
        socket.write_all(get.bytes().as_bytes())?;
        let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            match socket.read(&mut buffer)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                read => head.extend_from_slice(&buffer[..read]),
            }
        }
        Ok(String::from_utf8_lossy(&head[9..12]).into_owned())
    };
    attempt().unwrap_or_else(|error: std::io::Error| error.to_string())
}

#[test]
fn twenty_restarts_under_load_refuse_nobody_and_leave_nothing_behind() {
    let upstream = Upstream::live();
    let mut program = launch(&config(&upstream, PORTS));
    let descriptors = descriptors_of(program.id());
    let crowd = Crowd::call(program.address());
    for _ in 0..RESTARTS {
        let (old, before) = (program.id(), crowd.answered());
        program.restart();
        eventually("the new process answers", || crowd.answered() > before + 50);
        wait_for_end(old);
    }
    let tally = crowd.leave();
    assert_eq!(tally.keys().collect::<Vec<_>>(), ["200"], "{tally:?}");
    assert!(tally["200"] >= 50 * RESTARTS, "{tally:?}");
    assert!(program.exit().success());
    eventually("no descriptor is left behind", || {
        descriptors_of(program.id()) <= descriptors
    });
}
