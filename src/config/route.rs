//! `[[route]]`: from the table to a [`Route`].
//!
//! Imports the reader, the rules and the options structs of every part.

use std::time::Duration;

use http::HeaderName;

use super::check::not_above;
use super::kinds::{
    GIGA, MANY, TERA, any_time, boolean, bytes, list, number, some_time, time, word,
};
use super::read::Section;
use super::value::{Complaint, Value};
use super::{Config, Route, keyed, sharing, upstream};
use crate::delivery::OnGap;
use crate::edge::route::forwardable;
use crate::edge::template::PathTemplate;
use crate::edge::{HostRule, Mode, PassOptions, QueryRule, Share};
use crate::ingest::IdPolicy;
use crate::source::Incomplete;
use crate::{delivery, hub, ingest, source};

/// Heartbeats more often than this only cost; 0 would mean that nobody notices who has gone.
const LEAST_HEARTBEAT: Duration = Duration::from_millis(100);

/// What one `[[route]]` brought.
#[derive(Debug)]
pub(super) struct Found<'a> {
    /// The route, unless path or upstream are missing or bad.
    pub(super) route: Option<Route>,
    /// Its name, with the place that gave it.
    pub(super) name: Option<(String, Value<'a>)>,
    /// Its path.
    pub(super) path: Option<(PathTemplate, Value<'a>)>,
    /// Where its upstream is.
    pub(super) upstream: Option<Value<'a>>,
}

/// Reads one route; `config` has the limits, `base` what they say about every upstream.
pub(super) fn read<'a>(
    mut section: Section<'a>,
    config: &Config,
    base: &source::Options,
) -> Found<'a> {
    let logs = config.hub.log_bytes;
    let path = section.require("path", "\"/prices/{symbol}\"", path_template);
    let upstream = upstream::read(&mut section, path.as_ref().map(|(path, _)| path));
    let by_path = || {
        path.as_ref()
            .map(|(path, at)| (path.as_str().to_owned(), at.clone()))
    };
    let name = section.read("name", name).or_else(by_path);
    let mut mode = Mode::default();
    section.set(&mut mode, "mode", word(MODES));
    let (query, headers) = (query(&mut section), headers(&mut section));
    let sharing = sharing::read(&mut section, path.as_ref().map(|(path, _)| path), &headers);
    let mut topic = topic(&mut section, logs, sharing.share);
    let (delivery, ingest) = streams(&mut section, sharing.share, &mut topic);
    let (source, pass) = upstream_options(&mut section, upstream.options(base), logs);
    section.finish();
    let parts = path.clone().zip(upstream.template).zip(name.clone());
    let route = parts.map(|(((path, _), upstream), (name, _))| Route {
        name,
        path,
        upstream: upstream.with_rules(sharing.rules),
        mode,
        query,
        headers,
        cookies: sharing.cookies,
        share: sharing.share,
        cors: sharing.cors,
        topic,
        delivery,
        ingest,
        source,
        pass,
    });
    Found {
        route,
        name,
        path,
        upstream: upstream.at,
    }
}

const MODES: &[(&str, Mode)] = &[
    ("auto", Mode::Auto),
    ("sse", Mode::Sse),
    ("proxy", Mode::Proxy),
];
const HOSTS: &[(&str, HostRule)] = &[
    ("client", HostRule::Client),
    ("upstream", HostRule::Upstream),
];
const IDS: &[(&str, IdPolicy)] = &[
    ("preserve", IdPolicy::Preserve),
    ("gateway", IdPolicy::Gateway),
    ("upstream", IdPolicy::Upstream),
];
const ON_GAP: &[(&str, OnGap)] = &[("oldest", OnGap::Oldest), ("live", OnGap::Live)];
const ON_END: &[(&str, bool)] = &[("hold", true), ("close", false)];
const ON_ERROR: &[(&str, bool)] = &[("hold", true), ("mirror", false)];
const INCOMPLETE: &[(&str, Incomplete)] = &[
    ("auto", Incomplete::Auto),
    ("strict", Incomplete::Strict),
    ("always", Incomplete::Always),
];

fn topic(section: &mut Section<'_>, logs: usize, share: Share) -> hub::TopicOptions {
    let mut options = sharing::topics(share);
    let at = section.set(&mut options.linger, "linger", any_time());
    sharing::fits_linger(share, options.linger, at.as_ref());
    if let Some((mut replay, _)) = section.read("replay", |value| value.section("`replay`")) {
        let bounds = &mut options.replay;
        replay.set(&mut bounds.events, "events", number(1, MANY));
        let at = replay.set(&mut bounds.bytes, "bytes", bytes(1, TERA));
        not_above(at.as_ref(), bounds.bytes, "log_bytes", logs);
        replay.set(&mut bounds.age, "age", any_time());
        replay.finish();
    }
    options
}

