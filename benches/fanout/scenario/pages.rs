//! Ordinary requests passed through, beside nginx in front of the same site: with `proxy_pass` and
//! nothing else, and told to keep its connections.

use std::io;
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::cli::Options;
use crate::clock::Deadline;
use crate::net;
use crate::process::{LOAD_CORE, Running, SERVER_CORE};
use crate::report::{Bar, Figure, Report, Rounds};
use crate::server;

const NGINX: &str = "/usr/sbin/nginx";

const START_SECONDS: f64 = 20.0;

/// Who is measured.
#[derive(Clone, Copy)]
enum Proxy {
    Fantail,
    /// A connection to the site for each request, as `proxy_pass` does it.
    Nginx,
    /// Kept connections, as Fantail does it.
    NginxKept,
}

const PROXIES: [Proxy; 3] = [Proxy::Fantail, Proxy::Nginx, Proxy::NginxKept];

pub(super) fn run(
    connections: usize,
    page_bytes: usize,
    options: &Options,
    report: &mut Report,
) -> io::Result<()> {
    let scenario = format!("pages {connections} × {page_bytes} B");
    let mut outcomes = PROXIES.map(|_| Vec::new());
    for round in 0..options.rounds {
        for turn in 0..PROXIES.len() {
            let place = (round + turn) % PROXIES.len();
            let proxy = PROXIES[place];
            let name = proxy.name();
            eprintln!(
                "{scenario}: round {} of {}, {name}",
                round + 1,
                options.rounds
            );
            let outcome = trial(proxy, connections, page_bytes, options)?;
            report.keep_trial(&scenario, &outcome);
            outcomes[place].push(outcome);
        }
    }
    judge(&scenario, &outcomes, report);
    Ok(())
}

fn judge(scenario: &str, outcomes: &[Vec<Value>; 3], report: &mut Report) {
    let cpu = |o: &Value| number(o, "/server/on_cpu_ns");
    let figures: [(_, _, Of<'_>); 5] = [
        ("CPU per request, µs", Some(Bar::TimesAtMost(1.3)), &|o| {
            cpu(o) / 1e3 / number(o, "/pages")
        }),
        ("requests per second", None, &|o| {
            number(o, "/pages") / number(o, "/seconds")
        }),
        ("p99, µs", None, &|o| number(o, "/latency_us/p99")),
        ("server CPU, %", None, &|o| {
            cpu(o) / 1e7 / number(o, "/seconds")
        }),
        ("faults", Some(Bar::AtMost(0.0)), &|o| number(o, "/faults")),
    ];
    let [fantail, peers @ ..] = outcomes;
    for (name, bar, of) in figures {
        let rounds = |all: &[Value]| Rounds(all.iter().map(of).collect());
        for (peer, all) in PROXIES.iter().skip(1).zip(peers) {
            report.add(Figure {
                scenario: scenario.to_owned(),
                name: name.to_owned(),
                measured: (Proxy::Fantail.name().to_owned(), rounds(fantail)),
                beside: vec![(peer.name().to_owned(), rounds(all))],
                bar,
                point: None,
            });
        }
    }
}

/// What is drawn from an outcome.
type Of<'a> = &'a dyn Fn(&Value) -> f64;

fn number(outcome: &Value, at: &str) -> f64 {
    let found = outcome.pointer(at).and_then(Value::as_f64);
    found.unwrap_or(f64::NAN)
}

fn trial(
    proxy: Proxy,
    connections: usize,
    page_bytes: usize,
    options: &Options,
) -> io::Result<Value> {
    let site = net::free_address()?;
    let arguments = [
        "site".to_owned(),
        format!("--listen={site}"),
        format!("--page-bytes={page_bytes}"),
    ];
    let mut site_process = Running::role(LOAD_CORE, &arguments)?;
    site_process.wait_until(Deadline::after(START_SECONDS), || net::accepts(site))?;
    let listen = net::free_address()?;
    let (mut process, _files) = proxy.start(listen, site)?;
    process.wait_until(Deadline::after(START_SECONDS), || net::accepts(listen))?;
    let arguments = [
        "visit".to_owned(),
        format!("--target={listen}"),
        format!("--connections={connections}"),
        format!("--watch={}", process.pid()),
        format!("--settle={}", options.warmup),
        format!("--measure={}", options.window),
    ];
    let visitors = Running::role(LOAD_CORE, &arguments)?;
    let limit = Deadline::after(options.warmup + options.window + START_SECONDS);
    let mut json: Value = serde_json::from_str(&visitors.next_line(limit)?)?;
    json["name"] = json!(proxy.name());
    json["version"] = proxy.version();
    Ok(json)
}

/// A folder that is gone with its owner.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // In the machine's own folder for such files: one that stays harms nobody.
        std::fs::remove_dir_all(&self.0).ok();
    }
}

impl Proxy {
    fn name(self) -> &'static str {
        match self {
            Self::Fantail => "fantail",
            Self::Nginx => "nginx",
            Self::NginxKept => "nginx, kept",
        }
    }

    /// Fantail's stands in every report.
    fn version(self) -> Value {
        let nginx = || Command::new(NGINX).arg("-v").output().ok();
        let said = match self {
            Self::Fantail => None,
            Self::Nginx | Self::NginxKept => nginx().map(|output| output.stderr),
        };
        said.map_or(Value::Null, |said| {
            let said = String::from_utf8_lossy(&said);
            json!(said.trim().trim_start_matches("nginx version: "))
        })
    }

    fn start(self, listen: SocketAddrV4, site: SocketAddrV4) -> io::Result<(Running, Folder)> {
        let name = format!("fantail-bench-pages-{}", listen.port());
        let folder = Folder(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&folder.0)?;
        let path = folder.0.display().to_string();
        let command = match self {
            Self::Fantail => vec![
                server::program(),
                "serve".to_owned(),
                format!("--upstream=http://{site}"),
                format!("--listen={listen}"),
                format!("--admin={}", net::free_address()?),
            ],
            Self::Nginx | Self::NginxKept => {
                let is_kept = matches!(self, Self::NginxKept);
                let text = nginx(listen, site, &path, is_kept);
                std::fs::write(folder.0.join("nginx.conf"), text)?;
                let file = format!("{path}/nginx.conf");
                [NGINX, "-p", &path, "-c", &file]
                    .map(str::to_owned)
                    .to_vec()
            }
        };
        Ok((Running::start(SERVER_CORE, &command)?, folder))
    }
}

/// As somebody who knows nginx would write it, with the headers that Fantail adds too. One process,
/// so that its CPU time is all there is.
fn nginx(listen: SocketAddrV4, site: SocketAddrV4, folder: &str, is_kept: bool) -> String {
    let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {folder}/{name};"))
        .concat();
    let (pool, keep) = if is_kept {
        (
            "keepalive 128; keepalive_requests 1000000000;",
            "proxy_http_version 1.1; proxy_set_header Connection \"\";",
        )
    } else {
        ("", "")
    };
    format!(
        "daemon off; master_process off; pid {folder}/pid; error_log stderr;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off; {temp} keepalive_requests 1000000000;\n\
         upstream site {{ server {site}; {pool} }}\n\
         server {{ listen {listen}; location / {{ proxy_pass http://site; {keep}\n\
         proxy_set_header Host $host;\n\
         proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n\
         proxy_set_header X-Forwarded-Host $host;\n\
         proxy_set_header X-Forwarded-Proto $scheme; }} }} }}\n"
    )
}
