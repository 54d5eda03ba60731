//! Asks each authoritative name server directly whether it answers with an RRset: no resolver, no
//! cache, no recursion.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use hickory_proto::op::{Message, ResponseCode};
use starchart_domain::outage::{OutageLog, back_off};
use starchart_domain::record::RecordType;
use starchart_domain::rrset::{Rrset, RrsetValues};
use tokio::sync::Mutex;
use tracing::{debug, info, warn};

use crate::provider::{Provider, ProviderError};
use crate::query::{EncodedQuery, exchange};
use starchart_domain::presentation::canonical_values;

const DNS_PORT: u16 = 53;

/// How long resolved addresses of the name servers are cached.
const CACHE_TTL: Duration = Duration::from_secs(300);
/// How long a list is cached in which a host did not resolve, doubled up to the maximum.
const UNRESOLVED_TTL: Duration = Duration::from_secs(5);
const UNRESOLVED_TTL_MAX: Duration = Duration::from_secs(60);
/// The part of the program that the [`OutageLog`] names.
const RESOLVING: &str = "resolving name servers";

/// Finds and queries the zone's name servers: those of DNS_SERVERS, or else those of the zone's
/// delegation set.
#[derive(Debug, Default)]
pub struct Propagation {
    configured: Vec<String>,
    /// The list, and until when it is used.
    cached: Mutex<Option<(Instant, Arc<NameServers>)>>,
    outage: OutageLog,
}

impl Propagation {
    /// Uses `dns_servers` (`host:port`) instead of the zone's delegation set unless they are empty.
    pub fn new(dns_servers: Vec<String>) -> Self {
        Self {
            configured: dns_servers,
            cached: Mutex::default(),
            outage: OutageLog::default(),
        }
    }

    /// Returns the name servers with their addresses, from the cache or resolved now.
    ///
    /// # Errors
    /// The zone's delegation set could not be read.
    pub async fn servers(
        &self,
        provider: &dyn Provider,
    ) -> Result<Arc<NameServers>, ProviderError> {
        let mut cached = self.cached.lock().await;
        if let Some((until, servers)) = &*cached
            && Instant::now() < *until
        {
            return Ok(Arc::clone(servers));
        }
        let (servers, faults) = if self.configured.is_empty() {
            NameServers::resolve(&provider.name_servers().await?).await
        } else {
            NameServers::resolve(&self.configured).await
        };
        let ttl = self.log_faults(&faults);
        let servers = Arc::new(servers);
        *cached = Some((Instant::now() + ttl, Arc::clone(&servers)));
        Ok(servers)
    }

    /// Logs which hosts did not resolve, and returns how long to use the list.
    fn log_faults(&self, faults: &[String]) -> Duration {
        let now = Instant::now();
        if faults.is_empty() {
            if let Some(outage) = self.outage.worked(RESOLVING, now) {
                let after_s = outage.as_secs();
                info!(after_s, "all name servers resolve again");
            }
            return CACHE_TTL;
        }
        let error = faults.join("; ");
        let failure = self.outage.failed(RESOLVING, &error, now);
        if failure.is_news {
            match self.configured.is_empty() {
                true => warn!(error, "cannot resolve a name server of the zone"),
                false => warn!(error, "DNS_SERVERS: cannot resolve a name server"),
            }
        }
        back_off(failure.in_a_row, UNRESOLVED_TTL, UNRESOLVED_TTL_MAX, 0.0)
    }

    /// Returns how many servers answer with every one of these RRsets, values and TTL, and with
    /// none of the types in `absent`, which are those of a name, and how many were queried.
    /// Without either, every server counts.
    pub async fn count_matching(
        &self,
        servers: &NameServers,
        desired: &[Rrset],
        (name, absent): (&str, &[RecordType]),
    ) -> (u32, u32) {
        let queried = count(servers.servers.len());
        let none = RrsetValues::default();
        let desired = desired.iter().map(|set| {
            let (values, ttl) = (&set.body.values, Some(set.body.ttl));
            (set.name.as_str(), set.rtype, values, ttl)
        });
        let absent = absent.iter().map(|rtype| (name, *rtype, &none, None));
        let queries = desired
            .chain(absent)
            .map(|(name, rtype, values, ttl)| servers.query_rrset(name, rtype, values, ttl));
        let mut lagging_servers = BTreeSet::new();
        for answers in join_all(queries).await {
            for lagging in answers.lagging {
                debug!(
                    server = lagging.server,
                    replies = ?lagging.replies,
                    "name server does not answer with the published RRset yet"
                );
                lagging_servers.insert(lagging.server);
            }
        }
        let lagging = count(lagging_servers.len()).min(queried);
        (queried - lagging, queried)
    }
}

