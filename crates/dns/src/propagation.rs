//! Which authoritative name servers answer a set, asked one by one: no resolver, no cache, no
//! recursion.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use hickory_proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType as WireType};
use starchart_domain::record::RecordType;
use starchart_domain::rrset::Rrset;
use starchart_domain::txt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::Mutex;
use tracing::{debug, warn};

use crate::wire::{canonical_value, canonical_values, qualified};
use crate::zone::{Zone, ZoneError};

/// How long one try waits for its answer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Tries over UDP.
const TRIES: u32 = 2;
/// UDP payload offered (RFC 6891), the size that passes everywhere unfragmented.
const PAYLOAD: u16 = 1_232;
const DNS_PORT: u16 = 53;

/// How long the addresses of the name servers are kept.
const FRESH: Duration = Duration::from_secs(300);

/// Who answers for the zone, and what: the name servers of DNS_SERVERS, or else those of the zone's
/// delegation.
#[derive(Debug, Default)]
pub struct Propagation {
    configured: Vec<String>,
    known: Mutex<Option<(Instant, Arc<NameServers>)>>,
}

impl Propagation {
    /// `dns_servers` (`host:port`) are asked instead of the zone's delegation when there are any.
    pub fn new(dns_servers: Vec<String>) -> Self {
        Self {
            configured: dns_servers,
            known: Mutex::default(),
        }
    }

    /// The servers to ask, with addresses looked up a few minutes ago at the most.
    ///
    /// # Errors
    /// The zone's delegation could not be read.
    pub async fn servers(&self, zone: &dyn Zone) -> Result<Arc<NameServers>, ZoneError> {
        let mut known = self.known.lock().await;
        if let Some((since, servers)) = &*known
            && since.elapsed() < FRESH
        {
            return Ok(Arc::clone(servers));
        }
        let servers = if self.configured.is_empty() {
            NameServers::resolve(&zone.name_servers().await?).await
        } else {
            NameServers::resolve(&self.configured).await
        };
        let servers = Arc::new(servers);
        // A failed lookup is not kept: the next question looks again.
        *known = servers
            .all_found()
            .then(|| (Instant::now(), Arc::clone(&servers)));
        Ok(servers)
    }

    /// How many of the servers answer with every one of these sets (by, of). No sets are answered
    /// by all.
    pub async fn answered(&self, servers: &NameServers, desired: &[Rrset]) -> (u32, u32) {
        let of = count(servers.servers.len());
        let asked = desired
            .iter()
            .map(|set| servers.ask(&set.name, set.rtype, &set.body.values));
        let mut lagging = BTreeSet::new();
        for answered in join_all(asked).await {
            for lag in answered.lagging {
                debug!(server = lag.server, replies = ?lag.replies, "a name server does not answer rightly yet");
                lagging.insert(lag.server);
            }
        }
        (of - count(lagging.len()).min(of), of)
    }
}

/// Authoritative name servers, each with its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameServers {
    servers: Vec<NameServer>,
}

/// One authoritative name server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameServer {
    /// As it was written: `ns-1.awsdns-01.org`, `127.0.0.1:5353`.
    pub name: String,
    /// Its addresses; none when the name does not resolve, and then it answers nothing.
    pub addresses: Vec<SocketAddr>,
}

/// How many servers answer rightly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Servers of which one address answers rightly.
    pub by: u32,
    /// Servers asked.
    pub of: u32,
    /// The others, with what they say.
    pub lagging: Vec<Lag>,
}

impl Answered {
    /// Whether every server answers rightly. False when there are none to ask.
    pub fn by_all(&self) -> bool {
        self.of > 0 && self.by == self.of
    }
}

/// A server that does not answer rightly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// The server's name.
    pub server: String,
    /// What its addresses say.
    pub replies: Vec<Reply>,
}

