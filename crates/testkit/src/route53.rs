//! A strict Route53 in this process: the REST-XML API on HTTP, and the zone on DNS.
//!
//! It refuses what the real service refuses, with the same messages, and a batch as a whole. A test
//! controls it with [`Knob`]s: faults, delays, and changes of the zone past the API. It calls the
//! methods here or, from another process, `POST /_knobs/NAME` with the knob's value as JSON;
//! `GET /_knobs/sets`, `counts`, `batches` and `held` return what the API does not show.
//!
//! Not modelled: geolocation, latency and failover sets, delegations below the zone, answers for
//! alias sets, DNSSEC, and the signature of a request beyond its presence.

mod api;
mod dns;
pub(crate) mod http;
mod knobs;
mod name;
mod rules;
mod state;
mod value;
mod wire;
mod zone;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::AbortHandle;

pub use knobs::{AccessFault, AppliedChange, Batch, Counts, Knob};
pub use zone::Set;

use dns::{Lag, Sockets};
use name::DnsName;
use state::State;

use crate::wait::completes;

/// How many RRsets of the zone a failed test prints.
const SETS_PRINTED: usize = 20;
/// The id of the only hosted zone: the value for `AWS_ROUTE53_HOSTED_ZONE_ID`.
const ZONE_ID: &str = "Z0STRICT00000001";
const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A running strict Route53 with one hosted zone. Dropping it stops it.
#[derive(Debug)]
pub struct StrictRoute53 {
    state: Arc<State>,
    http: SocketAddr,
    dns: SocketAddr,
    tasks: Vec<AbortHandle>,
}

/// A further name server of the zone, which answers with an older state. Dropping it stops it.
#[derive(Debug)]
pub struct LaggingServer {
    addr: SocketAddr,
    lag: Arc<AtomicU64>,
    task: AbortHandle,
}

impl StrictRoute53 {
    /// Starts one on free loopback ports.
    ///
    /// # Panics
    /// If `zone_name` is no domain name, or no port is free.
    pub async fn start(zone_name: &str) -> Self {
        match Self::bind(zone_name, ANY_PORT, ANY_PORT).await {
            Ok(started) => started,
            Err(error) => panic!("cannot start a strict Route53 for {zone_name}: {error}"),
        }
    }

    /// Starts one on the given addresses.
    ///
    /// # Errors
    /// `zone_name` is no domain name, or an address cannot be bound.
    pub async fn bind(zone_name: &str, http: SocketAddr, dns: SocketAddr) -> io::Result<Self> {
        let name = DnsName::parse(zone_name).map_err(io::Error::other)?;
        let servers = (1..=4).map(|number| format!("ns-{number}.strict-route53.test."));
        let state =
            State::new(ZONE_ID.into(), name, servers.collect()).map_err(io::Error::other)?;
        let state = Arc::new(state);
        let listener = TcpListener::bind(http).await?;
        let sockets = Sockets::bind(dns).await?;
        let http = listener.local_addr()?;
        let dns = sockets.addr()?;
        let for_http = Arc::clone(&state);
        let handler = Arc::new(move |request| api::answer(Arc::clone(&for_http), request));
        let tasks = vec![
            tokio::spawn(http::serve(listener, handler)).abort_handle(),
            tokio::spawn(sockets.serve(Arc::clone(&state), Lag::Knob)).abort_handle(),
        ];
        Ok(Self {
            state,
            http,
            dns,
            tasks,
        })
    }

    /// Returns the URL of the API, without a trailing slash: the value for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Returns the id of the hosted zone: the value for `AWS_ROUTE53_HOSTED_ZONE_ID`.
    pub fn zone_id(&self) -> &str {
        &self.state.zone_id
    }

    /// Returns the address on which the zone is served, on UDP and TCP.
    pub fn dns_addr(&self) -> SocketAddr {
        self.dns
    }

