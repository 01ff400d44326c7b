//! How many descriptors there are, and how many of them clients may have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::edge;

/// What the program opens for itself (listeners, pollers, the log), for operators and for its first
/// upstreams.
const OWN: usize = 32;

/// Raises the soft limit to the hard one. A limit of 0 connections becomes nine tenths of it, and
/// less where that is too little for everything else, so that upstreams, the admin listener and
/// those who are refused always find one.
pub(super) fn provide(connections: &mut usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if setrlimit(Resource::Nofile, raised).is_err() {
        tracing::debug!("the soft descriptor limit can not be raised");
    }
    // No limit at all is as much as a million, which is what kernels give one process.
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(1 << 20);
    if *connections == 0 {
        let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
        let most = descriptors / 10 * 9;
        let reserved = OWN + edge::refusals(most);
        *connections = most.min(descriptors.saturating_sub(reserved)).max(1);
    }
}
