//! `fantail doctor URL`: what is wrong with an event stream, said to whoever wrote it.
//!
//! Layer 5, a room beside `cli` that only `main` enters: may import `sse`, `event`, `clock`,
//! `config::units` and the source's connections, redirects and TLS. Observation and judgement are
//! kept apart: [`observation`] is plain data that `stages`, `probe`, `inspect` and `rounds` fill in
//! from the network, and everything behind it is a function of that data: [`reading`] (a body as a browser reads it), [`findings`] (C01–C22), [`summary`],
//! [`route`], [`report`] and [`json`]. Invariant: every wait and every buffer is bounded, whatever
//! the other side does.

pub mod advice;
mod ask;
pub mod certificate;
pub mod finding;
pub mod findings;
mod inspect;
pub mod json;
pub mod lines;
pub mod observation;
mod probe;
pub mod reading;
pub mod report;
mod rounds;
pub mod route;
pub mod secured;
mod stages;
pub mod summary;
#[cfg(test)]
mod tests;
pub mod wrap;

use std::time::Duration;

use self::advice::Server;
use self::finding::{Code, Finding};
use self::findings::{Case, Yardstick};
use self::observation::{Observation, Stages};
use self::secured::Inspection;

pub use self::ask::{Ask, AskFault};

/// What is wrong with a stream, ready to be told.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// The URL as given.
    pub url: String,
    /// In the order of their codes.
    pub findings: Vec<Finding>,
    /// What could not be judged, and what would be needed for it.
    pub unjudged: Vec<(Code, &'static str)>,
    /// Whose fixes are shown; empty = everybody's.
    pub servers: Vec<Server>,
    /// Usable or broken.
    pub verdict: String,
    /// What a browser would do.
    pub browser: String,
    /// What a browser sees behind Fantail.
    pub fantail: String,
    /// The block to paste.
    pub route: Option<String>,
    /// How long the first visit looked.
    pub took: Duration,
    /// Events that it saw.
    pub events: usize,
    /// Bytes of body that it saw.
    pub bytes: usize,
    /// How long each stage before its request took.
    pub stages: Stages,
    /// How long it waited for the answer then.
    pub answered: Option<Duration>,
    /// What the server shows of its TLS, if it speaks it.
    pub inspection: Option<Inspection>,
}

/// Visits the URL as often as needed, and judges what was seen.
pub async fn examine(ask: &Ask) -> Diagnosis {
    let seen = Box::pin(rounds::observe(ask)).await;
    diagnose(seen, Yardstick::default(), &ask.fix)
}

/// Judges what was seen.
pub fn diagnose(seen: Observation, yardstick: Yardstick, fix: &[Server]) -> Diagnosis {
    let case = Case::new(seen, yardstick);
    let findings = findings::judge(&case);
    let servers = if fix.is_empty() {
        Server::of(&case.seen.url, &case.seen.first)
    } else {
        fix.to_vec()
    };
    Diagnosis {
        unjudged: findings::unjudged(&case),
        servers,
        verdict: summary::verdict(&findings),
        browser: summary::browser(&case),
        fantail: summary::fantail(&case, &findings),
        route: route::block(&case),
        took: case.seen.first.ended,
        events: case.body.events.len(),
        bytes: case.seen.first.body.len(),
        stages: case.seen.first.stages,
        answered: case.seen.first.head.as_ref().map(|head| head.after),
        inspection: case.seen.inspection,
        findings,
        url: case.seen.url,
    }
}

impl Diagnosis {
    /// Whether anybody gets events.
    pub fn is_usable(&self) -> bool {
        !findings::is_broken(&self.findings)
    }

    /// What is printed about it: for a program, or for whoever looks at the standard output.
    pub fn text(&self, json: bool) -> String {
        if json {
            json::text(self)
        } else {
            report::text(self, report::has_colour())
        }
    }
}
