//! How much memory there is for this process: what the machine has, or what a control group allows.
//!
//! A group's bound holds for all groups below it, so each from ours to the root is asked: systemd's
//! `MemoryMax` stands at the unit, a container's bound at what it sees as the root.

use std::path::Path;

use procfs::process::Process;
use procfs::{Current as _, Meminfo, ProcessCGroup};

/// Where control groups are mounted (`file-hierarchy(7)`).
const GROUPS: &str = "/sys/fs/cgroup";

/// Bytes; `None` if the system does not tell.
pub(super) fn here() -> Option<u64> {
    let machine = Meminfo::current().ok().map(|memory| memory.mem_total);
    let groups = Process::myself().and_then(|process| process.cgroups());
    let groups = groups.map_or(Vec::new(), |groups| groups.0);
    machine
        .into_iter()
        .chain(allowed(Path::new(GROUPS), &groups))
        .min()
}

/// The smallest bound of the groups that a process is in.
fn allowed(root: &Path, groups: &[ProcessCGroup]) -> Option<u64> {
    let bounds = groups.iter().filter_map(|group| {
        // Version 2 has one hierarchy for all controllers, and names none.
        let (hierarchy, file) = match group.hierarchy {
            0 => (root.to_owned(), "memory.max"),
            _ if group.controllers.iter().any(|name| name == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => return None,
        };
        let path = Path::new(group.pathname.trim_start_matches('/'));
        let bound = |folder: &Path| -> Option<u64> {
            let text = std::fs::read_to_string(hierarchy.join(folder).join(file)).ok()?;
            // "max" is no bound.
            text.trim().parse().ok()
        };
        path.ancestors().filter_map(bound).min()
    });
    bounds.min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::fs;

    fn group(hierarchy: u32, controllers: &[&str], pathname: &str) -> ProcessCGroup {
        ProcessCGroup {
            hierarchy,
            controllers: controllers.iter().map(|name| (*name).to_owned()).collect(),
            pathname: pathname.to_owned(),
        }
    }

    #[rstest]
    #[case::unit_of_version_2(0, &[], "/system.slice/fantail.service", "system.slice/fantail.service/memory.max")]
    #[case::slice_above_it(0, &[], "/system.slice/fantail.service", "system.slice/memory.max")]
    #[case::container_of_version_2(0, &[], "/", "memory.max")]
    #[case::container_that_sees_another_path(0, &[], "/docker/1234", "memory.max")]
    #[case::version_1(7, &["cpu", "memory"], "/user/a", "memory/user/a/memory.limit_in_bytes")]
    #[case::container_of_version_1(7, &["memory"], "/docker/1234", "memory/memory.limit_in_bytes")]
    fn a_bound_is_found_wherever_it_stands(
        #[case] hierarchy: u32,
        #[case] controllers: &[&str],
        #[case] pathname: &str,
        #[case] file: &str,
    ) {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "209715200\n").unwrap();
        let groups = [
            group(3, &["pids"], "/"),
            group(hierarchy, controllers, pathname),
        ];
        assert_eq!(allowed(root.path(), &groups), Some(200 << 20));
    }

    #[test]
    fn the_smallest_bound_counts_and_max_is_none() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        fs::create_dir_all(&folder).unwrap();
        let groups = [group(0, &[], "/a/b")];
        fs::write(folder.join("memory.max"), "max\n").unwrap();
        assert_eq!(allowed(root.path(), &groups), None);
        fs::write(root.path().join("a/memory.max"), "3000\n").unwrap();
        assert_eq!(allowed(root.path(), &groups), Some(3000));
        fs::write(folder.join("memory.max"), "2000\n").unwrap();
        assert_eq!(allowed(root.path(), &groups), Some(2000));
    }

    #[test]
    fn without_groups_or_files_there_is_no_bound() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(allowed(root.path(), &[]), None);
        assert_eq!(allowed(root.path(), &[group(0, &[], "/gone")]), None);
    }
}
