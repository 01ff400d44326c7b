//! A php-fpm of two workers, on a TCP port or on a Unix socket, that runs `tests/backends`.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantail::clock;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use super::patience::until;

/// Longer than an idle pool takes.
const STOPPING: Duration = Duration::from_secs(5);

/// Told to stop when it is dropped, and waited for; killed as a group if it does not.
pub(crate) struct Fpm {
    child: Child,
    /// `fastcgi://…`, to which a script's path is added.
    pub(crate) url: String,
    folder: TempDir,
}

impl Fpm {
    pub(crate) fn tcp() -> Self {
        // Free a moment ago; whoever takes it in between makes php-fpm say so.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let folder = TempDir::new().unwrap();
        let mut fpm = Self::start(folder, &address.to_string(), format!("fastcgi://{address}"));
        fpm.wait(|| TcpStream::connect(address).is_ok());
        fpm
    }

    pub(crate) fn unix() -> Self {
        let folder = TempDir::new().unwrap();
        let socket = folder.path().join("fpm.sock").display().to_string();
        let mut fpm = Self::start(folder, &socket, format!("fastcgi://unix:{socket}:"));
        fpm.wait(|| UnixStream::connect(&socket).is_ok());
        fpm
    }

    /// The scripts' folder.
    pub(crate) fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backends")
    }

    /// A folder that lives as long.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn start(folder: TempDir, listen: &str, url: String) -> Self {
        let file = folder.path().join("fpm.conf");
        let log = folder.path().join("fpm.log");
        let text = format!(
            "[global]\ndaemonize = no\nerror_log = {}\n\
             [www]\nuser = root\ngroup = root\nlisten = {listen}\npm = static\npm.max_children = 2\n",
            log.display()
        );
        std::fs::write(&file, text).unwrap();
        let child = Command::new(program())
            // As root if the tests are; with the distribution's php.ini, which buffers 4096 bytes.
            .args(["--allow-to-run-as-root", "--nodaemonize", "--fpm-config"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        Self { child, url, folder }
    }

    fn wait(&mut self, is_up: impl Fn() -> bool) {
        until("php-fpm is up", || {
            let log = || std::fs::read_to_string(self.folder.path().join("fpm.log"));
            let over = self.child.try_wait().unwrap();
            assert!(over.is_none(), "php-fpm has ended: {:?}", log());
            is_up().then_some(())
        });
    }
}

impl Drop for Fpm {
    fn drop(&mut self) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // The master ends its workers and waits for them; gone already is gone.
        id.map(|id| kill_process(id, Signal::TERM));
        let deadline = clock::now() + STOPPING;
        while matches!(self.child.try_wait(), Ok(None)) && clock::now() < deadline {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        id.map(|id| kill_process_group(id, Signal::KILL));
        drop(self.child.wait());
    }
}

/// `php-fpm` or `php-fpm8.2`, as Debian calls it.
fn program() -> PathBuf {
    let folders = ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"];
    let entries = folders.iter().filter_map(|f| std::fs::read_dir(f).ok());
    let mut paths = entries.flatten().filter_map(|e| Some(e.ok()?.path()));
    let is_fpm = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("php-fpm"))
    };
    paths
        .find(is_fpm)
        .expect("php-fpm is installed: see tests/run")
}
