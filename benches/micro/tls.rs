//! Sealing: what a subscriber at the live edge costs with TLS, beside one without. The keys differ
//! from run to run, and make no difference to the count.

use std::hint::black_box;
use std::io::Write as _;
use std::sync::Arc;

use fantail::delivery::session::{Phase, RECORD, Scratch, Session};
use gungraun::prelude::*;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig};

use crate::inputs;

struct Sealing {
    session: Box<Session>,
    scratch: Scratch,
    batch: Vec<u8>,
}

/// A TLS 1.3 session after its handshake, and so many bytes for it.
fn sealing(bytes: usize) -> Sealing {
    let mut sealing = Sealing {
        session: open(),
        scratch: Scratch::default(),
        batch: inputs::long_line(bytes).into_bytes(),
    };
    // The first record goes behind what the handshake has left.
    let Sealing {
        session, scratch, ..
    } = &mut sealing;
    session.encrypt(b":\n", scratch).unwrap();
    sealing
}

fn open() -> Box<Session> {
    let (server, client) = configurations();
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(client, name).unwrap();
    let mut server = Session::new(server).unwrap();
    let mut phase = Phase::Handshake;
    while phase == Phase::Handshake || client.is_handshaking() {
        let (mut up, mut down) = (Vec::new(), Vec::new());
        while client.wants_write() {
            client.write_tls(&mut up).unwrap();
        }
        phase = server.receive(&up, |_| {}).unwrap();
        let (_, sent) = server.flush(|bytes| down.write(bytes));
        sent.unwrap();
        let mut down = down.as_slice();
        while !down.is_empty() {
            client.read_tls(&mut down).unwrap();
            client.process_new_packets().unwrap();
        }
    }
    server
}

fn configurations() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let secret = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let provider = Arc::new(aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], secret.into())
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(own.cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

#[library_benchmark]
#[bench::batch_of_twenty(sealing(2400))]
#[bench::full_record(sealing(RECORD))]
fn seal(mut sealing: Sealing) -> Sealing {
    let Sealing {
        session,
        scratch,
        batch,
    } = &mut sealing;
    black_box(session.encrypt(black_box(batch), scratch).unwrap());
    sealing
}

library_benchmark_group!(name = records, benchmarks = seal);
