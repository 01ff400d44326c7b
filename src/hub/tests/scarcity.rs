//! What logs do while memory is scarce.

use super::*;

/// Logs of topics `a` and `b`, each with its appender.
fn two_logs(stage: &Stage) -> ([Subscription; 2], [Appender; 2]) {
    let readers = ["a", "b"].map(|path| stage.alice(path).unwrap());
    let mut appenders = [stage.appender(), stage.appender()];
    for appender in &mut appenders {
        fill(appender, stage.now);
    }
    (readers, appenders)
}

/// A hundred events of a hundred bytes.
fn fill(appender: &mut Appender, now: Instant) {
    let data = "x".repeat(100);
    for _ in 0..100 {
        let draft = Draft::Event {
            id: None,
            identity: Identity::None,
            name: None,
            data: &data,
            key: None,
        };
        appender.append(&draft, now);
    }
}

fn frames(stage: &Stage) -> Vec<usize> {
    let topics = stage.hub.topics(stage.now);
    topics.iter().map(|topic| topic.frames).collect()
}

#[test]
fn every_log_gives_away_half_each_time_down_to_its_newest_frame() {
    let stage = Stage::open();
    let (_readers, _appenders) = two_logs(&stage);
    assert_eq!(frames(&stage), [100, 100]);
    stage.hub.shorten_logs(0);
    assert_eq!(frames(&stage), [50, 50]);
    for _ in 0..10 {
        stage.hub.shorten_logs(0);
    }
    assert_eq!(frames(&stage), [1, 1]);
    assert!(stage.hub.log_bytes() > 0);
}

#[test]
fn a_shortened_log_does_not_grow_at_the_expense_of_memory_until_logs_are_restored() {
    let stage = Stage::open();
    let (_readers, mut appenders) = two_logs(&stage);
    stage.hub.shorten_logs(0);
    let limit = stage.hub.log_limit();
    assert_eq!(limit, stage.hub.log_bytes());
    fill(&mut appenders[0], stage.now);
    assert!(stage.hub.log_bytes() <= limit, "the one that grows pays");
    stage.hub.restore_logs();
    assert_eq!(stage.hub.log_limit(), Options::default().log_bytes);
    fill(&mut appenders[0], stage.now);
    assert!(stage.hub.log_bytes() > limit);
}

#[test]
fn logs_that_hold_little_are_left_alone_for_nothing_would_be_gained() {
    let stage = Stage::open();
    let (_readers, mut appenders) = two_logs(&stage);
    let least = stage.hub.log_bytes();
    stage.hub.shorten_logs(least);
    assert_eq!(frames(&stage), [100, 100]);
    fill(&mut appenders[0], stage.now);
    assert!(stage.hub.log_bytes() <= least, "nor do they grow");
}

#[test]
fn whoever_lags_is_told_how_many_frames_are_gone_and_who_keeps_up_misses_none() {
    let stage = Stage::open();
    let (readers, _appenders) = two_logs(&stage);
    let log = readers[0].topic().log();
    stage.hub.shorten_logs(0);
    let mut batch = Batch::default();
    let at = |offset| Cursor::at(crate::position::Offset(offset));
    let gap = Read::Gap {
        missed: Some(50),
        oldest: crate::position::Offset(50),
    };
    assert_eq!(log.read(at(0), usize::MAX, &mut batch), gap);
    assert_eq!(log.read(at(99), usize::MAX, &mut batch), Read::Frames);
    assert_eq!(log.read(at(100), usize::MAX, &mut batch), Read::Empty);
}
