//! What is in flight when a request becomes a stream, and how streams and answers end.

use std::time::Duration;

use super::{Stage, client_config, subscribe};
use crate::support::{Client, Get, eventually};

const SUBSCRIBERS: &str = "fantail_subscribers{protocol=\"h1\",route=\"events\"}";

fn ask() -> String {
    Get::new("/events")
        .header("Accept", "text/event-stream")
        .bytes()
}

#[test]
fn a_head_cut_over_records_at_every_byte_is_one_request_and_what_follows_is_none() {
    let stage = Stage::new("", "");
    let config = client_config();
    let head = ask();
    let mut clients: Vec<Client> = Vec::new();
    for cut in 0..=head.len() {
        let mut client = stage.connect(&config);
        let (one, two) = head.split_at(cut);
        client.send(one);
        client.send(format!("{two}GET /none HTTP/1.1\r\nHost: a\r\n\r\n"));
        client.read_head();
        assert_eq!(client.status, 200, "cut at {cut}");
        clients.push(client);
    }
    stage.upstream.wait_for_streams(1);
    stage.upstream.emit("data: 1\n\n");
    for client in &mut clients {
        assert_eq!(client.next_event().data, "1");
        client.expect_quiet(Duration::from_millis(1));
    }
    assert_eq!(stage.upstream.requests().len(), 1);
    let rejects = "fantail_rejects_total{listener=\"127.0.0.1:0\",reason=\"unknown_route\"}";
    assert_eq!(stage.gateway.metric(rejects), 0.0);
}

#[test]
fn half_a_record_that_came_with_the_head_goes_with_the_session() {
    let stage = Stage::new("", "");
    let config = client_config();
    for cut in [1, 4, 5, 6, 40, 300] {
        let mut client = stage.connect(&config);
        let mut bytes = client.wire().encrypted(ask().as_bytes());
        let junk = client.wire().encrypted(&[b'x'; 1000]);
        bytes.extend_from_slice(&junk[..cut]);
        client.wire().send_raw(&bytes);
        client.read_head();
        assert_eq!(client.status, 200);
        client.wire().send_raw(&junk[cut..]);
        client.send("and more, which is read and forgotten");
        client.line();
        client.expect_bytes(":\n");
        stage.upstream.wait_for_streams(1);
        stage.upstream.emit(&format!("data: {cut}\n\n"));
        while client.next_event().data != cut.to_string() {}
        let ended = "fantail_subscriptions_ended_total{reason=\"error\",route=\"events\"}";
        assert_eq!(stage.gateway.metric(ended), 0.0);
    }
}

#[test]
fn a_goodbye_frees_the_place_at_once_though_the_socket_stays() {
    let stage = Stage::new("", "heartbeat = \"1h\"");
    let mut client = stage.subscribe(&client_config());
    eventually("it is counted", || stage.gateway.metric(SUBSCRIBERS) == 1.0);
    client.wire().say_goodbye();
    let begin = fantail::clock::now();
    eventually("it has left", || stage.gateway.metric(SUBSCRIBERS) == 0.0);
    assert!(begin.elapsed() < Duration::from_secs(1));
    let ended = "fantail_subscriptions_ended_total{reason=\"client\",route=\"events\"}";
    assert_eq!(stage.gateway.metric(ended), 1.0);
    client.expect_end();
}

#[test]
fn bytes_that_are_no_records_end_the_stream_with_an_alert() {
    let stage = Stage::new("", "");
    let mut client = stage.subscribe(&client_config());
    let mut other = stage.subscribe(&client_config());
    let mut forged = vec![23, 3, 3, 0, 30];
    forged.resize(35, 0);
    client.wire().send_raw(&forged);
    let ended = "fantail_subscriptions_ended_total{reason=\"error\",route=\"events\"}";
    eventually("it is ended", || stage.gateway.metric(ended) == 1.0);
    stage.upstream.wait_for_streams(1);
    stage.upstream.emit("data: 1\n\n");
    assert_eq!(other.next_event().data, "1");
    let panics = "fantail_panics_total{part=\"shard\"}";
    assert_eq!(stage.gateway.metric(panics), 0.0);
}

#[test]
fn an_ordinary_answer_that_is_the_last_ends_with_a_goodbye() {
    let stage = Stage::new("", "[limits]\nhead_timeout = \"500ms\"");
    let mut client = stage.connect(&client_config());
    let get = Get::new("/none").header("Connection", "close");
    client.send(get.bytes());
    client.read_head();
    client.body();
    assert!(client.is_ended() && !client.is_cut());
    // Nor is the end of an idle connection a cut.
    let mut idle = stage.connect(&client_config());
    idle.send(Get::new("/none").bytes());
    idle.read_head();
    idle.body();
    assert!(idle.is_ended() && !idle.is_cut());
}

#[test]
fn the_stop_of_the_program_is_no_cut() {
    let stage = Stage::new("", "");
    let mut clients: Vec<Client> = (0..10).map(|_| stage.subscribe(&client_config())).collect();
    let Stage {
        gateway,
        upstream,
        folder,
    } = stage;
    drop(gateway);
    for client in &mut clients {
        client.expect_end();
    }
    drop((upstream, folder));
}

#[test]
fn ten_streams_after_each_other_leave_nothing_behind() {
    let stage = Stage::new("", "");
    for _ in 0..10 {
        drop(subscribe(stage.connect(&client_config())));
    }
    eventually("connections are free", || {
        stage.gateway.app().connections() == 0 && stage.gateway.metric(SUBSCRIBERS) == 0.0
    });
}
