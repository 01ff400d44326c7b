//! What a subscriber sees, byte by byte.

use crate::support::{Gateway, Upstream};

#[test]
fn a_frame_arrives_exactly_as_it_is_encoded() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "");
    let mut client = gateway.subscribe();
    upstream.wait_for_streams(1);
    upstream.emit("id: 7\nevent: tick\ndata: a\ndata: b\n\n");
    assert_eq!(
        client.next_event().raw,
        "id: 7\nevent: tick\ndata: a\ndata: b\n\n"
    );
}
