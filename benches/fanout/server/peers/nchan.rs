//! Nchan: a hub inside nginx. The source publishes to it, its subscribers get Server-Sent Events.

use std::io;

use super::{Launch, Site, nginx};
use crate::source::PUBLISH_PATH;

pub(super) const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

const READY_PATH: &str = "/ready";

/// As many messages are kept as Fantail keeps, and as long; newcomers begin with what is new, as
/// Fantail's do. Shared memory is what its documentation says to raise first.
pub(super) fn launch(site: &Site<'_>) -> io::Result<Launch> {
    let servers = format!(
        "nchan_shared_memory_size 512M;\n\
         server {{ {}\
         location = /events {{ nchan_subscriber eventsource; nchan_channel_id events;\n\
         nchan_subscriber_first_message newest; nchan_subscriber_timeout 0; }}\n\
         location = {READY_PATH} {{ return 200; }} }}\n\
         server {{ listen {};\n\
         location = {PUBLISH_PATH} {{ nchan_publisher http; nchan_channel_id events;\n\
         nchan_message_buffer_length {}; nchan_message_timeout 10m; }} }}\n",
        nginx::listen(site),
        site.publish,
        site.kept_events,
    );
    let head = format!("load_module {MODULE};\n");
    let text = nginx::text(&head, site.clients, &servers, site);
    let command = nginx::command(site, &text)?;
    Ok(Launch {
        ready_path: READY_PATH,
        ..Launch::new(command)
    })
}
