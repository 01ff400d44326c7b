//! The peers by name: which Debian package each is, its version, what it cannot do.

use std::path::Path;
use std::process::Command;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use rustix::process::{Resource, getrlimit};

use super::{SPARE_DESCRIPTORS, apache, caddy, haproxy, nchan, nginx, pushpin};
use crate::cli::Options;
use crate::source::Dialect;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    Nchan,
    Pushpin,
    Nginx,
    Haproxy,
    Caddy,
    Apache,
}

/// One word of `--peers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peers {
    All,
    None,
    One(Peer),
}

/// What a peer is on a Debian machine.
struct Package {
    name: &'static str,
    /// Each of them must be there; the first is the program.
    files: &'static [&'static str],
    version: &'static str,
}

impl Peers {
    /// In the order of the list, each once.
    pub(crate) fn chosen(words: &[Self]) -> Vec<Peer> {
        let all = Peer::value_variants().iter().copied();
        all.filter(|peer| words.iter().any(|word| word.has(*peer)))
            .collect()
    }

    pub(crate) fn packages() -> Vec<&'static str> {
        let names = Peer::value_variants().iter();
        names
            .flat_map(|peer| peer.package().name.split(' '))
            .collect()
    }

    fn has(self, peer: Peer) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::One(one) => one == peer,
        }
    }
}

impl ValueEnum for Peers {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::All,
            Self::None,
            Self::One(Peer::Nchan),
            Self::One(Peer::Pushpin),
            Self::One(Peer::Nginx),
            Self::One(Peer::Haproxy),
            Self::One(Peer::Caddy),
            Self::One(Peer::Apache),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::All => Some(PossibleValue::new("all")),
            Self::None => Some(PossibleValue::new("none")),
            Self::One(peer) => peer.to_possible_value(),
        }
    }
}

impl Peer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nchan => "nchan",
            Self::Pushpin => "pushpin",
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Caddy => "caddy",
            Self::Apache => "apache",
        }
    }

    /// With clients that never read, and without them.
    pub(crate) fn names_beside_stalled(self) -> [&'static str; 2] {
        match self {
            Self::Nchan => ["nchan with", "nchan without"],
            Self::Pushpin => ["pushpin with", "pushpin without"],
            Self::Nginx => ["nginx with", "nginx without"],
            Self::Haproxy => ["haproxy with", "haproxy without"],
            Self::Caddy => ["caddy with", "caddy without"],
            Self::Apache => ["apache with", "apache without"],
        }
    }

    /// How the source publishes to it; `None` for a proxy, which asks the source itself.
    pub(crate) fn dialect(self) -> Option<Dialect> {
        match self {
            Self::Nchan => Some(Dialect::Nchan),
            Self::Pushpin => Some(Dialect::Pushpin),
            Self::Nginx | Self::Haproxy | Self::Caddy | Self::Apache => None,
        }
    }

    fn package(self) -> Package {
        let (name, files, version): (_, &[_], _) = match self {
            Self::Nchan => ("libnginx-mod-nchan", &[nginx::PROGRAM, nchan::MODULE], "-v"),
            Self::Pushpin => (
                "pushpin zurl",
                &[pushpin::PROGRAM, pushpin::CLIENT],
                "--version",
            ),
            Self::Nginx => ("nginx-light", &[nginx::PROGRAM], "-v"),
            Self::Haproxy => ("haproxy", &[haproxy::PROGRAM], "-v"),
            Self::Caddy => ("caddy", &[caddy::PROGRAM], "version"),
            Self::Apache => ("apache2", &[apache::PROGRAM], "-v"),
        };
        Package {
            name,
            files,
            version,
        }
    }

    /// Whether all that it needs is on this machine; if not, what to do.
    fn installed(self) -> Result<(), String> {
        let package = self.package();
        match package.files.iter().find(|file| !Path::new(file).exists()) {
            None => Ok(()),
            Some(missing) => Err(format!(
                "{missing} is missing: apt-get install {}",
                package.name
            )),
        }
    }

    /// What it says of itself, in one line; Nchan's is that of its package.
    pub(crate) fn version(self) -> String {
        let package = self.package();
        let program = package.files.first().copied().unwrap_or_default();
        let mut said = first_line(program, &[package.version]);
        if self == Self::Nchan {
            let format = "-f=${Package} ${Version}";
            said = format!(
                "{}, {said}",
                first_line("dpkg-query", &["-W", format, package.name])
            );
        }
        said
    }

    /// Why it cannot take part, if it cannot.
    pub(crate) fn absence(self, clients: usize, options: &Options) -> Option<String> {
        let installed = self.installed().err();
        let way = options.h2.then(|| self.lacks_http2()).flatten();
        installed
            .or(way.map(str::to_owned))
            .or_else(|| self.lacks_descriptors(clients))
    }

    fn lacks_http2(self) -> Option<&'static str> {
        match self {
            Self::Pushpin => Some("it has no HTTP/2"),
            Self::Apache => Some("its HTTP/2 holds one more thread for each stream"),
            Self::Nchan | Self::Nginx | Self::Haproxy | Self::Caddy => None,
        }
    }

    fn lacks_descriptors(self, clients: usize) -> Option<String> {
        let each = match self {
            Self::Nchan | Self::Pushpin => 1,
            // As many processes as it needs.
            Self::Apache => return None,
            Self::Nginx | Self::Haproxy | Self::Caddy => 2,
        };
        let needed = each * clients + SPARE_DESCRIPTORS;
        let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
        (needed as u64 > limit)
            .then(|| format!("needs {needed} descriptors in one process, and the limit is {limit}"))
    }
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(arguments).output() else {
        return "unknown".to_owned();
    };
    // nginx says it on stderr.
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let line = said.lines().next().unwrap_or("unknown").trim();
    let version = line.split_once("version: ");
    version.map_or(line, |(_, version)| version).to_owned()
}
