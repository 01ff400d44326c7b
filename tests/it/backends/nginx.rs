//! nginx as the web server in front of a FastCGI backend, with its own defaults.

use std::path::Path;
use std::process::Command;

use crate::support::Group;

/// Passes every request to the FastCGI server at `pass`; `keys` are further directives.
pub(super) fn start(directory: &Path, port: u16, pass: &str, keys: &str) -> Group {
    let root = directory.display();
    let config = format!(
        r#"daemon off;
user root;
pid {root}/nginx.pid;
error_log {root}/nginx.log;
events {{}}
http {{
    access_log {root}/access.log;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi;
    scgi_temp_path {root}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {root}/www;
        {keys}
        location / {{
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_param PATH_INFO "";
            fastcgi_pass {pass};
        }}
    }}
}}
"#
    );
    let file = directory.join("nginx.conf");
    std::fs::write(&file, config).unwrap();
    let log = directory.join("nginx.log");
    let mut nginx = Command::new("/usr/sbin/nginx");
    nginx.arg("-p").arg(directory).arg("-e").arg(&log);
    Group::start(nginx.arg("-c").arg(&file), &log)
}
