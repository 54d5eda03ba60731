//! A strict Route53 in this process: the REST-XML API on HTTP, and the zone on DNS.
//!
//! It refuses what the real service refuses, in its words, and a batch as a whole. Faults, delays
//! and edits from the side are turned with [`Knob`]s, either by the methods here or, from another
//! process, over HTTP: `POST /_knobs/NAME` with the knob's value as JSON; `GET /_knobs/sets`,
//! `counts`, `batches`, `held`.
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

pub use knobs::{AppliedChange, Batch, Counts, Knob};
pub use zone::Set;

use dns::{Lag, Sockets};
use name::DnsName;
use state::State;

use crate::wait::completes;

/// The id of the one hosted zone, as `AWS_ROUTE53_HOSTED_ZONE_ID` takes it.
/// How many sets of the zone a failed test prints.
const SETS_PRINTED: usize = 20;
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

/// A further name server of the zone, that is behind. Dropping it stops it.
#[derive(Debug)]
pub struct LaggingServer {
    addr: SocketAddr,
    lag: Arc<AtomicU64>,
    task: AbortHandle,
}

impl StrictRoute53 {
    /// Starts on free loopback ports.
    ///
    /// # Panics
    /// If the zone's name is no domain name, or nothing can be bound.
    pub async fn start(zone_name: &str) -> Self {
        match Self::bind(zone_name, ANY_PORT, ANY_PORT).await {
            Ok(started) => started,
            Err(error) => panic!("cannot start a strict Route53 for {zone_name}: {error}"),
        }
    }

    /// Starts on the given addresses.
    ///
    /// # Errors
    /// If the zone's name is no domain name, or an address cannot be bound.
    pub async fn bind(zone_name: &str, http: SocketAddr, dns: SocketAddr) -> io::Result<Self> {
        let name = DnsName::parse(zone_name).map_err(io::Error::other)?;
        let servers = (1..=4).map(|number| format!("ns-{number}.strict-route53.test."));
        let state =
            State::new(ZONE_ID.into(), name, servers.collect()).map_err(io::Error::other)?;
        let state = Arc::new(state);
        let (listener, sockets) = (TcpListener::bind(http).await?, Sockets::bind(dns).await?);
        let (http, dns) = (listener.local_addr()?, sockets.addr()?);
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

    /// The URL of the API, without a trailing slash.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.http)
    }

    /// The id of the hosted zone.
    pub fn zone_id(&self) -> &str {
        &self.state.zone_id
    }

    /// Where the zone is served, on UDP and TCP.
    pub fn dns_addr(&self) -> SocketAddr {
        self.dns
    }

