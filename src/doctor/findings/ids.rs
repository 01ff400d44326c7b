//! C16, C17: what a client remembers, and whether the server knows what to do with it.

use std::collections::HashMap;

use super::Case;
use crate::doctor::advice;
use crate::doctor::finding::{Code, Finding, count, shown};
use crate::doctor::reading::Reading;
use crate::event::{Event, EventId};

const SHOWN_ID: usize = 40;

/// C16.
pub(super) fn ids(case: &Case) -> Option<Finding> {
    if !case.is_readable() {
        return None;
    }
    let own: Vec<&Event> = events(&case.body).filter(|event| event.own_id).collect();
    let trouble = case.body.lines.bad_retry.as_ref().map(|value| {
        let browser = "ignores it and comes back after 3 s (Firefox 5 s)";
        (
            format!("`retry: {value}` is no number of milliseconds"),
            browser,
        )
    });
    let trouble = trouble
        .or_else(|| odd(&own))
        .or_else(|| repeated(&own))
        .or_else(|| falling(&own));
    if let Some((saw, browser)) = trouble {
        let finding = Finding::warning(Code::Ids, saw)
            .browser(browser)
            .fantail("gives such an event an id of its own, so that its clients resume");
        return Some(finding.fixes(advice::IDS));
    }
    let all = case.body.events.len();
    match own.len() {
        _ if all == 0 => None,
        0 => Some(
            Finding::note(Code::Ids, "no ids")
                .browser("can not say what it has missed when it comes back")
                .fantail("fills in ids of its own: its clients get exactly the rest")
                .fixes(advice::IDS),
        ),
        with => Some(Finding::ok(
            Code::Ids,
            format!("{with} of {} with an id", count(all, "event")),
        )),
    }
}

type Trouble = (String, &'static str);

fn odd(own: &[&Event]) -> Option<Trouble> {
    let id = own.iter().filter_map(|event| event.id.as_ref());
    let odd = id
        .filter(|id| !id.is_empty())
        .find(|id| !id.is_header_safe())?;
    let saw = format!(
        "an id that not every client gives back: {}",
        shown(odd.as_str(), SHOWN_ID)
    );
    Some((
        saw,
        "gives it back changed, or a library of another language stops",
    ))
}

fn repeated(own: &[&Event]) -> Option<Trouble> {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    let twice = own.iter().find_map(|event| {
        let id = event.id.as_ref().filter(|id| !id.is_empty())?;
        let before = seen.insert(id.as_str(), &event.data)?;
        (before != event.data).then_some(id)
    })?;
    let saw = format!("two events with the id {}", shown(twice.as_str(), SHOWN_ID));
    Some((saw, "comes back with an id that means two places"))
}

fn falling(own: &[&Event]) -> Option<Trouble> {
    let number = |id: &EventId| id.as_str().parse::<u64>().ok();
    let numbers: Vec<u64> = own
        .iter()
        .filter_map(|e| e.id.as_ref().and_then(number))
        .collect();
    let (a, b) = numbers
        .iter()
        .zip(numbers.iter().skip(1))
        .find(|(a, b)| b < a)?;
    Some((
        format!("ids go backwards: {a}, then {b}"),
        "does not mind, but the server may",
    ))
}

/// C17.
pub(super) fn resume(case: &Case) -> Option<Finding> {
    let resumed = case.seen.resumed.as_ref()?;
    let again = Reading::of(&resumed.visit);
    let (_, first) = again.events.first()?;
    let before: Vec<&Event> = events(&case.body).collect();
    let place = before.iter().position(|event| event.id == first.id);
    let id = shown(&resumed.id, SHOWN_ID);
    let is_last = before.len() <= resumed.place + 1;
    let (saw, browser) = match place {
        Some(place) if place == resumed.place + 1 => {
            return Some(Finding::ok(
                Code::Resume,
                format!("goes on behind Last-Event-ID: {id}"),
            ));
        }
        // What comes behind the newest one is not known.
        None if is_last => {
            return Some(Finding::ok(
                Code::Resume,
                format!("does not repeat Last-Event-ID: {id}"),
            ));
        }
        Some(place) => {
            let repeats = count((resumed.place + 1).saturating_sub(place), "event");
            let saw = format!("ignores Last-Event-ID: {id}, sends {repeats} again");
            (saw, "gets events twice when it comes back")
        }
        None => {
            let saw = format!("ignores Last-Event-ID: {id}, what came after it is lost");
            (saw, "loses what happens while it is away, 3 s at least")
        }
    };
    let finding = Finding::warning(Code::Resume, saw)
        .browser(browser)
        .fantail(
            "resumes its clients from memory; only what came while it was away itself is lost",
        );
    Some(finding.fixes(advice::RESUME))
}

fn events(body: &Reading) -> impl Iterator<Item = &Event> {
    body.events.iter().map(|(_, event)| event)
}