    /// Starts a further name server, which serves the zone as it was `lag` ago, but not as it was
    /// before this call.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start_lagging(&self, lag: Duration) -> io::Result<LaggingServer> {
        self.state.keep_past(lag);
        let lag = Arc::new(AtomicU64::new(millis(lag)));
        let sockets = Sockets::bind(ANY_PORT).await?;
        let addr = sockets.addr()?;
        let task = tokio::spawn(sockets.serve(Arc::clone(&self.state), Lag::Own(Arc::clone(&lag))))
            .abort_handle();
        Ok(LaggingServer { addr, lag, task })
    }

    /// Sets a knob.
    ///
    /// # Errors
    /// The name or a value of `Put`, `Load` or `Remove` cannot be parsed; the others cannot fail.
    pub fn turn(&self, knob: Knob) -> Result<(), String> {
        self.state.turn(knob)
    }

    /// Sets a knob that cannot fail.
    fn set_knob(&self, knob: Knob) {
        if let Err(fault) = self.state.turn(knob) {
            panic!("{fault}");
        }
    }

    /// Throttles every nth call; 0 stops it.
    pub fn throttle_every(&self, nth: u64) {
        self.set_knob(Knob::ThrottleEvery(nth));
    }

    /// Throttles a share of the calls (0.0 to 1.0), in an irregular but repeatable order.
    pub fn throttle_share(&self, share: f64) {
        self.set_knob(Knob::ThrottleShare(share));
    }

    /// Throttles calls above `most` within a second; 0 stops it.
    pub fn limit_per_second(&self, most: usize) {
        self.set_knob(Knob::LimitPerSecond(most));
    }

    /// Answers the next `times` changes with PriorRequestNotComplete.
    pub fn prior_request_not_complete(&self, times: u64) {
        self.set_knob(Knob::PriorRequest(times));
    }

    /// Answers the next `times` calls with AccessDenied.
    pub fn deny(&self, times: u64) {
        self.set_knob(Knob::Deny(times));
    }

    /// Answers every call with this error, until it is `None`.
    pub fn refuse_all(&self, fault: Option<AccessFault>) {
        self.set_knob(Knob::RefuseAll(fault));
    }

    /// Answers the next `times` calls with HTTP 503.
    pub fn unavailable(&self, times: u64) {
        self.set_knob(Knob::Unavailable(times));
    }

    /// Sets how long a change is PENDING, also for earlier changes.
    pub fn pending_time(&self, time: Duration) {
        self.set_knob(Knob::PendingMs(millis(time)));
    }

    /// Applies the next `times` changes, but never answers them.
    pub fn timeout_after_apply(&self, times: u64) {
        self.set_knob(Knob::TimeoutAfterApply(times));
    }

    /// Applies the next `times` changes, and closes the connection without an answer.
    pub fn drop_after_apply(&self, times: u64) {
        self.set_knob(Knob::DropAfterApply(times));
    }

    /// Does not apply the next `times` changes, and closes the connection without an answer.
    pub fn drop_before_apply(&self, times: u64) {
        self.set_knob(Knob::DropBeforeApply(times));
    }

    /// Delays every call by `time` before it has any effect.
    pub fn latency(&self, time: Duration) {
        self.set_knob(Knob::LatencyMs(millis(time)));
    }

    /// Refuses every change of `name` (no escapes, no trailing dot) with `message`.
    pub fn refuse_name(&self, name: &str, message: &str) {
        self.set_knob(Knob::RefuseName {
            name: name.into(),
            message: message.into(),
        });
    }

    /// Ends [`Self::refuse_name`] for this name.
    pub fn allow_name(&self, name: &str) {
        self.set_knob(Knob::AllowName(name.into()));
    }

    /// Holds the next `times` changes, without effect, until [`Self::release`]; then they are
    /// applied, even if their client has disconnected.
    pub fn hold(&self, times: u64) {
        self.set_knob(Knob::Hold(times));
    }

    /// Waits until at least `count` changes are held.
    ///
    /// # Panics
    /// When fewer are held after [`WAIT_LIMIT`](crate::wait::WAIT_LIMIT).
    pub async fn until_held(&self, count: usize) {
        completes("changes to be held", self.state.until_held(count)).await;
    }

    /// Applies the held changes, and holds no more.
    pub fn release(&self) {
        self.set_knob(Knob::Release);
    }

    /// Sets whether InvalidChangeBatch is sent in its other form, without an ErrorResponse around
    /// it.
    pub fn bare_batch_errors(&self, bare: bool) {
        self.set_knob(Knob::BareBatchErrors(bare));
    }

    /// Sets the delegation set that GetHostedZone returns; the NS set of the zone stays as it is.
    pub fn name_servers(&self, names: &[&str]) {
        self.set_knob(Knob::NameServers(
            names.iter().map(|name| (*name).to_owned()).collect(),
        ));
    }

    /// Makes the zone's own DNS server answer with the zone as it was `lag` ago.
    pub fn lagging_dns(&self, lag: Duration) {
        self.set_knob(Knob::DnsLagMs(millis(lag)));
    }

    /// Puts an RRset into the zone, in place of the one that is there, without the zone's rules.
    ///
    /// # Errors
    /// The name or a value cannot be parsed.
    pub fn put(&self, set: Set) -> Result<(), String> {
        self.state.turn(Knob::Put(set))
    }

    /// Puts many RRsets into the zone at once, as [`Self::put`] does.
    ///
    /// # Errors
    /// A name or a value cannot be parsed; then the zone does not change.
    pub fn load(&self, sets: Vec<Set>) -> Result<(), String> {
        self.state.turn(Knob::Load(sets))
    }

    /// Removes an RRset (all its weighted variants) from the zone.
    ///
    /// # Errors
    /// The name cannot be parsed.
    pub fn remove(&self, name: &str, rtype: &str) -> Result<(), String> {
        self.state.turn(Knob::Remove {
            name: name.into(),
            rtype: rtype.into(),
        })
    }

    /// Returns all RRsets of the zone, NS and SOA of the apex included, in the order of
    /// ListResourceRecordSets.
    pub fn sets(&self) -> Vec<Set> {
        self.state.sets()
    }

    /// Returns an RRset; the first, if there are several weighted ones. `name` has no escapes and
    /// no trailing dot.
    pub fn set(&self, name: &str, rtype: &str) -> Option<Set> {
        self.sets()
            .into_iter()
            .find(|set| set.name == name && set.rtype == rtype)
    }

    /// Returns how many requests came so far, refused ones included.
    pub fn counts(&self) -> Counts {
        self.state.counts()
    }

    /// Returns the batches that were applied, oldest first.
    pub fn batches(&self) -> Vec<Batch> {
        self.state.batches()
    }

    /// Returns how many changes are held now.
    pub fn held(&self) -> usize {
        self.state.held()
    }
}

impl Drop for StrictRoute53 {
    #[expect(clippy::print_stderr, reason = "the output of a failed test")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("calls of Route53: {:?}; the zone holds:", self.counts());
            for set in self.sets().into_iter().take(SETS_PRINTED) {
                eprintln!("  {} {} {:?}", set.name, set.rtype, set.values);
            }
        }
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl LaggingServer {
    /// Ends the lag: the server answers with the current zone.
    pub fn catch_up(&self) {
        self.lag.store(0, Ordering::Relaxed);
    }

    /// Returns its address, on UDP and TCP.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for LaggingServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
