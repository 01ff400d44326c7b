//! C08: which buffer, by what comes together; and what is none.

use super::texts::{buffering, visit};
use super::*;

/// 114 bytes, as the script of the measurements prints them.
fn event(number: usize) -> String {
    format!("id: {number:05}\ndata: {}\n\n", "x".repeat(96))
}

/// A stream of such events in pieces of these sizes, so many milliseconds apart.
fn pieces(sizes: &[usize], apart: u64) -> Option<Finding> {
    let text: String = (0..1500).map(event).collect();
    let mut rest = text.as_str();
    let cut = |size: &usize| {
        let (piece, after) = rest.split_at(*size);
        rest = after;
        piece
    };
    let cut: Vec<&str> = sizes.iter().map(cut).collect();
    buffering(visit(
        &(1..).map(|n| n * apart).zip(cut).collect::<Vec<_>>(),
    ))
}

#[rstest]
#[case::php(&[4129, 4140, 4149, 4176], 700, "4096 bytes of the script itself")]
#[case::php_that_prints_whole_events(&[4104, 4104, 4104], 700, "4096 bytes of the script itself")]
#[case::nginx_in_front_of_http(&[3932, 4096, 4096], 700, "4096 bytes of a proxy, as nginx has")]
#[case::nginx_with_more(&[8029, 8192, 8192], 700, "8192 bytes of a proxy, as nginx has")]
#[case::nginx_in_front_of_php_fpm(&[4046, 4082, 4084, 4085], 700, "4096 bytes between FastCGI")]
#[case::likewise_in_small_records(&[3635, 3680, 3708, 3712], 700, "4096 bytes between FastCGI")]
#[case::php_fpm_that_is_never_flushed(&[8143, 8184, 8184], 700, "8192 bytes between FastCGI")]
#[case::in_quick_succession(&[3932, 4096, 4096], 60, "4096 bytes of a proxy, as nginx has")]
fn a_full_buffer_is_known_by_its_size(
    #[case] sizes: &[usize],
    #[case] apart: u64,
    #[case] words: &str,
) {
    let found = pieces(sizes, apart).unwrap();
    assert_eq!(found.severity, Severity::Warning);
    assert!(
        found.saw.contains(&format!("a buffer of {words}")),
        "{}",
        found.saw
    );
}

#[rstest]
#[case::one_by_one(&[114, 114, 114], 700)]
#[case::batches(&[570, 570, 570], 700)]
#[case::large_batches(&[5700, 5700, 5700], 700)]
#[case::batches_as_they_come(&[4104, 3420, 5130], 700)]
#[case::a_flood_that_is_cut_anywhere(&[4000, 1448, 2896, 7240], 60)]
#[case::whole_events_in_quick_succession(&[4104, 4104, 4104], 60)]
#[case::a_stream_that_never_rests(&[114; 100], 10)]
fn what_a_script_may_do_is_no_buffer(#[case] sizes: &[usize], #[case] apart: u64) {
    assert_eq!(pieces(sizes, apart).unwrap().severity, Severity::Ok);
}

#[test]
fn the_fixes_are_those_of_whose_buffer_it_is() {
    let servers = |sizes| {
        let found = pieces(sizes, 700).unwrap();
        let names = found.fixes.iter().filter_map(|fix| fix.server);
        names.map(|server| server.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(servers(&[4129, 4140, 4149]), ["PHP", "ASP"]);
    assert_eq!(servers(&[3932, 4096, 4096]), ["nginx", "Apache", "IIS"]);
    assert_eq!(servers(&[4046, 4082, 4084]).len(), 5);
}

#[rstest]
#[case::the_script(f::all_at_the_end, "the head, then nothing for ", &["PHP", "ASP"])]
#[case::a_proxy_or_no_flush(
    f::all_at_the_end_with_the_head, "and the head only then", &["PHP", "ASP", "nginx", "Apache", "IIS"]
)]
#[tokio::test]
async fn the_head_tells_who_holds_back_until_the_end(
    #[case] script: Script,
    #[case] words: &str,
    #[case] servers: &[&str],
) {
    let diagnosis = ask(script, "/", "900ms").await;
    let found = find(&diagnosis, Code::Buffered);
    assert!(found.saw.contains(words), "{}", found.saw);
    let names = found.fixes.iter().filter_map(|fix| fix.server);
    assert_eq!(names.map(Server::as_str).collect::<Vec<_>>(), servers);
}

#[tokio::test]
async fn a_second_visit_looks_longer_until_the_buffer_is_known() {
    let backend = Backend::start(f::php_buffer).await;
    let ask = Ask::new(&backend.url("/"), "700ms").unwrap();
    let seen = Box::pin(rounds::observe(&ask)).await;
    let longer = seen.longer.as_ref().unwrap();
    assert!(longer.chunks.len() > seen.first.chunks.len());
    let found = diagnose(seen, yardstick(), &[]);
    let saw = &find(&found, Code::Buffered).saw;
    assert!(
        saw.contains("a buffer of 4096 bytes of the script itself"),
        "{saw}"
    );
    // There is none where nothing is in doubt.
    let backend = Backend::start(f::good).await;
    let ask = Ask::new(&backend.url("/events"), LOOK).unwrap();
    assert!(Box::pin(rounds::observe(&ask)).await.longer.is_none());
}

#[tokio::test]
async fn silence_is_not_judged_but_it_is_said_what_it_might_be() {
    let diagnosis = ask(f::silent, "/", LOOK).await;
    let told = diagnosis
        .unjudged
        .iter()
        .find(|(code, _)| *code == Code::Buffered);
    assert!(told.unwrap().1.contains("--for 60s"));
    assert!(diagnosis.findings.iter().all(|f| f.code != Code::Buffered));
}

#[tokio::test]
async fn what_is_kept_of_a_flood_is_no_buffer() {
    let diagnosis = ask(f::flood, "/", LOOK).await;
    let warned = |f: &Finding| f.code == Code::Buffered && f.severity > Severity::Ok;
    assert!(!diagnosis.findings.iter().any(warned));
}
