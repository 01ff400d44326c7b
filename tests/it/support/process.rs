//! The real program, as a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tempfile::NamedTempFile;

use super::get::Get;
use super::patience::until;
use super::upstream::Upstream;

/// `fantail serve`; killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    address: SocketAddr,
    admin: SocketAddr,
    /// Lives as long as the process.
    _file: NamedTempFile,
}

impl Process {
    /// Serves these routes, in which `{upstream}` stands for the upstream's URL, with everything in
    /// the log and at most so many descriptors.
    pub(crate) fn serve(toml: &str, upstream: &Upstream, descriptors: usize) -> Self {
        let ports = "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n";
        let text = toml.replace("{upstream}", &format!("http://{}", upstream.address()));
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{ports}{text}")).unwrap();
        let mut child = Command::new("sh")
            .args([
                "-c",
                "ulimit -n \"$1\" && exec \"$0\" serve --log-level trace --config \"$2\"",
            ])
            .args([env!("CARGO_BIN_EXE_fantail"), &descriptors.to_string()])
            .arg(file.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let lines = BufReader::new(child.stderr.take().unwrap());
        let kept = Arc::clone(&log);
        let reader = std::thread::spawn(move || keep(lines, &kept));
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        // Complete before anything is waited for, so that a test that fails ends the program too.
        let mut program = Self {
            child,
            reader: Some(reader),
            address: nowhere,
            admin: nowhere,
            log,
            _file: file,
        };
        let ready = until("the program is ready", || {
            let text = lock(&program.log).clone();
            let is_over = matches!(program.child.try_wait(), Ok(Some(_)));
            assert!(!is_over, "the program has ended: {text}");
            let line = text
                .lines()
                .find(|line| line.contains("fantail is ready"))?;
            Some(line.to_owned())
        });
        program.address = address_in(&ready, "\"addresses\"");
        program.admin = address_in(&ready, "\"admin\"");
        program
    }

    /// Where clients come in.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where they come in by TLS.
    pub(crate) fn tls_address(&self) -> SocketAddr {
        address_in(&self.logs("fantail is ready"), "\"tls\"")
    }

    /// All that it has logged so far.
    pub(crate) fn log(&self) -> String {
        lock(&self.log).clone()
    }

    /// A number of bytes in `/proc/PID/status`.
    #[track_caller]
    pub(crate) fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let mut values = status.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = values.find(|(key, _)| *key == name).unwrap();
        let kibibytes: u64 = value.trim().trim_end_matches(" kB").parse().unwrap();
        kibibytes << 10
    }

    /// `/topics`.
    #[track_caller]
    pub(crate) fn topics(&self) -> Vec<serde_json::Value> {
        let body = Get::new("/topics").connect(self.admin).body();
        let mut answer: serde_json::Value = serde_json::from_str(&body).unwrap();
        serde_json::from_value(answer["topics"].take()).unwrap()
    }

    /// All of `/metrics`.
    #[track_caller]
    pub(crate) fn metrics(&self) -> String {
        Get::new("/metrics").connect(self.admin).body()
    }

    /// One series of `/metrics`.
    #[track_caller]
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let text = self.metrics();
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        let value = value.unwrap_or_else(|| panic!("there is no {series}"));
        value.parse().unwrap()
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The first line of the log with these words, which comes sooner or later.
    #[track_caller]
    pub(crate) fn logs(&self, words: &str) -> String {
        until("the log has the words", || {
            let log = lock(&self.log).clone();
            let line = log.lines().find(|line| line.contains(words))?;
            Some(line.to_owned())
        })
    }

    /// Ends it, and gives all that it has logged.
    pub(crate) fn into_log(mut self) -> String {
        self.end();
        lock(&self.log).clone()
    }

    fn end(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if let Some(reader) = self.reader.take() {
            drop(reader.join());
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

fn keep(mut lines: impl BufRead, log: &Mutex<String>) {
    let mut line = Vec::new();
    while lines
        .read_until(b'\n', &mut line)
        .is_ok_and(|read| read > 0)
    {
        lock(log).push_str(&String::from_utf8_lossy(&line));
        line.clear();
    }
}

/// The first address behind a word of a log line.
fn address_in(line: &str, word: &str) -> SocketAddr {
    let (_, behind) = line.split_once(word).unwrap();
    let (_, address) = behind.split_once("127.0.0.1:").unwrap();
    let port: String = address.chars().take_while(char::is_ascii_digit).collect();
    SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()))
}

fn lock(log: &Mutex<String>) -> std::sync::MutexGuard<'_, String> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}
