//! Which visits are made, and in what order.
//!
//! Invariants: a visit is made only if a finding needs it; at most three streams are open at once,
//! unless `--workers` asks for more; the whole takes no longer than a few times `--for`.

use std::sync::Arc;
use std::time::Duration;

use http::header::{self, COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use http::{Method, Uri};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::ask::{Ask, join_cookies};
use super::findings::is_suspect;
use super::inspect::inspect;
use super::observation::{Crowd, End, Head, Observation, Resumed, Visit, Workers};
use super::probe::{Errand, headers};
use super::reading::Reading;

/// Of the first visit; all others keep less.
const KEEP_BYTES: usize = 4 << 20;
const KEEP_LATER_BYTES: usize = 512 << 10;
/// So long a head is waited for at least, however short the look: a busy server is not a broken one.
const HEAD: Duration = Duration::from_secs(2);
/// How long the later visits look at most: they compare, the first one watches.
const LATER: Duration = Duration::from_secs(3);
/// So much later the second of two equal visitors comes: the first has the session by then.
const STEP: Duration = Duration::from_millis(60);
/// An origin that no endpoint can know; `.example` is reserved.
pub(super) const ORIGIN: &str = "https://page.example";

static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Makes all visits.
pub(super) async fn observe(ask: &Ask) -> Observation {
    let errand = first(ask);
    let mut seen = Observation {
        url: ask.text.clone(),
        ca: ask.ca.as_ref().map(|(path, _)| path.clone()),
        looked: ask.look,
        credentials: ask.credentials(),
        first: errand.run().await,
        ..Observation::default()
    };
    seen.inspection = Box::pin(inspect(&errand, &seen.first)).await;
    if !seen.first.is_stream() {
        return seen;
    }
    seen.longer = longer(ask, &seen.first).await;
    let (crowd, foreign, preflight) = (crowd(ask, &seen.first), foreign(ask), preflight(ask));
    seen.crowd = Some(Box::pin(crowd).await);
    seen.resumed = resume(ask, &seen.first).await;
    let (foreign, preflight) = tokio::join!(foreign.run(), preflight.run());
    (seen.foreign, seen.preflight) = (Some(foreign), Some(preflight));
    if ask.workers > 0 {
        seen.workers = Some(workers(ask).await);
    }
    seen
}

/// As Fantail asks, so that the body can be read: not compressed.
fn first(ask: &Ask) -> Errand {
    Errand {
        method: Method::GET,
        url: ask.url.clone(),
        given: ask.sent.clone(),
        own: headers(&[
            (header::ACCEPT, "text/event-stream"),
            (header::ACCEPT_ENCODING, "identity"),
            (header::CACHE_CONTROL, "no-cache"),
            (
                header::USER_AGENT,
                concat!("fantail-doctor/", env!("CARGO_PKG_VERSION")),
            ),
        ]),
        tls: ask.ca.as_ref().map(|(_, client)| Arc::clone(client)),
        head: ask.look.max(HEAD),
        look: ask.look,
        keep: KEEP_BYTES,
        bursts: None,
    }
}

/// So much longer than the first the longer look may take, and so long at most.
const LONGER: u32 = 4;
const LONGEST: Duration = Duration::from_secs(120);
/// So many full buffers are enough to be compared.
const BURSTS: usize = 3;

/// Looks until there is enough of what comes together, if that could be a buffer.
async fn longer(ask: &Ask, first: &Visit) -> Option<Visit> {
    let head = first.head.as_ref()?.after;
    let is_open = first.end == End::Left;
    if !is_open || first.coding().is_some() || !is_suspect(&Reading::of(first), head) {
        return None;
    }
    let errand = Errand {
        look: ask.look.saturating_mul(LONGER).min(LONGEST.max(ask.look)),
        bursts: Some(BURSTS),
        ..later(ask)
    };
    Some(errand.run().await)
}

fn later(ask: &Ask) -> Errand {
    Errand {
        look: ask.look.min(LATER),
        keep: KEEP_LATER_BYTES,
        ..first(ask)
    }
}

/// Two that are the same visitor, and one that is a stranger.
async fn crowd(ask: &Ask, first: &Visit) -> Crowd {
    let mut same = later(ask);
    for cookie in first
        .head
        .iter()
        .flat_map(|head| head.headers.get_all(SET_COOKIE))
    {
        add_cookie(&mut same.given, cookie);
    }
    let mut stranger = later(ask);
    stranger.given = HeaderMap::new();
    let second = async {
        tokio::time::sleep(STEP).await;
        same.run().await
    };
    let third = async {
        tokio::time::sleep(STEP).await;
        stranger.run().await
    };
    let (one, two, stranger) = tokio::join!(same.run(), second, third);
    Crowd {
        cookie: same.given.contains_key(COOKIE),
        one,
        two,
        stranger,
    }
}

/// Adds what a browser would send back of a `Set-Cookie`.
fn add_cookie(headers: &mut HeaderMap, set: &HeaderValue) {
    let pair = set
        .as_bytes()
        .split(|b| *b == b';')
        .next()
        .unwrap_or_default();
    let all = join_cookies(headers.get(COOKIE), pair.trim_ascii());
    if let Ok(mut value) = HeaderValue::from_bytes(&all) {
        value.set_sensitive(true);
        headers.insert(COOKIE, value);
    }
}

/// Comes back with the id of the last event but one, because then it is known what must follow.
async fn resume(ask: &Ask, first: &Visit) -> Option<Resumed> {
    let events = Reading::of(first).events;
    let place = events.len().saturating_sub(2);
    let (_, event) = events.get(place)?;
    let id = event
        .id
        .as_ref()
        .filter(|id| event.own_id && id.is_header_safe())?;
    let value = HeaderValue::from_str(id.as_str()).ok()?;
    let mut errand = later(ask);
    errand.given.insert(LAST_EVENT_ID.clone(), value);
    Some(Resumed {
        id: id.as_str().to_owned(),
        place,
        visit: errand.run().await,
    })
}

/// As a page of another origin asks in a browser, with what was given.
fn foreign(ask: &Ask) -> Errand {
    let browser = headers(&[
        (header::ACCEPT_ENCODING, "gzip, deflate, br, zstd"),
        (header::PRAGMA, "no-cache"),
        (header::ORIGIN, ORIGIN),
        (HeaderName::from_static("sec-fetch-dest"), "empty"),
        (HeaderName::from_static("sec-fetch-mode"), "cors"),
        (HeaderName::from_static("sec-fetch-site"), "cross-site"),
    ]);
    let mut errand = later(ask);
    errand.own.extend(browser);
    errand.head = errand.head.min(LATER);
    errand.look = Duration::ZERO;
    errand
}

fn preflight(ask: &Ask) -> Errand {
    let mut errand = foreign(ask);
    errand.method = Method::OPTIONS;
    errand.given = HeaderMap::new();
    errand.own.extend(headers(&[
        (header::ACCESS_CONTROL_REQUEST_METHOD, "GET"),
        (
            header::ACCESS_CONTROL_REQUEST_HEADERS,
            "cache-control,last-event-id",
        ),
    ]));
    errand
}

/// Opens as many streams as asked for and measures the front page before and while.
async fn workers(ask: &Ask) -> Workers {
    let page = page(ask);
    let before = head_time(page.run().await.head);
    let (tell, mut told) = mpsc::channel(ask.workers);
    let mut streams = JoinSet::new();
    for _ in 0..ask.workers {
        let (errand, tell) = (later(ask), tell.clone());
        streams.spawn(async move { errand.hold(tell).await });
    }
    let mut opened = 0;
    let all = async {
        for _ in 0..ask.workers {
            opened += usize::from(told.recv().await == Some(true));
        }
    };
    // Who has no answer by then is a result too.
    drop(timeout(ask.look.clamp(HEAD, LATER), all).await);
    let during = head_time(page.run().await.head);
    Workers {
        asked: ask.workers,
        opened,
        before,
        during,
    }
}

/// The front page of the site.
fn page(ask: &Ask) -> Errand {
    let mut errand = later(ask);
    let mut parts = ask.url.clone().into_parts();
    parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
    errand.url = Uri::from_parts(parts).unwrap_or_default();
    errand
        .own
        .insert(header::ACCEPT, HeaderValue::from_static("text/html"));
    errand.look = Duration::ZERO;
    errand
}

fn head_time(head: Option<Head>) -> Option<Duration> {
    head.map(|head| head.after)
}
