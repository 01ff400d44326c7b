//! A whole PHP site behind `fantail serve --upstream` alone, visited by people: pages, a login, an
//! upload, a download, and a live page.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::{BROWSERS, Fleet};
use crate::support::{Get, Group, eventually, until};

/// As many as the site has pages open at a time: the live ones need one in all.
const WORKERS: &str = "3";
const FILE_BYTES: usize = 2 << 20;
/// Of `FILE_BYTES` bytes, each of which is the lowest byte of its place.
const FILE_SHA1: &str = "3394ba403303c0784f836bdb1ee13a4bfd14e6de";

/// PHP and Fantail in front of it.
struct Site {
    address: SocketAddr,
    directory: TempDir,
    _php: Group,
    _fantail: Group,
}

// === impl Site ===

impl Site {
    fn start() -> Self {
        // Both free a moment ago.
        let held = [0; 3].map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap());
        let [php, address, admin] = held.map(|listener| listener.local_addr().unwrap());
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("php.log");
        let pages = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/site");
        // By its whole name: each script runs in its own folder, which is the site's.
        let sessions = format!("session.save_path={}", directory.path().display());
        let mut command = Command::new("php");
        command
            .args(["-d", &sessions])
            .args(["-S", &php.to_string(), "-t", pages])
            .env("PHP_CLI_SERVER_WORKERS", WORKERS)
            .env("SITE_LOG", directory.path().join("asked"))
            .current_dir(directory.path());
        let php_group = Group::start(&mut command, &log);
        eventually("PHP listens", || {
            let text = std::fs::read_to_string(&log).unwrap();
            text.contains(") started")
        });
        let log = directory.path().join("fantail.log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_fantail"));
        command
            .args(["serve", "--upstream", &format!("http://{php}")])
            .args(["--listen", &address.to_string()])
            .args(["--admin", &admin.to_string()]);
        let fantail = Group::start(&mut command, &log);
        eventually("Fantail is ready", || {
            let text = std::fs::read_to_string(&log).unwrap();
            text.contains("fantail is ready")
        });
        Self {
            address,
            directory,
            _php: php_group,
            _fantail: fantail,
        }
    }

    fn url(&self, page: &str) -> String {
        format!("http://{}/{page}", self.address)
    }

    /// How often the stream's script was asked.
    fn asked(&self) -> usize {
        let log: PathBuf = self.directory.path().join("asked");
        let text = std::fs::read_to_string(log).unwrap_or_default();
        text.lines().count()
    }
}

/// Waits for an element's text to be this.
#[track_caller]
fn shows(fleet: &mut Fleet, engine: &str, id: &str, wanted: &str) {
    let script = format!("(document.getElementById({id:?}) || {{}}).textContent || ''");
    until(&format!("{engine} shows {wanted:?}"), || {
        let text = fleet.run(engine, &script);
        (text.as_str()?.trim() == wanted).then_some(())
    });
}

/// Waits for an expression to be anything but null.
#[track_caller]
fn value(fleet: &mut Fleet, engine: &str, what: &str, script: &str) -> Value {
    until(&format!("{engine}: {what}"), || {
        let value = fleet.run(engine, script);
        (!value.is_null()).then_some(value)
    })
}

#[track_caller]
fn log_in(fleet: &mut Fleet, site: &Site, engine: &str) {
    fleet.visit(engine, &site.url(""));
    shows(fleet, engine, "hello", "Hello, stranger");
    let width = "document.getElementById('logo').naturalWidth || null";
    assert_eq!(value(fleet, engine, "the picture is there", width), 40);
    let script = format!(
        "(() => {{ const form = document.getElementById('login'); \
         form.elements.name.value = 'Anna of {engine}'; form.elements.password.value = 'secret'; \
         setTimeout(() => form.submit()); return true; }})()"
    );
    fleet.run(engine, &script);
    shows(fleet, engine, "hello", &format!("Hello, Anna of {engine}"));
}

#[track_caller]
fn upload(fleet: &mut Fleet, engine: &str) {
    let script = format!(
        "(() => {{ const bytes = Uint8Array.from({{ length: {FILE_BYTES} }}, (_, i) => i & 255); \
         const files = new DataTransfer(); files.items.add(new File([bytes], 'data.bin')); \
         const form = document.getElementById('upload'); form.elements.file.files = files.files; \
         setTimeout(() => form.submit()); return true; }})()"
    );
    fleet.run(engine, &script);
    let sent = format!("{FILE_BYTES} {FILE_SHA1} data.bin");
    shows(fleet, engine, "sent", &sent);
}

#[track_caller]
fn download(fleet: &mut Fleet, engine: &str) {
    // Kept in the page, for not every driver waits for a promise.
    let script = "(() => { window.got = null; \
                  fetch('/download.php').then((r) => r.arrayBuffer()).then((b) => { \
                  const bytes = new Uint8Array(b); \
                  window.got = [bytes.length, bytes.every((x, i) => x === (i & 255))]; }); \
                  return true; })()";
    fleet.run(engine, script);
    let got = value(fleet, engine, "the download is there", "window.got");
    assert_eq!(got, serde_json::json!([4 << 20, true]), "{engine}");
}

#[test]
#[ignore = "needs browsers and PHP: tests/run runs it"]
fn a_whole_php_site_works_and_its_live_page_is_shared() {
    let site = Site::start();
    let mut fleet = Fleet::take();
    for engine in BROWSERS {
        log_in(&mut fleet, &site, engine);
        upload(&mut fleet, engine);
        download(&mut fleet, engine);
    }
    for engine in BROWSERS {
        fleet.visit(engine, &site.url("live.php?room=1"));
        shows(
            &mut fleet,
            engine,
            "hello",
            &format!("Hello, Anna of {engine}"),
        );
        shows(&mut fleet, engine, "state", "open");
    }
    for engine in BROWSERS {
        let events = "document.querySelectorAll('#events li').length";
        eventually("ten events are there", || {
            fleet
                .run(engine, events)
                .as_u64()
                .is_some_and(|count| count >= 10)
        });
        let lines = "[...document.querySelectorAll('#events li')].map((li) => li.textContent)";
        let lines = fleet.run(engine, lines);
        for line in lines.as_array().unwrap() {
            let line = line.as_str().unwrap();
            // Its visitor is logged in, and the shared stream hears nothing of it.
            assert!(line.ends_with(" room=1 cookie=none"), "{engine}: {line}");
        }
        assert_eq!(fleet.run(engine, "errors"), 0, "{engine}");
    }
    assert_eq!(site.asked(), 1);
    // A page still finds a worker.
    assert_eq!(Get::new("/index.php").connect(site.address).status, 200);
    assert_eq!(Get::new("/missing.css").connect(site.address).status, 404);
}
