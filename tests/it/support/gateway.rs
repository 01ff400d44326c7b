//! A Fantail in this process, on ports of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use fantail::app::{App, Setup};
use fantail::config::{Config, Flags};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use super::client::Client;
use super::get::Get;
use super::upstream::Upstream;
use super::way;

/// A running gateway; ends at once when it is dropped.
pub(crate) struct Gateway {
    runtime: Option<Runtime>,
    app: Option<Arc<App>>,
    drain: Option<JoinHandle<()>>,
    /// Where its certificate is, if its clients come in by TLS.
    secured: Option<TempDir>,
}

impl Gateway {
    /// With this configuration, in which `{upstream}` stands for the upstream's URL. A section
    /// `[server]` or `[admin]` that it does not have is put in, with port 0.
    pub(crate) fn start(toml: &str, upstream: &Upstream) -> Self {
        let mut text = String::new();
        for (section, listen) in [
            ("server", "[\"127.0.0.1:0\"]"),
            ("admin", "\"127.0.0.1:0\""),
        ] {
            if !toml.contains(&format!("[{section}]")) {
                text.push_str(&format!("[{section}]\nlisten = {listen}\n"));
            }
        }
        text.push_str(&toml.replace("{upstream}", &format!("http://{}", upstream.address())));
        let config = Config::parse("test.toml", &text, &[], &Flags::default())
            .unwrap_or_else(|faults| panic!("the test's configuration: {faults}"));
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let app = runtime.block_on(App::start(Setup::new(config))).unwrap();
        Self {
            runtime: Some(runtime),
            app: Some(Arc::new(app)),
            drain: None,
            secured: None,
        }
    }

    /// Whose clients come in by TLS; the folder has its certificate.
    pub(super) fn secured(mut self, folder: TempDir) -> Self {
        self.secured = Some(folder);
        self
    }

    /// With one route, `/events`, whose further keys are given.
    pub(crate) fn route(upstream: &Upstream, keys: &str) -> Self {
        let route =
            "[[route]]\nname = \"events\"\npath = \"/events\"\nupstream = \"{upstream}/events\"\n";
        Self::start(&format!("{route}{keys}\n"), upstream)
    }

    /// Where clients come in.
    pub(crate) fn address(&self) -> SocketAddr {
        if self.secured.is_some() {
            return self.tls_address();
        }
        self.plain_address()
    }

    /// Where they come in by TLS.
    pub(crate) fn tls_address(&self) -> SocketAddr {
        let addresses = self.app().tls_addresses();
        *addresses.first().expect("a listener with TLS")
    }

    /// Where they come in without.
    pub(crate) fn plain_address(&self) -> SocketAddr {
        *self.app().addresses().first().expect("a TCP listener")
    }

    /// Its root, as another gateway's upstream.
    pub(crate) fn url(&self) -> String {
        way::origin(self.address())
    }

    /// Where operators come in.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.app().admin_address().expect("an admin listener")
    }

    /// The application itself.
    pub(crate) fn app(&self) -> &App {
        self.app.as_ref().expect("a gateway that runs")
    }

    /// A stream from `/events`.
    #[track_caller]
    pub(crate) fn subscribe(&self) -> Client {
        let client = Get::new("/events").stream(self.address());
        assert_eq!(client.status, 200, "{}", client.head);
        client
    }

    /// All of `/metrics`.
    #[track_caller]
    pub(crate) fn metrics(&self) -> String {
        let mut client = Get::new("/metrics").connect(self.admin());
        assert_eq!(client.status, 200);
        client.body()
    }

    /// One series of `/metrics`, by its name with labels in alphabetical order.
    #[track_caller]
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let text = self.metrics();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        let value = value.unwrap_or_else(|| panic!("there is no {series}"));
        value.parse().unwrap()
    }

    /// `/topics`.
    #[track_caller]
    pub(crate) fn topics(&self) -> serde_json::Value {
        let body = Get::new("/topics").connect(self.admin()).body();
        let mut answer: serde_json::Value = serde_json::from_str(&body).unwrap();
        answer["topics"].take()
    }

    /// Reads its certificates again.
    pub(crate) fn reload_certificates(&self) {
        let runtime = self.runtime.as_ref().expect("a gateway that runs");
        runtime.block_on(self.app().reload_certificates());
    }

    /// Begins to drain; [`Gateway::is_drained`] tells the end.
    pub(crate) fn drain(&mut self) {
        let app = Arc::clone(self.app.as_ref().expect("a gateway that runs"));
        let runtime = self.runtime.as_ref().expect("a gateway that runs");
        self.drain = Some(runtime.spawn(async move { app.drain().await }));
    }

    /// Whether a drain that has been begun is over.
    pub(crate) fn is_drained(&self) -> bool {
        self.drain.as_ref().is_some_and(JoinHandle::is_finished)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if self.secured.is_some() && self.app.is_some() {
            way::forget(self.tls_address());
        }
        let (Some(runtime), Some(app)) = (self.runtime.take(), self.app.take()) else {
            return;
        };
        if let Some(drain) = self.drain.take() {
            drain.abort();
            drop(runtime.block_on(drain));
        }
        if let Some(app) = Arc::into_inner(app) {
            runtime.block_on(app.halt());
        }
        runtime.shutdown_background();
    }
}
