//! Pushpin: asks the source once for each client and is told to hold the stream (GRIP); the source
//! then publishes to its control port. Its processes: a runner, Condure for the clients, zurl for the
//! source, the proxy, the handler.

use std::io;

use super::{Launch, Site};

pub(super) const PROGRAM: &str = "/usr/bin/pushpin";
pub(super) const CLIENT: &str = "/usr/bin/zurl";

/// The default configuration, but: a million deliveries each second, which is more than it can do, where
/// 2,500 would be met by one client of a hot topic (a hundred million, tried too, lets none through); as
/// many may wait; sockets in a folder of its own. The default for `client_maxconn`
/// stays: with one near the number of clients, Condure 1.9.1 panics when they come while something
/// is published.
pub(super) fn launch(site: &Site<'_>) -> io::Result<Launch> {
    let folder = site.folder.show();
    let text = format!(
        "[global]\ninclude={{libdir}}/internal.conf\nrundir={folder}\nipc_prefix=p-\n\
         stats_connection_ttl=120\n\
         [runner]\nservices=condure,zurl,pushpin-proxy,pushpin-handler\nhttp_port={}\n{}\
         logdir={folder}\nlog_level=0\nclient_buffer_size=8192\nclient_maxconn=50000\n\
         [proxy]\nroutesfile=routes\nupdates_check=off\n\
         zurl_out_specs=ipc://{{rundir}}/{{ipc_prefix}}zurl-in\n\
         zurl_out_stream_specs=ipc://{{rundir}}/{{ipc_prefix}}zurl-in-stream\n\
         zurl_in_specs=ipc://{{rundir}}/{{ipc_prefix}}zurl-out\n\
         [handler]\npush_in_spec=ipc://{{rundir}}/{{ipc_prefix}}push\n\
         push_in_sub_specs=ipc://{{rundir}}/{{ipc_prefix}}push-sub\n\
         push_in_http_addr={}\npush_in_http_port={}\n\
         push_in_http_max_headers_size=10000\npush_in_http_max_body_size=4000000\n\
         command_spec=ipc://{{rundir}}/{{ipc_prefix}}command\n\
         message_rate=1000000\nmessage_hwm=1000000\n",
        site.plain,
        tls(site)?,
        site.publish.ip(),
        site.publish.port(),
    );
    let file = site.folder.write("pushpin.conf", text)?;
    site.folder
        .write("routes", format!("* {}\n", site.source))?;
    Ok(Launch::new([
        PROGRAM.to_owned(),
        format!("--config={file}"),
    ]))
}

/// Certificates are found by their names.
fn tls(site: &Site<'_>) -> io::Result<String> {
    let Some((address, files)) = &site.tls else {
        return Ok(String::new());
    };
    let certificates = site.folder.path().join("runner/certs");
    std::fs::create_dir_all(&certificates)?;
    let port = address.port();
    for (from, to) in [(&files.chain, "crt"), (&files.key, "key")] {
        std::fs::copy(from, certificates.join(format!("default_{port}.{to}")))?;
    }
    Ok(format!("https_ports={address}\n"))
}