fn streams(
    section: &mut Section<'_>,
    share: Share,
    topic: &mut hub::TopicOptions,
) -> (delivery::Options, ingest::Options) {
    let (mut down, mut up) = (delivery::Options::default(), ingest::Options::default());
    section.set(
        &mut down.heartbeat,
        "heartbeat",
        time(LEAST_HEARTBEAT, super::units::LONGEST),
    );
    section.set(
        &mut down.retry,
        "retry",
        time(Duration::from_secs(1), Duration::from_secs(60)),
    );
    section.set(&mut down.stall_timeout, "stall_timeout", some_time());
    section.set(&mut down.max_age, "max_age", any_time());
    section.set(&mut down.on_gap, "on_gap", word(ON_GAP));
    section.set(&mut down.gap_event, "gap_event", boolean);
    section.set(&mut down.poll_wait, "poll_wait", any_time());
    section.set(&mut down.poll_bytes, "poll_bytes", bytes(1, GIGA));
    up.gap_event = down.gap_event;
    up.ids = sharing::ids(share);
    let at = section.set(&mut up.ids, "ids", word(IDS));
    sharing::fits_ids(share, up.ids, at.as_ref());
    // Where ids are to be exactly the upstream's, a gap's own id would be in the way.
    down.gap_ids = up.ids != IdPolicy::Upstream;
    keyed::read(section, topic, &mut down, &mut up);
    section.set(&mut up.hold_on_end, "on_upstream_end", word(ON_END));
    section.set(&mut up.hold_on_error, "on_upstream_error", word(ON_ERROR));
    section.set(&mut up.poll_interval, "poll_interval", any_time());
    section.set(&mut up.error_hold, "error_hold", any_time());
    section.set(&mut up.upstream_max_age, "upstream_max_age", any_time());
    (down, up)
}

fn upstream_options(
    section: &mut Section<'_>,
    mut options: source::Options,
    logs: usize,
) -> (source::Options, PassOptions) {
    let mut pass = PassOptions::default();
    section.set(&mut pass.host, "host", word(HOSTS));
    if let Some((bytes, value)) = section.read("max_event", bytes(1, TERA)) {
        not_above(Some(&value), bytes, "log_bytes", logs);
        (options.event_bytes, options.line_bytes) = (bytes, bytes);
    }
    if let Some((mut table, _)) = section.read("timeouts", |value| value.section("`timeouts`")) {
        table.set(&mut options.connect_timeout, "connect", some_time());
        table.set(&mut options.tls_timeout, "tls", some_time());
        table.set(&mut options.head_timeout, "head", some_time());
        table.set(&mut options.silence, "silence", any_time());
        table.set(&mut pass.answer_timeout, "answer", some_time());
        table.finish();
    }
    section.set(
        &mut options.incomplete,
        "incomplete_event",
        word(INCOMPLETE),
    );
    section.set(&mut options.charset, "charset", charset);
    (options, pass)
}

fn query(section: &mut Section<'_>) -> QueryRule {
    let names = section
        .read("query", list(parameter))
        .map_or(Vec::new(), |(names, _)| names);
    let ignored = section.read("ignore_query", list(parameter));
    let (stars, names): (Vec<_>, Vec<_>) = names.into_iter().partition(|(name, _)| **name == *"*");
    let plain = |names: Vec<(Box<str>, _)>| names.into_iter().map(|(name, _)| name).collect();
    QueryRule {
        all: !stars.is_empty(),
        names: plain(names),
        ignored: ignored.map_or(Vec::new(), |(names, _)| plain(names)),
    }
}

fn headers(section: &mut Section<'_>) -> Vec<HeaderName> {
    let found = section
        .read("headers", list(header))
        .map_or(Vec::new(), |(names, _)| names);
    let mut headers: Vec<HeaderName> = Vec::with_capacity(found.len());
    for (name, _) in found {
        if !headers.contains(&name) {
            headers.push(name);
        }
    }
    headers
}

// === the kinds that only routes have ===

fn path_template(value: &Value<'_>) -> Result<PathTemplate, Complaint> {
    PathTemplate::parse(value.text()?).map_err(|fault| {
        Complaint::new(
            format!("`path` is {}: {fault}", value.shown()),
            "write a path such as \"/prices\", \"/prices/{symbol}\" or \"/{rest*}\"",
        )
    })
}

fn name(value: &Value<'_>) -> Result<String, Complaint> {
    let text = value.text()?;
    if text.is_empty() || text.contains(char::is_control) {
        let right = "write some visible characters, or leave `name` out: then it is the path";
        return Err(value.wrong("can not be shown", right));
    }
    Ok(text.to_owned())
}

fn parameter(value: &Value<'_>) -> Result<Box<str>, Complaint> {
    let text = value.text()?;
    if text.is_empty() {
        return Err(value.wrong(
            "names no parameter",
            "write a name, or \"*\" for all in `query`",
        ));
    }
    let any = QueryRule {
        all: true,
        ..QueryRule::default()
    };
    if !any.passes(text) {
        let right = "leave it out: it is said to Fantail and never reaches an upstream";
        return Err(value.wrong("is a parameter of Fantail's own", right));
    }
    Ok(text.into())
}

fn header(value: &Value<'_>) -> Result<HeaderName, Complaint> {
    let text = value.text()?;
    if text == "*" {
        let right = "name each header: whatever passes divides the topics";
        return Err(value.wrong("is not possible for headers", right));
    }
    let name = HeaderName::from_bytes(text.as_bytes())
        .map_err(|_| value.wrong("is no header name", "write one such as \"accept-language\""))?;
    if forwardable(&name) {
        return Ok(name);
    }
    let right = "leave it out: servers read it in different ways, or Fantail writes its own";
    Err(value.wrong("can not be passed on", right))
}

fn charset(value: &Value<'_>) -> Result<Option<&'static str>, Complaint> {
    let text = value.text()?;
    if text.is_empty() {
        return Ok(None);
    }
    let found = encoding_rs::Encoding::for_label_no_replacement(text.as_bytes());
    found.map(|encoding| Some(encoding.name())).ok_or_else(|| {
        let right = "write a label of the WHATWG Encoding standard, such as \"gbk\", \"big5\", \
                     \"windows-1252\" or \"utf-8\"";
        value.wrong("is no charset that can be read", right)
    })
}
