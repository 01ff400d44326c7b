//! nginx with `proxy_pass`, and what it shares with Nchan, which is a module of it.

use std::io;

use super::{Launch, SPARE_DESCRIPTORS, Site};

pub(super) const PROGRAM: &str = "/usr/sbin/nginx";

/// On each connection of HTTP/2: more than anybody here asks for, where the default is 128.
const STREAMS: usize = 1024;

/// `proxy_buffering off` and a long `proxy_read_timeout` are what its documentation says of streams;
/// HTTP/1.1 without `Connection: close` is what it says of upstreams.
pub(super) fn launch(site: &Site<'_>) -> io::Result<Launch> {
    let server = format!(
        "server {{ {} location / {{ proxy_pass http://{};\n\
         proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $host;\n\
         proxy_buffering off; proxy_read_timeout 1d; proxy_send_timeout 1d; }} }}\n",
        listen(site),
        site.source,
    );
    let connections = 2 * site.clients;
    let command = command(site, &text("", connections, &server, site))?;
    Ok(Launch::new(command))
}

/// Where the server listens; TLS with records of 4 KiB, so that each connection has a small buffer.
pub(super) fn listen(site: &Site<'_>) -> String {
    let plain = format!("listen {} backlog=4096;\n", site.plain);
    let tls = site.tls.as_ref().map(|(address, files)| {
        format!(
            "listen {address} ssl http2 backlog=4096; ssl_certificate {}; ssl_certificate_key {};\n\
             ssl_protocols TLSv1.2 TLSv1.3; ssl_buffer_size 4k; http2_max_concurrent_streams {STREAMS};\n",
            files.chain, files.key
        )
    });
    plain + &tls.unwrap_or_default()
}

/// A master and one worker, as nginx is run; no log.
pub(super) fn text(head: &str, connections: usize, servers: &str, site: &Site<'_>) -> String {
    let folder = site.folder.show();
    let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {folder}/{name};"))
        .concat();
    // While less than a sixteenth is free, nginx closes those that have not asked yet. Descriptors are as
    // many as the bench itself may have.
    let connections = connections + connections / 8 + SPARE_DESCRIPTORS;
    format!(
        "{head}daemon off; pid {folder}/pid; error_log stderr crit;\n\
         worker_processes 1;\n\
         events {{ worker_connections {connections}; multi_accept on; }}\n\
         http {{ access_log off; {temp} keepalive_requests 1000000000; keepalive_timeout 1d;\n\
         {servers}}}\n"
    )
}

pub(super) fn command(site: &Site<'_>, text: &str) -> io::Result<[String; 5]> {
    let file = site.folder.write("nginx.conf", text)?;
    Ok([
        PROGRAM.to_owned(),
        "-p".to_owned(),
        site.folder.show(),
        "-c".to_owned(),
        file,
    ])
}
