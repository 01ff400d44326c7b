//! The standard's algorithm word by word, on decoded text and the whole input: the judge of the
//! incremental parser in property tests. Without limits, and without a thought for speed.

use std::time::Duration;

use crate::event::{Event, EventId, EventName};

/// What the whole input says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) events: Vec<Event>,
    pub(super) retries: Vec<Duration>,
    pub(super) unknown: Vec<String>,
    pub(super) pending: Option<Event>,
}

#[derive(Default)]
struct Buffers {
    data: String,
    name: String,
    id: Option<String>,
    own_id: bool,
}

pub(super) fn parse(bytes: &[u8]) -> Said {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    let (lines, rest) = lines(text);
    let mut said = Said::default();
    let mut buffers = Buffers::default();
    for line in &lines {
        if line.is_empty() {
            said.events.extend(dispatch(&mut buffers));
        } else {
            process(line, &mut buffers, &mut said);
        }
    }
    if !rest.is_empty() {
        // What the last line says at once (a reconnection time) needs its end.
        let mut ignored = Said::default();
        process(&rest, &mut buffers, &mut ignored);
    }
    said.pending = dispatch(&mut buffers);
    said
}

fn lines(text: &str) -> (Vec<String>, String) {
    let (mut lines, mut line) = (Vec::new(), String::new());
    let mut after_cr = false;
    for c in text.chars() {
        match c {
            '\n' if after_cr => {}
            '\r' | '\n' => lines.push(std::mem::take(&mut line)),
            _ => line.push(c),
        }
        after_cr = c == '\r';
    }
    (lines, line)
}

fn process(line: &str, buffers: &mut Buffers, said: &mut Said) {
    if line.starts_with(':') {
        return;
    }
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    let value = value.strip_prefix(' ').unwrap_or(value);
    match name {
        "event" => buffers.name = value.to_owned(),
        "data" => buffers.data = format!("{}{value}\n", buffers.data),
        "id" if !value.contains('\0') => {
            buffers.id = Some(value.to_owned());
            buffers.own_id = true;
        }
        "retry" if value.chars().all(|c| c.is_ascii_digit()) && !value.is_empty() => {
            said.retries
                .push(Duration::from_millis(value.parse().unwrap_or(u64::MAX)));
        }
        "id" | "retry" => {}
        _ => said.unknown.push(line.to_owned()),
    }
}

fn dispatch(buffers: &mut Buffers) -> Option<Event> {
    let name = std::mem::take(&mut buffers.name).replace('\0', "\u{FFFD}");
    let data = std::mem::take(&mut buffers.data);
    let own_id = std::mem::take(&mut buffers.own_id);
    let data = data.strip_suffix('\n')?;
    Some(Event {
        id: buffers.id.as_deref().map(|id| EventId::new(id).unwrap()),
        own_id,
        name: if name == "message" {
            None
        } else {
            EventName::new(&name)
        },
        data: data.to_owned(),
    })
}
