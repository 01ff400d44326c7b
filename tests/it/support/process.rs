//! The real program, as a process of its own, and the processes that take over from it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use super::get::Get;
use super::patience::{eventually, until};
use super::upstream::Upstream;

/// `fantail serve`; killed when it is dropped, with all that it has started.
pub(crate) struct Process {
    child: Child,
    /// It, or the one that has taken over last.
    serving: u32,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    address: SocketAddr,
    admin: SocketAddr,
    /// Lives as long as the process.
    folder: TempDir,
}

impl Process {
    /// Serves these routes, in which `{upstream}` stands for the upstream's URL, with everything in
    /// the log and at most so many descriptors.
    pub(crate) fn serve(toml: &str, upstream: &Upstream, descriptors: usize) -> Self {
        let server = "[server]\nlisten = [\"127.0.0.1:0\"]\n";
        let server = if toml.contains("[server]") {
            ""
        } else {
            server
        };
        let ports = format!("{server}[admin]\nlisten = \"127.0.0.1:0\"\n");
        let text = toml.replace("{upstream}", &format!("http://{}", upstream.address()));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("fantail.toml");
        std::fs::write(&file, format!("{ports}{text}")).unwrap();
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                "ulimit -n \"$1\" && exec \"$0\" serve --log-level trace --config \"$2\"",
            ])
            .args([env!("CARGO_BIN_EXE_fantail"), &descriptors.to_string()])
            .arg(file);
        Self::start(command, folder)
    }

    /// What this command starts, once it is ready. The folder lives as long.
    pub(crate) fn start(mut command: Command, folder: TempDir) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Of its own, so that whatever it starts can be ended with it.
            .process_group(0)
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let lines = BufReader::new(child.stderr.take().unwrap());
        let kept = Arc::clone(&log);
        let reader = std::thread::spawn(move || keep(lines, &kept));
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        // Complete before anything is waited for, so that a test that fails ends the program too.
        let mut program = Self {
            serving: child.id(),
            child,
            reader: Some(reader),
            address: nowhere,
            admin: nowhere,
            log,
            folder,
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
        program.address = address_in(&ready, "\"addresses\"").unwrap_or(nowhere);
        program.admin = address_in(&ready, "\"admin\"").unwrap_or(nowhere);
        program
    }

    /// Where clients come in.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where they come in by TLS.
    pub(crate) fn tls_address(&self) -> SocketAddr {
        address_in(&self.logs("fantail is ready"), "\"tls\":\"[").unwrap()
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

    /// Where operators come in.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin
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

    /// The process id of the one that serves.
    pub(crate) fn id(&self) -> u32 {
        self.serving
    }

    /// A file beside the configuration.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Signals the one that serves.
    pub(crate) fn signal(&self, signal: Signal) {
        signal_to(self.serving, signal);
    }

    /// Asks for a new process, and waits until it has taken over.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        let words = "the new process has taken over";
        let before = self.count(words);
        self.signal(Signal::USR2);
        let line = until("a new process takes over", || {
            let log = self.log();
            let mut lines = log.lines().filter(|line| line.contains(words));
            Some(lines.nth(before)?.to_owned())
        });
        self.serving = pid_in(&line);
    }

    /// How many lines of the log have these words.
    pub(crate) fn count(&self, words: &str) -> usize {
        let log = self.log();
        log.lines().filter(|line| line.contains(words)).count()
    }

    /// The exit of the first process, which comes sooner or later.
    #[track_caller]
    pub(crate) fn exit(&mut self) -> ExitStatus {
        until("the program ends", || self.child.try_wait().unwrap())
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
        let group = kill_process_group(pid(self.child.id()), Signal::KILL);
        drop(group.map_err(std::io::Error::from));
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
fn address_in(line: &str, word: &str) -> Option<SocketAddr> {
    let (_, behind) = line.split_once(word)?;
    let (_, address) = behind.split_once("127.0.0.1:")?;
    let port: String = address.chars().take_while(char::is_ascii_digit).collect();
    Some(SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap())))
}

/// The process that a log line names.
#[track_caller]
pub(crate) fn pid_in(line: &str) -> u32 {
    let (_, behind) = line.split_once("\"pid\":").unwrap();
    let digits: String = behind.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

/// Waits until the process is no more, or is a zombie whom nobody has looked at yet.
#[track_caller]
pub(crate) fn wait_for_end(process: u32) {
    eventually("the process ends", || {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        stat.rsplit_once(") ")
            .is_none_or(|(_, rest)| rest.starts_with('Z'))
    });
}

/// The descriptors that a process has open.
pub(crate) fn descriptors_of(process: u32) -> usize {
    let folder = PathBuf::from(format!("/proc/{process}/fd"));
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

/// Signals any of them.
#[track_caller]
pub(crate) fn signal_to(process: u32, signal: Signal) {
    kill_process(pid(process), signal).unwrap();
}

fn pid(process: u32) -> Pid {
    Pid::from_raw(process.try_into().unwrap()).unwrap()
}

fn lock(log: &Mutex<String>) -> std::sync::MutexGuard<'_, String> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}
