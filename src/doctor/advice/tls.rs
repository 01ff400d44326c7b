//! The fixes of C01 where it is about TLS.
//!
//! Pure. Invariant: as for all fixes, no line is wrapped.

use super::texts::{any, fix};
use super::{Fix, Server};

/// It is over.
pub const EXPIRED: &[Fix] = &[
    any(
        "renew it, and reload the server, which goes on with the old one until then:\n\
         certbot renew;  systemctl list-timers | grep certbot   (does it run by itself?)",
    ),
    fix(
        Server::Nginx,
        "certbot renew --deploy-hook 'nginx -s reload'",
    ),
    fix(
        Server::Apache,
        "certbot renew --deploy-hook 'apachectl graceful'",
    ),
    fix(
        Server::Iis,
        "import the new certificate, and choose it in the site's https binding",
    ),
];
/// It has not begun.
pub const NOT_YET: &[Fix] = &[any("is the clock of this machine right?  timedatectl\n\
     if so, go on with the old certificate until this one begins")];
/// It is for others.
pub const NAME: &[Fix] = &[
    any(
        "ask by a name that it has, or have it issued for this name too:\n\
         certbot certonly -d one.example -d other.example\n\
         for Fantail alone:  upstream_tls = { server_name = \"a name that it has\" }",
    ),
    fix(
        Server::Nginx,
        "is this name in a server_name of the block that has the certificate?  nginx -T",
    ),
    fix(
        Server::Apache,
        "is this name in a ServerName or ServerAlias of that VirtualHost?  apachectl -S",
    ),
    fix(
        Server::Iis,
        "the site's https binding: host name, and `require server name indication`",
    ),
];
/// A link is missing. Browsers may have it from elsewhere, others have not.
pub const INCOMPLETE: &[Fix] = &[
    any(
        "send the intermediate certificate behind the server's own, in one file:\n\
         cat cert.pem intermediate.pem > fullchain.pem\n\
         for Fantail alone:  upstream_tls = { ca = \"intermediate.pem\" }",
    ),
    fix(
        Server::Nginx,
        "ssl_certificate fullchain.pem;          (not cert.pem)",
    ),
    fix(
        Server::Apache,
        "SSLCertificateFile fullchain.pem        (not cert.pem)",
    ),
    fix(
        Server::Iis,
        "import it into the computer's `Intermediate Certification Authorities`",
    ),
];
/// An authority of somebody's own.
pub const PRIVATE: &[Fix] = &[any(
    "if it is an authority of your own:  fantail doctor --ca ca.pem URL\n\
     and in the route:  upstream_tls = { ca = \"ca.pem\" }   (browsers need it installed)",
)];
/// One that vouches for itself.
pub const SELF_SIGNED: &[Fix] = &[any(
    "for browsers:  certbot certonly -d NAME   (an authority that they know)\n\
     for Fantail alone:  upstream_tls = { ca = \"the certificate itself.pem\" }, made by\n\
     openssl req -x509 -addext basicConstraints=critical,CA:FALSE …   (CA:TRUE is refused)",
)];
/// TLS 1.0 or 1.1.
pub const OLD: &[Fix] = &[
    fix(Server::Nginx, "ssl_protocols TLSv1.2 TLSv1.3;"),
    fix(Server::Apache, "SSLProtocol -all +TLSv1.2 +TLSv1.3"),
    fix(
        Server::Iis,
        "switch TLS 1.2 on: …\\SCHANNEL\\Protocols\\TLS 1.2\\Server, Enabled = 1",
    ),
];
/// Plain HTTP, or something else.
pub const NOT_TLS: &[Fix] = &[
    any("ask the port that speaks TLS, usually 443; or write http:// for this one"),
    fix(
        Server::Nginx,
        "listen 443 ssl;   (without `ssl` it is plain)",
    ),
    fix(
        Server::Apache,
        "SSLEngine on      (in the VirtualHost of that port)",
    ),
];
/// HTTP/2 and nothing else.
pub const ONLY_HTTP2: &[Fix] = &[
    any("offer http/1.1 beside h2 in the ALPN of that port"),
    fix(Server::Apache, "Protocols h2 http/1.1"),
];
/// Who are you?
pub const IDENTITY: &[Fix] = &[any(
    "in the route:  upstream_tls = { cert = \"client.pem\", key = \"client.key\" }\n\
     (doctor has none to show: it can not look further)",
)];
/// Whatever else ends a handshake.
pub const HANDSHAKE: &[Fix] = &[any(
    "what does it say itself?  openssl s_client -connect HOST:443 -servername HOST",
)];

/// All of them, for the test of their width.
#[cfg(test)]
pub const ALL: [&[Fix]; 11] = [
    EXPIRED,
    NOT_YET,
    NAME,
    INCOMPLETE,
    PRIVATE,
    SELF_SIGNED,
    OLD,
    NOT_TLS,
    ONLY_HTTP2,
    IDENTITY,
    HANDSHAKE,
];
