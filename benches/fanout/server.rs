//! The server under test, or what it is compared with, on its own core.

use std::io;
use std::net::SocketAddrV4;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::cli::Options;
use crate::clock::Deadline;
use crate::net;
use crate::process::{Running, SERVER_CORE};

const START_SECONDS: f64 = 20.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `fantail serve`, or the command given with `--server`.
    Subject,
    /// `fantail serve`, by TLS.
    Tls,
    /// The same, over HTTP/2.
    H2,
    Bare,
}

impl Kind {
    pub(crate) fn name(self, options: &Options) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Tls => "fantail by TLS",
            Self::H2 => "fantail by HTTP/2",
            Self::Subject if options.server.is_some() => "server",
            Self::Subject => "fantail",
        }
    }

    pub(crate) fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::H2)
    }
}

/// What a server must know before it starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    /// Where the source listens; the bare loop has none.
    pub(crate) upstream: Option<SocketAddrV4>,
    pub(crate) rate: f64,
    /// Events in one write of the bare loop.
    pub(crate) batch: u64,
}

#[derive(Debug)]
pub(crate) struct Server {
    process: Running,
    pub(crate) address: SocketAddrV4,
}

impl Server {
    /// Returns once the server is ready to be asked.
    pub(crate) fn start(plan: &Plan, options: &Options) -> io::Result<Self> {
        let address = net::free_address()?;
        match (plan.kind, &options.server) {
            (Kind::Bare, _) => bare(plan, address, options),
            (Kind::Subject, Some(command)) => other(plan, address, command),
            (Kind::Subject, None) | (Kind::Tls | Kind::H2, _) => fantail(plan, address, options),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }
}

/// The program under test.
pub(crate) fn program() -> String {
    env!("CARGO_BIN_EXE_fantail").to_owned()
}

fn fantail(plan: &Plan, address: SocketAddrV4, options: &Options) -> io::Result<Server> {
    let admin = net::free_address()?;
    let unsecured = match plan.kind {
        Kind::Tls | Kind::H2 => net::free_address()?,
        Kind::Subject | Kind::Bare => address,
    };
    let config = Config::write(plan, address, options)?;
    let mut command = vec![program()];
    command.extend(
        [
            "serve",
            "--config",
            &config.file.display().to_string(),
            "--listen",
            &unsecured.to_string(),
            "--admin",
            &admin.to_string(),
        ]
        .map(str::to_owned),
    );
    command.extend(options.fantail_arg.iter().cloned());
    let mut process = Running::start(SERVER_CORE, &command)?;
    let ready = || matches!(net::get(admin, "/readyz"), Ok((200, _)));
    process.wait_until(Deadline::after(START_SECONDS), ready)?;
    Ok(Server { process, address })
}

/// A configuration file, gone with its owner: what `--upstream` would do, with a log that holds a
/// second or more of the plan's events, as an operator of a hot topic would write it.
struct Config {
    file: PathBuf,
    /// With the certificate, if there is one.
    folder: PathBuf,
}

impl Config {
    fn write(plan: &Plan, address: SocketAddrV4, options: &Options) -> io::Result<Self> {
        let upstream = upstream(plan)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate is a small positive number"
        )]
        let events = match options.log_events {
            0 => (plan.rate as u64 * 4).max(1024),
            asked => asked,
        };
        let folder = std::env::temp_dir().join(format!("fantail-bench-{}", upstream.port()));
        std::fs::create_dir_all(&folder)?;
        let tls = match plan.kind {
            Kind::Tls | Kind::H2 => tls_table(&folder, address)?,
            Kind::Subject | Kind::Bare => String::new(),
        };
        let text = format!(
            "{tls}[[route]]\npath = \"/{{rest*}}\"\nupstream = \"http://{upstream}\"\nquery = [\"*\"]\n\
             replay = {{ events = {events}, bytes = \"64MiB\" }}\n"
        );
        let file = folder.join("fantail.toml");
        std::fs::write(&file, text)?;
        Ok(Self { file, folder })
    }
}

impl Drop for Config {
    fn drop(&mut self) {
        // In the machine's own folder for such files: one that stays harms nobody.
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// TLS with a certificate of its own making.
fn tls_table(folder: &Path, address: SocketAddrV4) -> io::Result<String> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
    let made = made.map_err(io::Error::other)?;
    std::fs::write(folder.join("cert.pem"), made.cert.pem())?;
    let key = folder.join("key.pem");
    std::fs::write(&key, made.signing_key.serialize_pem())?;
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600))?;
    Ok(format!(
        "[tls]\nlisten = [\"{address}\"]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n"
    ))
}

fn bare(plan: &Plan, address: SocketAddrV4, options: &Options) -> io::Result<Server> {
    let arguments = [
        "bare".to_owned(),
        format!("--listen={address}"),
        format!("--rate={}", plan.rate),
        format!("--batch={}", plan.batch),
        format!("--frame-bytes={}", options.event_bytes),
    ];
    await_port(Running::role(SERVER_CORE, &arguments)?, address)
}

fn other(plan: &Plan, address: SocketAddrV4, command: &str) -> io::Result<Server> {
    let upstream = upstream(plan)?.to_string();
    let words: Vec<_> = command
        .replace("{listen}", &address.to_string())
        .replace("{upstream}", &upstream)
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    await_port(Running::start(SERVER_CORE, &words)?, address)
}

fn await_port(mut process: Running, address: SocketAddrV4) -> io::Result<Server> {
    process.wait_until(Deadline::after(START_SECONDS), || net::accepts(address))?;
    Ok(Server { process, address })
}

fn upstream(plan: &Plan) -> io::Result<SocketAddrV4> {
    plan.upstream
        .ok_or_else(|| io::Error::other("this server needs an upstream"))
}
