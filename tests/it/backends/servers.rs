//! The servers, each on a port of its own with a copy of the scripts and a log of its requests.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::nginx;
use crate::support::{Client, Get, Group, eventually};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/backends");
/// Where `tests/run` installs it.
const ASPPY: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/asppy/bin/asppy");
const APACHE_MODULES: &str = "/usr/lib/apache2/modules";

/// A backend that runs; all of its processes end when it is dropped.
pub(super) struct Server {
    address: SocketAddr,
    groups: Vec<Group>,
    directory: TempDir,
}

// === impl Server ===

impl Server {
    /// `php -S`, for several requests at a time.
    pub(super) fn php() -> Self {
        let mut server = Self::prepare();
        let mut php = Command::new("php");
        php.arg("-S").arg(server.address.to_string());
        php.arg("-t").arg(server.path("www"));
        php.env("PHP_CLI_SERVER_WORKERS", "4");
        server.start(&mut php, "access.log");
        server.listening()
    }

    /// php-fpm with so many workers, behind nginx with these further directives.
    pub(super) fn fpm(workers: usize, keys: &str) -> Self {
        let mut server = Self::prepare();
        let root = server.directory.path().display();
        let pool = format!(
            "[global]\ndaemonize = no\nerror_log = {root}/fpm.log\n\
             [www]\nuser = root\ngroup = root\nlisten = {root}/fpm.sock\n\
             pm = static\npm.max_children = {workers}\npm.status_path = /status\n"
        );
        let file = server.write("fpm.conf", &pool);
        let mut fpm = Command::new(find("/usr/sbin", "php-fpm"));
        server.start(fpm.arg("-y").arg(file).arg("-R"), "fpm.log");
        let socket = server.path("fpm.sock");
        eventually("php-fpm listens", || {
            std::os::unix::net::UnixStream::connect(&socket).is_ok()
        });
        let pass = format!("unix:{}", socket.display());
        server.behind_nginx(&pass, keys)
    }

    /// Apache with PHP inside of it.
    pub(super) fn apache() -> Self {
        let mut server = Self::prepare();
        let root = server.directory.path().display();
        let address = server.address;
        let php = find(APACHE_MODULES, "libphp");
        let config = format!(
            "ServerName localhost\nServerRoot {root}\nDefaultRuntimeDir {root}\nListen {address}\n\
             PidFile {root}/apache.pid\nErrorLog {root}/apache.log\nUser www-data\nGroup www-data\n\
             LoadModule mpm_prefork_module {APACHE_MODULES}/mod_mpm_prefork.so\n\
             LoadModule authz_core_module {APACHE_MODULES}/mod_authz_core.so\n\
             LoadModule php_module {}\nCustomLog {root}/access.log \"%r\"\n\
             DocumentRoot {root}/www\n\
             <FilesMatch \"\\.php$\">\nSetHandler application/x-httpd-php\n</FilesMatch>\n",
            php.display()
        );
        let file = server.write("apache.conf", &config);
        let mut apache = Command::new("/usr/sbin/apache2");
        apache.args(["-D", "FOREGROUND", "-f"]).arg(file);
        server.start(&mut apache, "apache.log");
        server.listening()
    }

    /// ASP.NET: Mono behind nginx.
    pub(super) fn aspnet() -> Self {
        let mut server = Self::prepare();
        let mono = free();
        let applications = format!("/applications=/:{}", server.path("www").display());
        let mut command = Command::new("fastcgi-mono-server4");
        command.args([&applications, &format!("/socket=tcp:{mono}")]);
        for variable in ["HOME", "TMPDIR", "MONO_SHARED_DIR"] {
            command.env(variable, server.directory.path());
        }
        server.start(&mut command, "mono.log");
        eventually("Mono listens", || TcpStream::connect(mono).is_ok());
        server.behind_nginx(&mono.to_string(), "")
    }

    /// Classic ASP, whose responses are written as a whole.
    pub(super) fn asp() -> Self {
        let mut server = Self::prepare();
        let port = server.address.port().to_string();
        let mut asppy = Command::new(ASPPY);
        asppy.args(["127.0.0.1", &port]).arg(server.path("www"));
        asppy.env("ASP_PY_LOG", "1").env("PYTHONUNBUFFERED", "1");
        server.start(&mut asppy, "access.log");
        server.listening()
    }

    /// Its root.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks it, not Fantail.
    #[track_caller]
    pub(super) fn get(&self, target: &str) -> Client {
        Get::new(target).stream(self.address)
    }

    /// Asks it, and waits for the end of the answer; gives the head.
    #[track_caller]
    pub(super) fn answer(&self, target: &str) -> String {
        let mut client = Get::new(target)
            .header("Connection", "close")
            .stream(self.address);
        assert_eq!(client.status, 200, "{}", client.head);
        client.body();
        client.head
    }

    /// Sends it a request, and does not wait for the answer.
    pub(super) fn ask(&self, target: &str) -> Client {
        let mut client = Client::raw(self.address);
        client.send(Get::new(target).bytes());
        client
    }

    /// How often a script was asked for, by its own log; an answer counts when it is over.
    pub(super) fn requests(&self, script: &str) -> usize {
        let log = std::fs::read_to_string(self.path("access.log")).unwrap_or_default();
        let asked = format!("GET {script}");
        log.lines().filter(|line| line.contains(&asked)).count()
    }

    fn prepare() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // Apache's workers are somebody else.
        let all = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(directory.path(), all).unwrap();
        let scripts = directory.path().join("www");
        std::fs::create_dir(&scripts).unwrap();
        for script in std::fs::read_dir(SCRIPTS).unwrap() {
            let script = script.unwrap();
            std::fs::copy(script.path(), scripts.join(script.file_name())).unwrap();
        }
        Self {
            address: free(),
            groups: Vec::new(),
            directory,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    #[track_caller]
    fn start(&mut self, command: &mut Command, log: &str) {
        self.groups.push(Group::start(command, &self.path(log)));
    }

    #[track_caller]
    fn behind_nginx(mut self, pass: &str, keys: &str) -> Self {
        let port = self.address.port();
        let nginx = nginx::start(self.directory.path(), port, pass, keys);
        self.groups.push(nginx);
        self.listening()
    }

    #[track_caller]
    fn listening(self) -> Self {
        eventually("the server listens", || {
            TcpStream::connect(self.address).is_ok()
        });
        self
    }
}

/// A test that fails tells what the servers had to say.
impl Drop for Server {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for log in ["apache", "fpm", "mono", "nginx", "access"] {
            if let Ok(text) = std::fs::read(self.path(&format!("{log}.log"))) {
                drop(std::io::stderr().write_all(&text));
            }
        }
    }
}

/// A port that nobody listens on.
fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// The file whose name begins so: versions differ.
#[track_caller]
fn find(directory: &str, prefix: &str) -> PathBuf {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths = entries.map(|entry| entry.path());
    let named = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(prefix))
    };
    paths
        .find(named)
        .unwrap_or_else(|| panic!("there is no {prefix}*: tests/run installs it"))
}
