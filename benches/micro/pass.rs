//! A pass: one round of a shard that brings what a topic has new to 10,000 subscribers at its live
//! edge. System calls count as their call only: the kernel's work is not in it.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fantail::clock;
use fantail::delivery::by_hand::ByHand;
use fantail::delivery::{ConnectionPermit, Newcomer, Options, ShardOptions, Socket};
use fantail::event::EventName;
use fantail::hub::limits::{ClientAddr, Total};
use fantail::hub::{self, Appender, Hub, OnDemand, RouteTopics, TopicOptions};
use fantail::log::{Cursor, Draft, Identity};
use fantail::metrics::{GaugeGuard, Metrics, Protocol};
use fantail::topic_key::{RouteId, TopicKey};
use gungraun::prelude::*;
use parking_lot::Mutex;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::inputs;

const SUBSCRIBERS: usize = 10_000;
/// A round takes 1,024 events of sockets: so many are over after each of them has had two.
const ROUNDS: usize = 32;

struct Stage {
    shard: ByHand,
    hub: Arc<Hub>,
    /// Where every subscriber's bytes go: nobody reads them, and the kernel drops them.
    sink: UdpSocket,
}

#[derive(Default)]
struct Opener(Mutex<Option<Appender>>);

impl OnDemand for Opener {
    fn open(&self, appender: Appender) {
        *self.0.lock() = Some(appender);
    }
}

/// Everybody at the live edge, and so many events that have just been published.
fn published(events: usize) -> (Stage, Appender) {
    provide_descriptors();
    let metrics = Metrics::new();
    let shard = ByHand::new(ShardOptions::default(), &metrics).unwrap();
    let hub = Hub::new(hub::Options::default(), vec![shard.door()]);
    let opener = Arc::new(Opener::default());
    hub.set_on_demand(Arc::<Opener>::clone(&opener));
    let sink = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut stage = Stage { shard, hub, sink };
    let route = stage.fill(&metrics);
    let mut appender = opener.0.lock().take().unwrap();
    // The first pass is what grows the buffers that all others use again.
    for _ in 0..2 {
        stage.settle();
        append(&mut appender, events);
    }
    let delivered = route.metrics.frames_delivered.get();
    assert_eq!(delivered, (SUBSCRIBERS * events) as u64, "by the first one");
    (stage, appender)
}

impl Stage {
    fn fill(&mut self, metrics: &Metrics) -> Arc<RouteTopics> {
        let route = Arc::new(RouteTopics {
            id: RouteId(0),
            name: "route".into(),
            options: TopicOptions::default(),
            metrics: metrics.route("route"),
        });
        // No timer is due while it runs.
        let options = Arc::new(Options {
            heartbeat: Duration::from_secs(3600),
            stall_timeout: Duration::from_secs(3600),
            ..Options::default()
        });
        let key = TopicKey::new("http://127.0.0.1:8000/demo_sse.php", Vec::new());
        let client = hub::Client {
            address: ClientAddr::new(Ipv4Addr::LOCALHOST.into()),
            protocol: Protocol::H1,
        };
        let (total, gauge) = (Total::new(0), &metrics.listener("listener").connections);
        for _ in 0..SUBSCRIBERS {
            let subscription = self.hub.subscribe(&route, &key, client, clock::now());
            let subscription = subscription.unwrap();
            self.shard.deliver(Newcomer {
                socket: self.socket().unwrap(),
                prologue: Bytes::from_static(b"HTTP/1.1 200 OK\r\n\r\n"),
                cursor: Cursor::at(subscription.topic().log().edge()),
                subscription,
                options: Arc::clone(&options),
                permit: ConnectionPermit {
                    total: total.acquire(),
                    served: total.acquire(),
                    address: None,
                    open: GaugeGuard::enter(gauge),
                },
            });
        }
        route
    }

    /// Takes every write whole, for ever, with one descriptor: a stream's would need a peer that
    /// reads. A Unix socket is the kind that is not asked for TCP's options.
    fn socket(&self) -> io::Result<Socket> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(self.sink.local_addr()?)?;
        socket.set_nonblocking(true)?;
        Ok(Socket::from_unix(socket.into()))
    }

    /// Goes on until nothing is left to be done.
    fn settle(&mut self) {
        for _ in 0..ROUNDS {
            self.shard.round();
        }
    }
}

fn append(appender: &mut Appender, events: usize) {
    let name = EventName::new("quote").unwrap();
    for data in inputs::trades(events) {
        let draft = Draft::Event {
            id: None,
            identity: Identity::Token,
            name: Some(&name),
            data: &data,
            key: None,
        };
        appender.append(&draft, clock::now()).unwrap();
    }
    appender.publish();
}

fn provide_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
}

#[library_benchmark]
#[bench::one_event(published(1))]
#[bench::twenty_events(published(20))]
fn pass((mut stage, appender): (Stage, Appender)) -> (Stage, Appender) {
    stage.shard.round();
    (stage, appender)
}

library_benchmark_group!(name = passes, benchmarks = pass);
