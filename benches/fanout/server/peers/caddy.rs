//! Caddy: Go's scheduler gives it one thread for Go code where there is one core.

use std::io;

use super::{Launch, Site};

pub(super) const PROGRAM: &str = "/usr/bin/caddy";

/// `flush_interval -1` is its word for streams. HTTP/3 is off, which nobody here would use.
pub(super) fn launch(site: &Site<'_>) -> io::Result<Launch> {
    let proxy = format!(
        "\treverse_proxy {} {{\n\t\tflush_interval -1\n\t}}\n",
        site.source
    );
    let tls = site.tls.as_ref().map(|(address, files)| {
        format!(
            "\nhttps://:{} {{\n\tbind 127.0.0.1\n\ttls {} {}\n{proxy}}}\n",
            address.port(),
            files.chain,
            files.key
        )
    });
    // Of a lower level it would tell of each client that leaves.
    let text = format!(
        "{{\n\tadmin off\n\tauto_https off\n\tstorage file_system {}\n\tgrace_period 1s\n\
         \tlog {{\n\t\tlevel PANIC\n\t}}\n\tservers {{\n\t\tprotocols h1 h2\n\t}}\n}}\n\n\
         http://:{} {{\n\tbind 127.0.0.1\n{proxy}}}\n{}",
        site.folder.show(),
        site.plain.port(),
        tls.unwrap_or_default(),
    );
    let file = site.folder.write("Caddyfile", text)?;
    Ok(Launch::new([
        PROGRAM,
        "run",
        "--adapter",
        "caddyfile",
        "--config",
        file.as_str(),
    ]))
}
