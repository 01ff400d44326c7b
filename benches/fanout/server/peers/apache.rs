//! Apache with `mod_proxy_http` and the event MPM: a thread for each stream, which is all it offers.

use std::io;

use super::{Launch, SPARE_DESCRIPTORS, Site};

pub(super) const PROGRAM: &str = "/usr/sbin/apache2";

const MODULES: [&str; 6] = [
    "mpm_event",
    "authz_core",
    "proxy",
    "proxy_http",
    "socache_shmcb",
    "ssl",
];

/// So that a process, with two descriptors for each thread, stays far below every limit.
const THREADS_PER_PROCESS: usize = 5000;

/// `flushpackets=on` is its word for streams. All processes are there from the start and stay.
pub(super) fn launch(site: &Site<'_>) -> io::Result<Launch> {
    let folder = site.folder.show();
    // h2 is a module of its own, with threads of its own: loaded only where it is asked for.
    let with_http2 = site.tls.is_some().then_some("http2");
    let line = |name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n");
    let modules: Vec<_> = MODULES.into_iter().chain(with_http2).map(line).collect();
    let modules = modules.concat();
    let processes = site.clients.div_ceil(THREADS_PER_PROCESS);
    let each = site.clients.div_ceil(processes.max(1)) + SPARE_DESCRIPTORS;
    let threads = processes * each;
    let text = format!(
        "{modules}ServerName localhost\nServerRoot {folder}\nDefaultRuntimeDir {folder}\nPidFile {folder}/pid\n\
         User www-data\nGroup www-data\nErrorLog /dev/stderr\nLogLevel crit\nMutex pthread\n\
         ThreadLimit {each}\nThreadsPerChild {each}\nServerLimit {processes}\nStartServers {processes}\n\
         MaxRequestWorkers {threads}\nMinSpareThreads 1\nMaxSpareThreads {threads}\n\
         MaxConnectionsPerChild 0\nListenBacklog 4096\nTimeout 86400\nProxyTimeout 86400\n\
         KeepAlive On\nMaxKeepAliveRequests 0\n\
         Listen {}\nProxyPass / http://{}/ flushpackets=on\n{}",
        site.plain,
        site.source,
        tls(site),
    );
    let file = site.folder.write("apache2.conf", text)?;
    Ok(Launch::new([
        PROGRAM,
        "-D",
        "FOREGROUND",
        "-f",
        file.as_str(),
    ]))
}

fn tls(site: &Site<'_>) -> String {
    let host = site.tls.as_ref().map(|(address, files)| {
        format!(
            "Listen {address}\n<VirtualHost {address}>\nProtocols h2 http/1.1\nSSLEngine on\n\
             SSLCertificateFile {}\nSSLCertificateKeyFile {}\n\
             ProxyPass / http://{}/ flushpackets=on\n</VirtualHost>\n",
            files.chain, files.key, site.source
        )
    });
    host.unwrap_or_default()
}