/// A list of authoritative name servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameServers {
    servers: Vec<NameServer>,
}

/// One authoritative name server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameServer {
    /// The name as configured or delegated: `ns-1.awsdns-01.org`, `127.0.0.1:5353`.
    pub name: String,
    /// The resolved addresses; empty when the name does not resolve.
    pub addresses: Vec<SocketAddr>,
}

/// The answers of all name servers about one RRset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAnswers {
    /// The number of servers with at least one address that answers as expected.
    pub matching: u32,
    /// The number of servers queried.
    pub queried: u32,
    /// The servers that do not answer as expected.
    pub lagging: Vec<LaggingServer>,
}

/// A server that does not answer as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaggingServer {
    /// The name of the server.
    pub server: String,
    /// The replies of its addresses.
    pub replies: Vec<Reply>,
}

/// The reply of one address to a query for a name and type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The values in canonical presentation format; empty for NXDOMAIN or NODATA.
    Values(RrsetValues),
    /// An answer that does not count, with the reason: refused, server failure, not authoritative,
    /// another TTL.
    Unusable(String),
    /// No answer, with the reason: port 53 is blocked, or the server is down.
    Silent(String),
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Values(values) if values.is_empty() => f.write_str("no such record"),
            Self::Values(values) => f.write_str(
                &values
                    .iter()
                    .map(String::as_str)
                    .collect::<Vec<_>>()
                    .join(", "),
            ),
            Self::Unusable(why) | Self::Silent(why) => f.write_str(why),
        }
    }
}

impl NameServers {
    /// Makes a list of servers with known addresses.
    pub fn new(servers: Vec<NameServer>) -> Self {
        Self { servers }
    }

    /// Resolves each `host`, `host:port`, `address` or `address:port` (IPv6 with a port in
    /// brackets) through the system's resolver. A host that does not resolve stays in the list
    /// without an address, and the second value says why.
    async fn resolve(hosts: &[String]) -> (Self, Vec<String>) {
        let resolved = join_all(hosts.iter().map(|host| resolve_host(host))).await;
        let mut servers = Vec::new();
        let mut faults = Vec::new();
        for (host, resolved) in hosts.iter().zip(resolved) {
            servers.push(NameServer {
                name: host.clone(),
                addresses: resolved.unwrap_or_else(|error| {
                    faults.push(format!("{host}: {error}"));
                    Vec::new()
                }),
            });
        }
        (Self { servers }, faults)
    }

    /// Asks every server for a record at the zone's apex, and returns those that give no answer,
    /// each with the reason.
    pub async fn list_silent(&self, root: &str) -> Vec<String> {
        let answers = self
            .query(root, RecordType::Txt, &RrsetValues::default())
            .await;
        let is_silent =
            |replies: &[Reply]| !replies.iter().any(|it| matches!(it, Reply::Values(_)));
        let lagging = answers.lagging.iter();
        lagging
            .filter(|server| is_silent(&server.replies))
            .map(|server| match server.replies.first() {
                Some(reply) => format!("{}: {reply}", server.server),
                None => server.server.clone(),
            })
            .collect()
    }

    /// Returns the servers in the configured order.
    pub fn servers(&self) -> &[NameServer] {
        &self.servers
    }

    /// Queries all servers for an RRset concurrently. `expected` are its values in presentation
    /// format, empty when the RRset must not exist. Takes at most six seconds.
    pub async fn query(
        &self,
        name: &str,
        rtype: RecordType,
        expected: &RrsetValues,
    ) -> ServerAnswers {
        self.query_rrset(name, rtype, expected, None).await
    }

