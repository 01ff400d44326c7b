//! What visitors do to each other.

use super::backend::Lock;
use super::*;

#[rstest]
#[case(Lock::Session, Code::SessionLock, Severity::Warning)]
#[case(Lock::Nobody, Code::SessionLock, Severity::Ok)]
#[case(Lock::Everybody, Code::Workers, Severity::Warning)]
#[tokio::test]
async fn who_waits_for_whom_is_told_apart(
    #[case] lock: Lock,
    #[case] code: Code,
    #[case] severity: Severity,
) {
    let backend = Backend::locked(f::session, lock).await;
    let ask = Ask::new(&backend.url("/"), "600ms").unwrap();
    let found = diagnosis(&ask, yardstick()).await;
    assert_eq!(find(&found, code).severity, severity);
    let locked = found
        .findings
        .iter()
        .any(|f| f.code == Code::SessionLock && f.severity == Severity::Warning);
    assert_eq!(locked, lock == Lock::Session);
}

#[tokio::test]
async fn a_server_with_one_worker_is_found_by_opening_streams() {
    let backend = Backend::locked(f::good, Lock::Everybody).await;
    let ask = Ask::new(&backend.url("/a"), LOOK)
        .unwrap()
        .workers(3)
        .unwrap();
    let diagnosis = diagnosis(&ask, yardstick()).await;
    let found = find(&diagnosis, Code::Workers);
    assert_eq!(found.saw, "only 1 of 3 streams at once got an answer");
}

#[rstest]
#[case(f::personal, &["a=b"], &[], "headers  = [\"Cookie\"]")]
#[case(f::protected, &[], &["authorization: Bearer x"], "headers  = [\"Authorization\"]")]
#[tokio::test]
async fn what_tells_visitors_apart_is_declared_in_the_route(
    #[case] script: Script,
    #[case] cookies: &[&str],
    #[case] headers: &[&str],
    #[case] line: &str,
) {
    let backend = Backend::start(script).await;
    let owned = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
    let ask = Ask::new(&backend.url("/a"), LOOK).unwrap();
    let ask = ask
        .cookies(&owned(cookies))
        .unwrap()
        .headers(&owned(headers))
        .unwrap();
    let diagnosis = diagnosis(&ask, yardstick()).await;
    assert_eq!(find(&diagnosis, Code::Sharing).severity, Severity::Note);
    assert!(diagnosis.route.unwrap().contains(line));
}