/// What one address says about a name and type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Values in canonical presentation format; none for no such name or type.
    Values(BTreeSet<String>),
    /// It answers but does not say: refused, server failure, not authoritative, …
    Unusable(String),
    /// It does not answer (port 53 blocked, down).
    Silent(String),
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Values(values) if values.is_empty() => f.write_str("nothing there"),
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
    /// Servers whose addresses are known.
    pub fn new(servers: Vec<NameServer>) -> Self {
        Self { servers }
    }

    /// Finds the addresses of `host`, `host:port`, `address` or `address:port` (IPv6 with a port in
    /// brackets) through the system's resolver. For DNS_SERVERS, or
    /// [`crate::zone::Zone::name_servers`]. A host that is not found stays in the list without an
    /// address.
    pub async fn resolve(hosts: &[String]) -> Self {
        let servers = hosts.iter().map(|host| async move {
            let addresses = match addresses_of(host).await {
                Ok(addresses) => addresses,
                Err(error) => {
                    warn!(host, %error, "the name server is not found");
                    Vec::new()
                }
            };
            NameServer {
                name: host.clone(),
                addresses,
            }
        });
        Self {
            servers: join_all(servers).await,
        }
    }

    fn all_found(&self) -> bool {
        self.servers
            .iter()
            .all(|server| !server.addresses.is_empty())
    }

    /// The servers.
    pub fn servers(&self) -> &[NameServer] {
        &self.servers
    }

    /// Asks every server for the set, all at once. `expected` are its values in presentation
    /// format, none for "no such set". It takes six seconds at the most.
    pub async fn ask(
        &self,
        name: &str,
        rtype: RecordType,
        expected: &BTreeSet<String>,
    ) -> Answered {
        let expected = canonical_values(rtype.as_str(), expected);
        let asked = self
            .servers
            .iter()
            .map(|server| lag_of(server, name, rtype, &expected));
        let lagging: Vec<Lag> = join_all(asked).await.into_iter().flatten().collect();
        let of = count(self.servers.len());
        Answered {
            by: of - count(lagging.len()),
            of,
            lagging,
        }
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

async fn addresses_of(host: &str) -> io::Result<Vec<SocketAddr>> {
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

/// `None` as soon as one address answers rightly.
async fn lag_of(
    server: &NameServer,
    name: &str,
    rtype: RecordType,
    expected: &BTreeSet<String>,
) -> Option<Lag> {
    let mut asked: FuturesUnordered<_> = server
        .addresses
        .iter()
        .map(|address| ask_address(*address, name, rtype))
        .collect();
    let mut replies = Vec::new();
    while let Some(reply) = asked.next().await {
        if matches!(&reply, Reply::Values(values) if values == expected) {
            return None;
        }
        replies.push(reply);
    }
    if replies.is_empty() {
        replies.push(Reply::Silent("its name does not resolve".to_owned()));
    }
    Some(Lag {
        server: server.name.clone(),
        replies,
    })
}

/// Asks one address for one name and type, over UDP, over TCP when the answer was cut short.
pub async fn ask_address(server: SocketAddr, name: &str, rtype: RecordType) -> Reply {
    let query = match query(name, rtype) {
        Ok(query) => query,
        Err(error) => return Reply::Unusable(format!("{name} cannot be asked for: {error}")),
    };
    let mut silent = String::new();
    for _ in 0..TRIES {
        let answer = match within(udp(server, &query)).await {
            Ok(answer) if answer.metadata.truncation => match within(tcp(server, &query)).await {
                Ok(answer) => answer,
                Err(error) => return Reply::Silent(format!("TCP: {error}")),
            },
            Ok(answer) => answer,
            Err(error) => {
                silent = error.to_string();
                continue;
            }
        };
        return reply(&answer, &query, rtype);
    }
    Reply::Silent(silent)
}

struct Asked {
    message: Message,
    bytes: Vec<u8>,
}

fn query(name: &str, rtype: RecordType) -> Result<Asked, hickory_proto::ProtoError> {
    let wire_type = match rtype {
        RecordType::A => WireType::A,
        RecordType::Aaaa => WireType::AAAA,
        RecordType::Cname => WireType::CNAME,
        RecordType::Mx => WireType::MX,
        RecordType::Txt => WireType::TXT,
    };
    let mut message = Message::query();
    message.metadata.recursion_desired = false;
    message.add_query(Query::query(Name::from_ascii(qualified(name))?, wire_type));
    let mut edns = Edns::new();
    edns.set_max_payload(PAYLOAD);
    message.set_edns(edns);
    let bytes = message.to_vec()?;
    Ok(Asked { message, bytes })
}

async fn within<T>(asked: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(TIMEOUT, asked)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn udp(server: SocketAddr, query: &Asked) -> io::Result<Message> {
    let any: IpAddr = if server.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    socket.send(&query.bytes).await?;
    let mut buffer = [0_u8; 4_096];
    loop {
        let length = socket.recv(&mut buffer).await?;
        // What is not the answer to this question is somebody else's, or forged: keep waiting.
        if let Some(message) = read(&buffer[..length], query) {
            return Ok(message);
        }
    }
}

/// RFC 7766: each message after its length in two octets.
async fn tcp(server: SocketAddr, query: &Asked) -> io::Result<Message> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(query.bytes.len())
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    stream
        .write_all(&[&length.to_be_bytes()[..], &query.bytes].concat())
        .await?;
    let mut buffer = vec![0_u8; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut buffer).await?;
    read(&buffer, query)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an answer to the question"))
}

fn read(bytes: &[u8], query: &Asked) -> Option<Message> {
    let message = Message::from_vec(bytes).ok()?;
    let answers = message.metadata.message_type == MessageType::Response
        && message.metadata.id == query.message.metadata.id
        && message.queries == query.message.queries;
    answers.then_some(message)
}

fn reply(answer: &Message, query: &Asked, rtype: RecordType) -> Reply {
    match answer.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        code => return Reply::Unusable(format!("the server says {code}")),
    }
    // A referral has no answer either: only an authoritative server may say that there is nothing.
    if !answer.metadata.authoritative {
        return Reply::Unusable("the server is not authoritative for the zone".to_owned());
    }
    let owner = query.message.queries.first().map(|query| &query.name);
    let values = answer
        .answers
        .iter()
        .filter(|record| Some(&record.name) == owner);
    Reply::Values(
        values
            .filter_map(|record| presentation(&record.data, rtype))
            .collect(),
    )
}

/// The value as [`canonical_value`] writes it; `None` for data of another type, as the CNAME that
/// answers for an A.
fn presentation(data: &RData, rtype: RecordType) -> Option<String> {
    match (rtype, data) {
        (RecordType::A, RData::A(address)) => Some(address.0.to_string()),
        (RecordType::Aaaa, RData::AAAA(address)) => Some(address.0.to_string()),
        (RecordType::Cname, RData::CNAME(target)) => {
            Some(canonical_value("CNAME", &target.0.to_ascii()))
        }
        (RecordType::Mx, RData::MX(mx)) => Some(canonical_value(
            "MX",
            &format!("{} {}", mx.preference, mx.exchange.to_ascii()),
        )),
        (RecordType::Txt, RData::TXT(strings)) => {
            Some(txt::encode_octets(&strings.txt_data.concat()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "tests fail by panicking")]
    use super::*;

    #[tokio::test]
    async fn servers_are_written_in_four_ways() {
        for (host, address) in [
            ("127.0.0.1:5353", "127.0.0.1:5353"),
            ("127.0.0.1", "127.0.0.1:53"),
            ("[::1]:5353", "[::1]:5353"),
            ("::1", "[::1]:53"),
            ("[::1]", "[::1]:53"),
        ] {
            let servers = NameServers::resolve(&[host.to_owned()]).await;
            let expected = NameServer {
                name: host.to_owned(),
                addresses: vec![SocketAddr::from_str(address).expect(address)],
            };
            assert_eq!(servers.servers(), [expected]);
        }
        let local = NameServers::resolve(&["localhost:5353".to_owned()]).await;
        assert!(
            local.servers()[0]
                .addresses
                .iter()
                .all(|a| a.port() == 5353 && a.ip().is_loopback()),
            "{local:?}"
        );
        assert!(!local.servers()[0].addresses.is_empty());
    }

    #[tokio::test]
    async fn nobody_there_is_a_lag() {
        // Bound, and never read.
        let silent = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let address = silent.local_addr().expect("its address");
        let servers = NameServers::new(vec![
            NameServer {
                name: "silent".to_owned(),
                addresses: vec![address],
            },
            NameServer {
                name: "lost".to_owned(),
                addresses: Vec::new(),
            },
        ]);
        let answered = servers
            .ask("www.user1.starchart.com", RecordType::A, &BTreeSet::new())
            .await;
        assert_eq!(
            (answered.by, answered.of, answered.lagging.len()),
            (0, 2, 2)
        );
        assert!(
            matches!(answered.lagging[0].replies[0], Reply::Silent(_)),
            "{answered:?}"
        );
        assert!(!answered.by_all());
    }
}
