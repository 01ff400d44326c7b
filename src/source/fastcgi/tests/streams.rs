//! Responses that give events.

use tokio::net::UnixListener;

use super::*;
use crate::source::Incomplete;

#[tokio::test]
async fn a_script_that_prints_and_exits_gives_its_events_and_a_clean_end() {
    let response = one_shot(&format!("{HEAD}data: a\n\ndata: b\n\n"));
    let (data, end) = given(&response, Options::default()).await;
    assert_eq!(data, ["a", "b"]);
    assert_eq!(ended(end), (None, false));
}

#[tokio::test]
async fn the_incomplete_event_of_a_clean_end_counts_as_the_route_says() {
    let left = async |incomplete| {
        let options = Options {
            incomplete,
            ..Options::default()
        };
        let response = one_shot(&format!("{HEAD}data: 2026-11-22"));
        ended(given(&response, options).await.1)
    };
    let time = Some("2026-11-22".to_owned());
    assert_eq!(left(Incomplete::Auto).await, (time, false));
    assert_eq!(left(Incomplete::Strict).await, (None, true));
}

#[tokio::test]
async fn records_cut_at_every_byte_with_padding_and_errors_between_give_the_same() {
    let head = "X-Powered-By: PHP/8.2\r\nContent-type: text/event-stream;charset=UTF-8\r\n\r\n";
    let response = [
        record(STDERR, "PHP message: PHP Warning:  odd", 2),
        record(STDOUT, head, 5),
        record(STDOUT, "data: on", 255),
        record(STDERR, "data: an error is no event\n\n", 0),
        vec![1, 10, 0, 0, 0, 1, 7, 0, 9, 0, 0, 0, 0, 0, 0, 0],
        record(STDOUT, "e\n\ndata: two\n\n", 1),
        record(STDOUT, "", 0),
        record(STDERR, "", 0),
        end(0),
    ]
    .concat();
    for size in [1, 2, 7, response.len()] {
        let application = Application::start().await;
        let source = application.source(Options::default());
        let served = async {
            let mut socket = application.accept().await;
            request(&mut socket).await;
            for piece in response.chunks(size) {
                socket.write_all(piece).await.unwrap();
                socket.flush().await.unwrap();
                tokio::task::yield_now().await;
            }
            socket
        };
        let reading = async { read(&mut *source.open_feed(None).await.unwrap()).await };
        let ((data, end), _socket) = tokio::join!(reading, served);
        assert_eq!(data, ["one", "two"], "{size}");
        assert_eq!(ended(end), (None, false));
    }
}

#[tokio::test]
async fn a_loop_gives_each_event_when_it_comes_and_notices_that_nobody_listens() {
    let application = Application::start().await;
    let source = application.source(Options::default());
    let (feed, mut socket) = tokio::join!(source.open_feed(None), async {
        let mut socket = application.accept().await;
        answer(&mut socket, &stdout(HEAD)).await;
        socket
    });
    let mut feed = feed.unwrap();
    for n in 0..3 {
        let event = stdout(&format!("data: {n}\n\n"));
        socket.write_all(&event).await.unwrap();
        let step = timeout(PATIENCE, feed.next()).await.unwrap().unwrap();
        assert!(matches!(step, Step::Items { items, .. } if items.len() == 1));
    }
    drop(feed);
    let read = timeout(PATIENCE, socket.read(&mut [0])).await.unwrap();
    assert_eq!(read.unwrap(), 0);
}

#[tokio::test]
async fn a_dropped_next_loses_nothing() {
    let application = Application::start().await;
    let source = application.source(Options::default());
    let body = stdout("data: x\n\n").repeat(100);
    let served = async {
        let mut socket = application.accept().await;
        answer(&mut socket, &stdout(HEAD)).await;
        for piece in body.chunks(5) {
            socket.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        socket.write_all(&end(0)).await.unwrap();
    };
    let reading = async {
        let mut feed = source.open_feed(None).await.unwrap();
        let mut count = 0;
        loop {
            // Polled once and dropped, over and over.
            let step = tokio::select! {
                biased;
                step = feed.next() => step.unwrap(),
                () = tokio::task::yield_now() => continue,
            };
            match step {
                Step::Items { items, .. } => count += items.len(),
                Step::Ended { .. } => return count,
            }
        }
    };
    let (count, ()) = tokio::join!(timeout(PATIENCE, reading), served);
    assert_eq!(count.unwrap(), 100);
}

#[tokio::test]
async fn a_unix_socket_is_spoken_to_likewise() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("php.sock");
    let source = source(
        &format!("fastcgi://unix:{}:/a.php?b=c", path.display()),
        Options::default(),
    );
    let missing = source.open_feed(None).await.err().unwrap();
    assert!(matches!(missing, Error::Connect(_)), "{missing}");
    let listener = UnixListener::bind(&path).unwrap();
    let served = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let request = request(&mut socket).await;
        let response = one_shot(&format!("{HEAD}data: a\n\n"));
        socket.write_all(&response).await.unwrap();
        String::from_utf8_lossy(&request).into_owned()
    };
    let reading = async { read(&mut *source.open_feed(None).await.unwrap()).await };
    let ((data, end), request) = tokio::join!(reading, served);
    assert_eq!(data, ["a"]);
    assert_eq!(ended(end), (None, false));
    assert!(request.contains("SCRIPT_FILENAME/srv/www/a.php"));
}

#[tokio::test]
async fn a_source_without_root_or_script_opens_nothing() {
    let key = |url| TopicKey::new(url, vec![]);
    let bare = FastCgiSource::new(
        key("fastcgi://127.0.0.1:1/a.php"),
        Options::default().into(),
    );
    assert!(bare.open(None).await.is_err());
    for url in ["http://127.0.0.1:1/a.php", "fastcgi://127.0.0.1:1/../a.php"] {
        let error = source(url, Options::default()).open(None).await.err();
        assert!(matches!(error, Some(Error::Connect(_))), "{url}");
    }
}
