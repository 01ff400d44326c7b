//! A session against rustls's own client, over vectors instead of a network.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use proptest::prelude::*;
use rstest::rstest;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};

use super::*;
use crate::delivery::tls::TlsSocket;
use crate::pki::Authority;

/// Both ends of a connection whose handshake is over.
struct Pair {
    client: ClientConnection,
    server: Box<Session>,
}

impl Pair {
    fn new(version: &'static SupportedProtocolVersion) -> Self {
        let authority = Authority::new("CA");
        let identity = authority.issue("localhost");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(identity.chain(), identity.secret())
            .unwrap();
        let mut roots = RootCertStore::empty();
        let pem = authority.pem();
        let root = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        roots.add(root).unwrap();
        let trust = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let mut pair = Self {
            client: ClientConnection::new(Arc::new(trust), name).unwrap(),
            server: Session::new(Arc::new(config)).unwrap(),
        };
        let mut phase = Phase::Handshake;
        while phase == Phase::Handshake || pair.client.is_handshaking() {
            phase = pair.send_up().unwrap().0;
            pair.send_down();
        }
        pair
    }

    /// What the client has to say, and what the server hears.
    fn send_up(&mut self) -> Result<(Phase, Vec<u8>), rustls::Error> {
        let (mut wire, mut plain) = (Vec::new(), Vec::new());
        while self.client.wants_write() {
            self.client.write_tls(&mut wire).unwrap();
        }
        let phase = self
            .server
            .receive(&wire, |part| plain.extend_from_slice(part))?;
        Ok((phase, plain))
    }

    fn send_down(&mut self) {
        let mut wire = Vec::new();
        let (_, result) = self.server.flush(|bytes| wire.write(bytes));
        result.unwrap();
        self.give(&wire);
    }

    fn give(&mut self, mut wire: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        while !wire.is_empty() {
            self.client.read_tls(&mut wire).unwrap();
            self.client.process_new_packets().unwrap();
            drop(self.client.reader().read_to_end(&mut plain));
        }
        plain
    }

    fn says(&mut self, bytes: &[u8]) {
        self.client.writer().write_all(bytes).unwrap();
    }
}

#[rstest]
#[case(&TLS12)]
#[case(&TLS13)]
fn an_idle_session_keeps_no_buffers(#[case] version: &'static SupportedProtocolVersion) {
    let mut pair = Pair::new(version);
    pair.says(b"GET / HTTP/1.1\r\n\r\n");
    let (phase, plain) = pair.send_up().unwrap();
    assert_eq!((phase, plain.len()), (Phase::Open, 18));
    let mut scratch = Scratch::default();
    let record = pair.server.encrypt(b"data: 1\n\n", &mut scratch).unwrap();
    let record = record.to_vec();
    assert_eq!(pair.give(&record), b"data: 1\n\n");
    assert_eq!(pair.server.partial.capacity(), 0);
    assert_eq!(pair.server.unsent.capacity(), 0);
}

#[rstest]
#[case(&TLS12)]
#[case(&TLS13)]
fn a_record_holds_16_kib_and_half_a_record_waits_for_its_rest(
    #[case] version: &'static SupportedProtocolVersion,
) {
    let mut pair = Pair::new(version);
    let plain = vec![b'x'; RECORD];
    let mut scratch = Scratch::default();
    let record = pair.server.encrypt(&plain, &mut scratch).unwrap().to_vec();
    assert!(record.len() <= RECORD + 40, "{}", record.len());
    assert_eq!(pair.give(&record), plain);
    pair.says(&plain);
    let mut wire = Vec::new();
    pair.client.write_tls(&mut wire).unwrap();
    let mut heard = 0;
    for part in wire.chunks(1000) {
        pair.server
            .receive(part, |part| heard += part.len())
            .unwrap();
    }
    assert_eq!((heard, pair.server.partial.capacity()), (RECORD, 0));
}

#[test]
fn a_change_of_keys_is_answered_with_the_next_record() {
    let mut pair = Pair::new(&TLS13);
    let mut scratch = Scratch::default();
    for _ in 0..3 {
        pair.client.refresh_traffic_keys().unwrap();
        pair.says(b"x");
        assert_eq!(pair.send_up().unwrap(), (Phase::Open, b"x".to_vec()));
        let record = pair.server.encrypt(b"y", &mut scratch).unwrap().to_vec();
        assert_eq!(pair.give(&record), b"y");
    }
}