    /// Does the same for an RRset that must have this TTL, in seconds: an authoritative server
    /// answers with it exactly.
    async fn query_rrset(
        &self,
        name: &str,
        rtype: RecordType,
        values: &RrsetValues,
        ttl_s: Option<u32>,
    ) -> ServerAnswers {
        let expected = Expected {
            values: canonical_values(rtype.as_str(), values),
            ttl_s,
        };
        let queries = self
            .servers
            .iter()
            .map(|server| query_server(server, name, rtype, &expected));
        let lagging: Vec<_> = join_all(queries).await.into_iter().flatten().collect();
        let queried = count(self.servers.len());
        ServerAnswers {
            matching: queried - count(lagging.len()),
            queried,
            lagging,
        }
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

async fn resolve_host(host: &str) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = SocketAddr::from_str(host) {
        return Ok(vec![address]);
    }
    if let Ok(address) = IpAddr::from_str(host.trim_start_matches('[').trim_end_matches(']')) {
        return Ok(vec![SocketAddr::new(address, DNS_PORT)]);
    }
    let (name, port) = match host
        .rsplit_once(':')
        .and_then(|(name, port)| Some((name, port.parse().ok()?)))
    {
        Some((name, port)) => (name, port),
        None => (host, DNS_PORT),
    };
    let found: BTreeSet<_> = tokio::net::lookup_host((name, port)).await?.collect();
    Ok(found.into_iter().collect())
}

/// What a server has to answer.
struct Expected {
    /// The values in canonical presentation format.
    values: RrsetValues,
    /// The TTL, if it counts.
    ttl_s: Option<u32>,
}

impl Expected {
    /// Returns why a reply is not the expected one.
    fn differs(&self, (reply, ttl_s): (Reply, Option<u32>)) -> Option<Reply> {
        match (&reply, self.ttl_s, ttl_s) {
            (Reply::Values(values), ..) if *values != self.values => Some(reply),
            (Reply::Values(_), Some(expected), Some(ttl_s)) if expected != ttl_s => {
                let why = format!("the values have a TTL of {ttl_s} seconds, not {expected}");
                Some(Reply::Unusable(why))
            }
            (Reply::Values(_), ..) => None,
            (Reply::Unusable(_) | Reply::Silent(_), ..) => Some(reply),
        }
    }
}

/// Returns `None` as soon as one address answers as expected.
async fn query_server(
    server: &NameServer,
    name: &str,
    rtype: RecordType,
    expected: &Expected,
) -> Option<LaggingServer> {
    let mut queries: FuturesUnordered<_> = server
        .addresses
        .iter()
        .map(|address| query_with_ttl(*address, name, rtype))
        .collect();
    let mut replies = Vec::new();
    while let Some(answer) = queries.next().await {
        replies.push(expected.differs(answer)?);
    }
    if replies.is_empty() {
        replies.push(Reply::Silent("the name does not resolve".to_owned()));
    }
    Some(LaggingServer {
        server: server.name.clone(),
        replies,
    })
}

/// Queries one address for one name and type over UDP, and over TCP when the answer is truncated
/// (RFC 7766).
pub async fn query_address(server: SocketAddr, name: &str, rtype: RecordType) -> Reply {
    query_with_ttl(server, name, rtype).await.0
}

/// Does the same and returns the TTL of the values, too, in seconds.
async fn query_with_ttl(server: SocketAddr, name: &str, rtype: RecordType) -> (Reply, Option<u32>) {
    let query = match EncodedQuery::new(name, rtype, false) {
        Ok(query) => query,
        Err(error) => {
            let why = format!("{name} is no valid query name: {error}");
            return (Reply::Unusable(why), None);
        }
    };
    match exchange(server, &query).await {
        Ok(answer) => {
            let ttl = query.records(&answer).map(|record| record.ttl).min();
            (reply(&answer, &query, rtype), ttl)
        }
        Err(error) => (Reply::Silent(error), None),
    }
}

fn reply(answer: &Message, query: &EncodedQuery, rtype: RecordType) -> Reply {
    match answer.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        code => return Reply::Unusable(format!("the server answered {code}")),
    }
    // A referral has no answer section either, so only an authoritative answer proves absence.
    if !answer.metadata.authoritative {
        return Reply::Unusable("the server is not authoritative for the zone".to_owned());
    }
    Reply::Values(query.values(answer, rtype))
}

#[cfg(test)]
mod tests;
