//! What the admin listener says.

use std::net::IpAddr;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use serde_json::json;

use super::Admin;
use crate::clock;
use crate::drain::Phase;
use crate::hub::Life;

type Reply = Response<Full<Bytes>>;

const TEXT: &str = "text/plain; charset=utf-8";
const INDEX: &str = "fantail admin\n\n\
    /metrics   Prometheus text\n\
    /livez     does every delivery shard run? (?verbose lists the checks)\n\
    /readyz    does it take new clients? (?verbose lists the checks)\n\
    /topics    every topic, as JSON\n";

pub(super) fn answer(admin: &Admin, request: &Request<Incoming>) -> Reply {
    if !is_host_ours(request) {
        let words = "ask by address or as localhost: other names may be a page's trick\n";
        return reply(StatusCode::MISDIRECTED_REQUEST, TEXT, words);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return reply(
            StatusCode::METHOD_NOT_ALLOWED,
            TEXT,
            "this listener is read-only\n",
        );
    }
    let is_verbose = request
        .uri()
        .query()
        .is_some_and(|q| q.split('&').any(|p| p == "verbose"));
    match request.uri().path() {
        "/metrics" => metrics(admin),
        "/livez" => health(&alive(admin), is_verbose),
        "/readyz" | "/healthz" => health(&ready(admin), is_verbose),
        "/topics" => topics(admin),
        "/" => reply(StatusCode::OK, TEXT, INDEX),
        _ => reply(
            StatusCode::NOT_FOUND,
            TEXT,
            format!("no such address\n\n{INDEX}"),
        ),
    }
}

/// A page in somebody's browser can make a name of its own point here (DNS rebinding), but not an
/// address or `localhost`.
fn is_host_ours(request: &Request<Incoming>) -> bool {
    let Some(host) = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok())
    else {
        return true;
    };
    let Ok(authority) = host.parse::<http::uri::Authority>() else {
        return false;
    };
    let name = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

fn metrics(admin: &Admin) -> Reply {
    let number = |bytes: usize| i64::try_from(bytes).unwrap_or(i64::MAX);
    let metrics = &admin.metrics;
    metrics
        .buffered_log_bytes
        .set(number(admin.hub.log_bytes()));
    metrics
        .buffered_log_limit
        .set(number(admin.hub.log_limit()));
    reply(
        StatusCode::OK,
        "text/plain; version=0.0.4; charset=utf-8",
        metrics.render(),
    )
}

type Checks = Vec<(&'static str, bool)>;

fn alive(admin: &Admin) -> Checks {
    // That this is answered shows that the runtime runs.
    vec![
        ("runtime", true),
        ("shards", (admin.shards_alive)(clock::now())),
    ]
}

fn ready(admin: &Admin) -> Checks {
    let mut checks = alive(admin);
    checks.push(("running", admin.drain.phase() == Phase::Running));
    checks.push(("memory", !admin.overload.is_critical()));
    checks
}

fn health(checks: &Checks, is_verbose: bool) -> Reply {
    let is_good = checks.iter().all(|(_, is_good)| *is_good);
    let mut text = String::new();
    for (name, is_good) in checks.iter().filter(|_| is_verbose) {
        let word = if *is_good { "ok" } else { "failed" };
        text.extend([name, ": ", word, "\n"]);
    }
    let (status, word) = if is_good {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ok\n")
    };
    text.push_str(word);
    reply(status, TEXT, text)
}

fn topics(admin: &Admin) -> Reply {
    let views = admin.hub.topics(clock::now());
    let list: Vec<_> = views
        .iter()
        .map(|view| {
            json!({
                "route": &*view.route,
                "topic": view.topic,
                "state": life(view.life),
                "feed": view.feed.label(),
                "subscribers": view.subscribers,
                "frames_kept": view.frames,
                "bytes_kept": view.bytes,
                "frames_appended": view.appended,
                "seconds": view.seconds,
                "last_error": view.last_error,
            })
        })
        .collect();
    let body = json!({ "topics": list }).to_string();
    reply(StatusCode::OK, "application/json", body)
}

fn life(life: Life) -> &'static str {
    // A cold topic is still listed while its upstream's last word is remembered.
    life.label()
        .map_or("cold", crate::metrics::TopicState::label)
}

fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