#[rstest]
#[case(&TLS12)]
#[case(&TLS13)]
fn a_goodbye_is_heard_and_ours_is_said_once(#[case] version: &'static SupportedProtocolVersion) {
    let mut pair = Pair::new(version);
    pair.server.seal();
    pair.server.seal();
    let mut wire = Vec::new();
    pair.server.flush(|bytes| wire.write(bytes)).1.unwrap();
    pair.give(&wire);
    assert_eq!(pair.client.reader().read(&mut [0]).unwrap(), 0);
    assert!(wire.len() < 64, "one alert: {wire:?}");
    pair.client.send_close_notify();
    assert_eq!(pair.send_up().unwrap().0, Phase::Goodbye);
}

#[rstest]
#[case(&TLS12)]
#[case(&TLS13)]
fn what_is_no_record_is_told_and_nothing_can_be_sent_after_it(
    #[case] version: &'static SupportedProtocolVersion,
) {
    let mut pair = Pair::new(version);
    let mut forged = vec![23, 3, 3, 0, 40];
    forged.resize(45, 7);
    assert!(pair.server.receive(&forged, |_| {}).is_err());
    assert!(!pair.server.is_clear(), "an alert");
    let mut scratch = Scratch::default();
    assert!(pair.server.encrypt(b"x", &mut scratch).is_err());
}

/// A stalled client held all that had been encrypted for it.
#[test]
fn a_socket_that_is_full_holds_one_record_and_the_stream_is_exact() {
    let mut pair = Pair::new(&TLS13);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (ours, _) = listener.accept().unwrap();
    ours.set_nonblocking(true).unwrap();
    theirs.set_nonblocking(true).unwrap();
    let server = std::mem::replace(&mut pair.server, Pair::new(&TLS13).server);
    let mut socket = TlsSocket::new(mio::net::TcpStream::from_std(ours), server);
    let mut scratch = Scratch::default();
    let batch: Vec<u8> = (0..64 << 10).map(|n: u32| (n % 251) as u8).collect();
    let (mut taken, mut received) = (Vec::new(), Vec::new());
    while taken.len() < 8 << 20 {
        match socket.write(&batch, &mut scratch) {
            Ok(part) => taken.extend_from_slice(&batch[..part]),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
        if !socket.is_clear() {
            assert!(socket.kept() <= RECORD + OVERHEAD);
            assert_eq!(
                socket.write(&batch, &mut scratch).unwrap_err().kind(),
                io::ErrorKind::WouldBlock
            );
            let mut wire = vec![0; 1 << 16];
            while let Ok(read @ 1..) = theirs.read(&mut wire) {
                received.extend(pair.give(&wire[..read]));
            }
            drop(socket.flush());
        }
    }
    let mut wire = vec![0; 1 << 16];
    while received.len() < taken.len() {
        drop(socket.flush());
        if let Ok(read) = theirs.read(&mut wire) {
            received.extend(pair.give(&wire[..read]));
        }
    }
    assert!(received == taken, "not the same bytes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn whatever_a_socket_takes_the_bytes_are_the_same(
        batches in proptest::collection::vec(1_usize..40_000, 1..6),
        takes in proptest::collection::vec(1_usize..20_000, 1..50),
    ) {
        let mut pair = Pair::new(&TLS13);
        let mut scratch = Scratch::default();
        let (mut said, mut wire) = (Vec::new(), Vec::new());
        let mut takes = takes.iter().cycle();
        let mut write = |bytes: &[u8]| {
            let taken = bytes.len().min(*takes.next().unwrap());
            wire.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        };
        for size in batches {
            let plain: Vec<u8> = (0..=252).cycle().take(size).collect();
            for part in plain.chunks(RECORD) {
                let record = pair.server.encrypt(part, &mut scratch).unwrap();
                let taken = write(record).unwrap();
                if taken < record.len() {
                    pair.server.keep(&record[taken..]);
                }
                pair.server.flush(&mut write).1.unwrap();
                said.extend_from_slice(part);
            }
        }
        prop_assert!(pair.give(&wire) == said);
    }
}
