//! `HAProxy`: one process, one thread.

use std::io;

use super::{Launch, SPARE_DESCRIPTORS, Site};

pub(super) const PROGRAM: &str = "/usr/sbin/haproxy";

/// It buffers no answer; `http-no-delay` is its word for streams of small pieces, `timeout tunnel` and
/// the others are as long as a page may stay open.
pub(super) fn launch(site: &Site<'_>) -> io::Result<Launch> {
    let tls = site.tls.as_ref().map(|(address, files)| {
        format!(
            "    bind {address} backlog 4096 ssl crt {} alpn h2,http/1.1\n",
            files.both
        )
    });
    let text = format!(
        "global\n    nbthread 1\n    maxconn {}\n    ssl-default-bind-options ssl-min-ver TLSv1.2\n\
         defaults\n    mode http\n    option http-no-delay\n    timeout connect 5s\n    \
         timeout client 1d\n    timeout server 1d\n    timeout tunnel 1d\n\
         frontend clients\n    bind {} backlog 4096\n{}    default_backend source\n\
         backend source\n    server source {}\n",
        // Of clients; it counts the connections to the source itself.
        site.clients + SPARE_DESCRIPTORS / 4,
        site.plain,
        tls.unwrap_or_default(),
        site.source,
    );
    let file = site.folder.write("haproxy.cfg", text)?;
    // In the foreground, without a line of greeting.
    Ok(Launch::new([PROGRAM, "-db", "-q", "-f", file.as_str()]))
}