    /// Starts a further name server, which serves the zone as it was `lag` ago. It reaches back no
    /// further than to the moment of this call.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start_lagging(&self, lag: Duration) -> io::Result<LaggingServer> {
        self.state.remember(lag);
        let lag = Arc::new(AtomicU64::new(millis(lag)));
        let sockets = Sockets::bind(ANY_PORT).await?;
        let addr = sockets.addr()?;
        let task = tokio::spawn(sockets.serve(Arc::clone(&self.state), Lag::Own(Arc::clone(&lag))))
            .abort_handle();
        Ok(LaggingServer { addr, lag, task })
    }

    /// Turns a knob. Only `Put` and `Remove` can fail: with what is wrong about the set or the
    /// name.
    ///
    /// # Errors
    /// Says what is wrong about the set or the name.
    pub fn turn(&self, knob: Knob) -> Result<(), String> {
        self.state.turn(knob)
    }

    /// A knob that cannot fail.
    fn set_knob(&self, knob: Knob) {
        if let Err(fault) = self.state.turn(knob) {
            unreachable!("{fault}");
        }
    }

    /// Every nth call is throttled; 0 stops it.
    pub fn throttle_every(&self, nth: u64) {
        self.set_knob(Knob::ThrottleEvery(nth));
    }

    /// This share of the calls (0.0 to 1.0) is throttled, in an irregular but repeatable order.
    pub fn throttle_share(&self, share: f64) {
        self.set_knob(Knob::ThrottleShare(share));
    }

    /// Calls above this many within a second are throttled; 0 stops it.
    pub fn limit_per_second(&self, most: usize) {
        self.set_knob(Knob::LimitPerSecond(most));
    }

    /// The next `times` changes are answered with PriorRequestNotComplete.
    pub fn prior_request_not_complete(&self, times: u64) {
        self.set_knob(Knob::PriorRequest(times));
    }

    /// The next `times` calls are answered with AccessDenied.
    pub fn deny(&self, times: u64) {
        self.set_knob(Knob::Deny(times));
    }

    /// The next `times` calls are answered with HTTP 503.
    pub fn unavailable(&self, times: u64) {
        self.set_knob(Knob::Unavailable(times));
    }

    /// How long a change is PENDING, those already made included.
    pub fn pending_time(&self, time: Duration) {
        self.set_knob(Knob::PendingMs(millis(time)));
    }

    /// The next `times` changes are applied, but never answered.
    pub fn timeout_after_apply(&self, times: u64) {
        self.set_knob(Knob::TimeoutAfterApply(times));
    }

    /// The next `times` changes are applied, but the connection is closed instead of an answer.
    pub fn drop_after_apply(&self, times: u64) {
        self.set_knob(Knob::DropAfterApply(times));
    }

    /// The next `times` changes are not applied, and the connection is closed.
    pub fn drop_before_apply(&self, times: u64) {
        self.set_knob(Knob::DropBeforeApply(times));
    }

    /// Every call waits this long before it has any effect.
    pub fn latency(&self, time: Duration) {
        self.set_knob(Knob::LatencyMs(millis(time)));
    }

    /// Refuses every change of `name` (plain, no trailing dot) with `message`.
    pub fn refuse_name(&self, name: &str, message: &str) {
        self.set_knob(Knob::RefuseName {
            name: name.into(),
            message: message.into(),
        });
    }

    /// Ends [`Self::refuse_name`].
    pub fn allow_name(&self, name: &str) {
        self.set_knob(Knob::AllowName(name.into()));
    }

    /// The next `times` changes wait, without effect, for [`Self::release`]; they take effect then,
    /// even if their client is gone.
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

    /// Lets the held changes go, and holds no more.
    pub fn release(&self) {
        self.set_knob(Knob::Release);
    }

    /// InvalidChangeBatch in its other form, without an ErrorResponse around it.
    pub fn bare_batch_errors(&self, bare: bool) {
        self.set_knob(Knob::BareBatchErrors(bare));
    }

    /// What GetHostedZone names as the zone's servers.
    pub fn name_servers(&self, names: &[&str]) {
        self.set_knob(Knob::NameServers(
            names.iter().map(|name| (*name).to_owned()).collect(),
        ));
    }

    /// The zone's own DNS server answers as the zone was this long ago.
    pub fn lagging_dns(&self, lag: Duration) {
        self.set_knob(Knob::DnsLagMs(millis(lag)));
    }

    /// Puts a set into the zone, whatever is there, without regard to the zone's rules.
    ///
    /// # Errors
    /// If the name or a value cannot be read.
    pub fn put(&self, set: Set) -> Result<(), String> {
        self.state.turn(Knob::Put(set))
    }

    /// Puts many sets into the zone at once, whatever is there.
    ///
    /// # Errors
    /// If a name or a value cannot be read; then nothing is put.
    pub fn load(&self, sets: Vec<Set>) -> Result<(), String> {
        self.state.turn(Knob::Load(sets))
    }

    /// Takes a set (all its weighted variants) out of the zone.
    ///
    /// # Errors
    /// If the name cannot be read.
    pub fn remove(&self, name: &str, rtype: &str) -> Result<(), String> {
        self.state.turn(Knob::Remove {
            name: name.into(),
            rtype: rtype.into(),
        })
    }

    /// All sets of the zone, NS and SOA of the apex included, in the order of
    /// ListResourceRecordSets.
    pub fn sets(&self) -> Vec<Set> {
        self.state.sets()
    }

    /// One set; the first, if there are several weighted ones. `name` is plain, without a trailing
    /// dot.
    pub fn set(&self, name: &str, rtype: &str) -> Option<Set> {
        self.sets()
            .into_iter()
            .find(|set| set.name == name && set.rtype == rtype)
    }

    /// Requests so far.
    pub fn counts(&self) -> Counts {
        self.state.counts()
    }

    /// The batches that were applied, oldest first.
    pub fn batches(&self) -> Vec<Batch> {
        self.state.batches()
    }

    /// How many changes are held now.
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
    /// Serves the zone as it is now from this call on.
    pub fn catch_up(&self) {
        self.lag.store(0, Ordering::Relaxed);
    }

    /// Where it answers, on UDP and TCP.
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
