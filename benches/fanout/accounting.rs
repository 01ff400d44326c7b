//! What a server costs, from outside: the scheduler's CPU time, its memory, its sockets.
//!
//! A server is a process with all its descendants: workers, helpers.

use std::fs;
use std::io;

use serde_json::{Value, json};

/// Time of all threads that are alive, from the scheduler's own accounting (exact to the switch,
/// where `times` counts ticks).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Scheduled {
    pub(crate) on_cpu_ns: u64,
    /// Ready to run while something else, or another thread of the same process, had the core.
    pub(crate) waiting_ns: u64,
}

impl Scheduled {
    pub(crate) fn of(server: u32) -> io::Result<Self> {
        let mut sum = Self::default();
        for pid in family(server)? {
            sum.add_threads_of(pid)?;
        }
        Ok(sum)
    }

    fn add_threads_of(&mut self, pid: u32) -> io::Result<()> {
        for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
            // A thread may end between the listing and the reading.
            let Ok(line) = fs::read_to_string(thread?.path().join("schedstat")) else {
                continue;
            };
            let mut numbers = line
                .split_whitespace()
                .map_while(|word| word.parse::<u64>().ok());
            self.on_cpu_ns += numbers.next().unwrap_or(0);
            self.waiting_ns += numbers.next().unwrap_or(0);
        }
        Ok(())
    }

    /// Saturating: the time of a thread that has ended is no longer in the sum.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            on_cpu_ns: self.on_cpu_ns.saturating_sub(earlier.on_cpu_ns),
            waiting_ns: self.waiting_ns.saturating_sub(earlier.waiting_ns),
        }
    }

    pub(crate) fn to_json(self) -> Value {
        json!({ "on_cpu_ns": self.on_cpu_ns, "waiting_ns": self.waiting_ns })
    }
}

#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "the unit belongs in the name")]
pub(crate) struct Memory {
    pub(crate) pss_kib: u64,
    pub(crate) private_kib: u64,
    /// Of the whole machine: socket buffers belong to no process.
    pub(crate) kernel_tcp_kib: u64,
}

impl Memory {
    pub(crate) fn of(server: u32) -> io::Result<Self> {
        let mut sum = Self {
            pss_kib: 0,
            private_kib: 0,
            kernel_tcp_kib: kernel_tcp_kib()?,
        };
        for pid in family(server)? {
            let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
            let field = |name| number_after(&rollup, name);
            sum.pss_kib += field("Pss:");
            sum.private_kib += field("Private_Clean:") + field("Private_Dirty:");
        }
        Ok(sum)
    }

    pub(crate) fn to_json(self) -> Value {
        json!({
            "pss_kib": self.pss_kib,
            "private_kib": self.private_kib,
            "kernel_tcp_kib": self.kernel_tcp_kib,
        })
    }
}

/// Of all its processes; one that several share counts for each.
pub(crate) fn sockets(server: u32) -> io::Result<usize> {
    let is_socket =
        |path| fs::read_link(path).is_ok_and(|to| to.to_string_lossy().starts_with("socket:"));
    let mut count = 0;
    for pid in family(server)? {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd"))?.flatten();
        count += descriptors.filter(|entry| is_socket(entry.path())).count();
    }
    Ok(count)
}

/// The process and its descendants, without those that have ended and wait for their parent to look.
pub(crate) fn family(head: u32) -> io::Result<Vec<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let pid = name.to_str().and_then(|name| name.parse::<u32>().ok());
        // A process may end between the listing and the reading.
        if let Some(pid) = pid
            && let Some((state, parent)) = state_and_parent(pid)
            && state != 'Z'
        {
            parents.push((pid, parent));
        }
    }
    let mut family = vec![head];
    let mut next = 0;
    while let Some(elder) = family.get(next).copied() {
        let children = parents.iter().filter(|(_, parent)| *parent == elder);
        family.extend(children.map(|(pid, _)| *pid));
        next += 1;
    }
    Ok(family)
}

/// What follows the name in `stat`, which is in parentheses and may hold anything.
fn state_and_parent(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut words = stat.rsplit_once(')')?.1.split_whitespace();
    let state = words.next()?.chars().next()?;
    Some((state, words.next()?.parse().ok()?))
}

fn kernel_tcp_kib() -> io::Result<u64> {
    const PAGE_KIB: u64 = 4;
    let sockstat = fs::read_to_string("/proc/net/sockstat")?;
    let tcp = sockstat.lines().find(|line| line.starts_with("TCP:"));
    Ok(tcp.map_or(0, |line| number_after(line, "mem")) * PAGE_KIB)
}

/// The number that follows the word `name`, or 0.
fn number_after(text: &str, name: &str) -> u64 {
    let mut words = text.split_whitespace().skip_while(|word| *word != name);
    words.nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}
