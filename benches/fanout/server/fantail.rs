//! The program under test, with a configuration of the bench's own.

use std::io;
use std::net::SocketAddrV4;

use super::certificate::Certificate;
use super::{Folder, Kind, Plan, START_SECONDS, Server};
use crate::cli::Options;
use crate::clock::Deadline;
use crate::net;
use crate::process::{Running, SERVER_CORE};

pub(crate) fn program() -> String {
    env!("CARGO_BIN_EXE_fantail").to_owned()
}

pub(super) fn start(plan: &Plan, address: SocketAddrV4, options: &Options) -> io::Result<Server> {
    let admin = net::free_address()?;
    let unsecured = match plan.kind {
        Kind::Tls | Kind::H2 => net::free_address()?,
        Kind::Subject | Kind::Bare | Kind::Peer(_) => address,
    };
    let folder = Folder::create(address.port())?;
    let config = write_config(&folder, plan, address, options)?;
    let mut command = vec![program()];
    command.extend(
        [
            "serve",
            "--config",
            &config,
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
    Ok(Server {
        process,
        address,
        _folder: Some(folder),
    })
}

/// What `--upstream` would do, with a log that holds a second or more of the plan's events.
fn write_config(
    folder: &Folder,
    plan: &Plan,
    address: SocketAddrV4,
    options: &Options,
) -> io::Result<String> {
    let upstream = plan.upstream()?;
    let events = plan.kept_events(options);
    let tls = match plan.kind {
        Kind::Tls | Kind::H2 => {
            let Certificate { chain, key, .. } = Certificate::write(folder)?;
            format!("[tls]\nlisten = [\"{address}\"]\ncert = \"{chain}\"\nkey = \"{key}\"\n")
        }
        Kind::Subject | Kind::Bare | Kind::Peer(_) => String::new(),
    };
    let text = format!(
        "{tls}[[route]]\npath = \"/{{rest*}}\"\nupstream = \"http://{upstream}\"\nquery = [\"*\"]\n\
         replay = {{ events = {events}, bytes = \"64MiB\" }}\n"
    );
    folder.write("fantail.toml", text)
}
