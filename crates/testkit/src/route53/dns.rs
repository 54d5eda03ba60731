//! An authoritative name server for the zone (RFC 1034), on UDP and TCP.

use std::io;
use std::net::SocketAddr;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, Metadata, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, MX, NS, NULL, PTR, SOA, SRV, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

use super::name::DnsName;
use super::state::State;
use super::value::Data;
use super::zone::{Body, RrSet, Zone};

/// The largest UDP answer in bytes (the 1232 of DNS flag day 2020); less if the client says so.
const LARGEST_DATAGRAM: u16 = 1232;
/// How many CNAME records in the zone one answer follows.
const LONGEST_CHAIN: usize = 8;

/// How old the zone is that a name server answers with.
#[derive(Clone, Debug)]
pub(crate) enum Lag {
    /// The value of [`Knob::DnsLagMs`](super::Knob::DnsLagMs).
    Knob,
    /// A number of milliseconds, shared with the handle of the server.
    Own(Arc<AtomicU64>),
}

/// The sockets of one name server, on the same port.
#[derive(Debug)]
pub(crate) struct Sockets {
    udp: UdpSocket,
    tcp: TcpListener,
}

impl Sockets {
    /// Binds both; with port 0 retries until a port is free for both.
    pub(crate) async fn bind(at: SocketAddr) -> io::Result<Self> {
        let mut tries = 20;
        loop {
            let tcp = TcpListener::bind(at).await?;
            match UdpSocket::bind(tcp.local_addr()?).await {
                Ok(udp) => return Ok(Self { udp, tcp }),
                Err(error) if at.port() != 0 || tries == 0 => return Err(error),
                Err(_) => tries -= 1,
            }
        }
    }

    pub(crate) fn addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Answers until the task is aborted.
    pub(crate) async fn serve(self, state: Arc<State>, lag: Lag) {
        tokio::join!(
            serve_udp(self.udp, &state, &lag),
            serve_tcp(self.tcp, &state, &lag)
        );
    }
}

async fn serve_udp(socket: UdpSocket, state: &State, lag: &Lag) {
    let mut buffer = vec![0; 4096];
    loop {
        // An error concerns an earlier answer, whose client has closed its port.
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        if let Some(answer) = buffer
            .get(..length)
            .and_then(|query| respond(state, lag, query, true))
        {
            let _ = socket.send_to(&answer, client).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, state: &Arc<State>, lag: &Lag) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(serve_stream(stream, Arc::clone(state), lag.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_stream(mut stream: TcpStream, state: Arc<State>, lag: Lag) {
    while let Ok(length) = stream.read_u16().await {
        let mut query = vec![0; usize::from(length)];
        if stream.read_exact(&mut query).await.is_err() {
            return;
        }
        let Some(answer) = respond(&state, &lag, &query, false) else {
            return;
        };
        let Ok(length) = u16::try_from(answer.len()) else {
            return;
        };
        let whole = [length.to_be_bytes().to_vec(), answer].concat();
        if stream.write_all(&whole).await.is_err() {
            return;
        }
    }
}

/// Answers a query in wire format; returns `None` if it is not a query.
fn respond(state: &State, lag: &Lag, query: &[u8], udp: bool) -> Option<Vec<u8>> {
    let query = Message::from_vec(query)
        .ok()
        .filter(|query| query.metadata.message_type == MessageType::Query)?;
    let lag = match lag {
        Lag::Knob => state.dns_lag(),
        Lag::Own(millis) => Duration::from_millis(millis.load(Ordering::Relaxed)),
    };
    let mut answer = answer(&state.zone_before(lag), &query);
    if query.edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(LARGEST_DATAGRAM);
        answer.set_edns(edns);
    }
    let bytes = answer.to_vec().ok()?;
    let most = if udp {
        query.max_payload().min(LARGEST_DATAGRAM)
    } else {
        u16::MAX
    };
    if bytes.len() > usize::from(most) {
        answer.truncate().to_vec().ok()
    } else {
        Some(bytes)
    }
}

fn answer(zone: &Zone, query: &Message) -> Message {
    let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
    answer.metadata = Metadata::response_from_request(&query.metadata);
    let (OpCode::Query, [question]) = (query.metadata.op_code, query.queries.as_slice()) else {
        answer.metadata.response_code = ResponseCode::NotImp;
        return answer;
    };
    answer.add_query(question.clone());
    let name = DnsName::from_wire(question.name().iter());
    if !name.is_within(&zone.name) {
        answer.metadata.response_code = ResponseCode::Refused;
        return answer;
    }
    answer.metadata.authoritative = true;
    fill(zone, name, question.query_type(), &mut answer);
    answer
}

/// Adds the records for `name`, following CNAME records as long as they stay in the zone.
fn fill(zone: &Zone, mut name: DnsName, wanted: RecordType, answer: &mut Message) {
    for _ in 0..LONGEST_CHAIN {
        let Some(sets) = find(zone, &name) else {
            answer.metadata.response_code = ResponseCode::NXDomain;
            break;
        };
        let matches =
            |set: &&Arc<RrSet>| wanted == RecordType::ANY || set.rtype == wanted.to_string();
        let found: Vec<_> = sets.iter().filter(matches).collect();
        for set in &found {
            answer.add_answers(records(&name, set));
        }
        let cname = sets.iter().find(|set| set.rtype == "CNAME");
        match cname {
            Some(cname) if found.is_empty() => {
                answer.add_answers(records(&name, cname));
                match target(cname).filter(|target| target.is_within(&zone.name)) {
                    Some(target) => name = target,
                    None => return,
                }
            }
            _ if answer.answers.is_empty() || found.is_empty() => break,
            _ => return,
        }
    }
    answer.add_authorities(
        zone.at(&zone.name)
            .filter(|set| set.rtype == "SOA")
            .flat_map(|set| negative(zone, set)),
    );
}

/// Returns the RRsets for `name`: its own, or those of the wildcard at the closest encloser (RFC
/// 4592), or `None` if the name does not exist. Of several weighted RRsets it returns the first.
fn find(zone: &Zone, name: &DnsName) -> Option<Vec<Arc<RrSet>>> {
    let at = |name: &DnsName| {
        let mut sets: Vec<_> = zone
            .at(name)
            .filter(|set| matches!(set.body, Body::Records { .. }))
            .cloned()
            .collect();
        sets.dedup_by(|next, first| next.rtype == first.rtype);
        sets
    };
    if zone.has_or_is_above(name) {
        return Some(at(name));
    }
    let mut encloser = name.parent()?;
    while !zone.has_or_is_above(&encloser) {
        encloser = encloser.parent()?;
    }
    let wildcard = encloser.wildcard_below();
    zone.has_or_is_above(&wildcard).then(|| at(&wildcard))
}

fn target(cname: &RrSet) -> Option<DnsName> {
    let Body::Records { data, .. } = &cname.body else {
        return None;
    };
    data.iter().find_map(|data| {
        if let Data::Name(target) = data {
            Some(target.clone())
        } else {
            None
        }
    })
}

fn records(owner: &DnsName, set: &RrSet) -> Vec<Record> {
    let (Body::Records { ttl, data, .. }, Some(owner)) = (&set.body, wire_name(owner)) else {
        return Vec::new();
    };
    let rdata = data.iter().filter_map(|data| rdata(&set.rtype, data));
    rdata
        .map(|rdata| Record::from_rdata(owner.clone(), *ttl, rdata))
        .collect()
}

/// Returns the SOA of a negative answer; its TTL is at most its field MINIMUM (RFC 2308).
fn negative(zone: &Zone, soa: &RrSet) -> Vec<Record> {
    let mut found = records(&zone.name, soa);
    for record in &mut found {
        if let RData::SOA(soa) = &record.data {
            record.ttl = record.ttl.min(soa.minimum);
        }
    }
    found
}

fn wire_name(name: &DnsName) -> Option<Name> {
    Name::from_labels(name.labels()).ok()
}

fn rdata(rtype: &str, data: &Data) -> Option<RData> {
    Some(match data {
        Data::A(address) => RData::A(A(*address)),
        Data::Aaaa(address) => RData::AAAA(AAAA(*address)),
        Data::Name(name) => match rtype {
            "CNAME" => RData::CNAME(CNAME(wire_name(name)?)),
            "NS" => RData::NS(NS(wire_name(name)?)),
            _ => RData::PTR(PTR(wire_name(name)?)),
        },
        Data::Mx(preference, host) => RData::MX(MX::new(*preference, wire_name(host)?)),
        Data::Txt(strings) => {
            RData::TXT(TXT::from_bytes(strings.iter().map(Vec::as_slice).collect()))
        }
        Data::Srv(priority, weight, port, host) => {
            RData::SRV(SRV::new(*priority, *weight, *port, wire_name(host)?))
        }
        Data::Caa(flags, tag, value) => {
            let head = [*flags, u8::try_from(tag.len()).ok()?];
            let bytes = [head.as_slice(), tag.as_bytes(), value].concat();
            RData::Unknown {
                code: RecordType::CAA,
                rdata: NULL::with(bytes),
            }
        }
        Data::Soa(primary, contact, [serial, refresh, retry, expire, minimum]) => {
            let [refresh, retry, expire] =
                [refresh, retry, expire].map(|time| i32::try_from(*time).unwrap_or(i32::MAX));
            RData::SOA(SOA::new(
                wire_name(primary)?,
                wire_name(contact)?,
                *serial,
                refresh,
                retry,
                expire,
                *minimum,
            ))
        }
        Data::Parsed(data) => RData::Unknown {
            code: RecordType::from_str(rtype).ok()?,
            rdata: NULL::with(data.octets.clone()),
        },
        Data::Other(_) => return None,
    })
}
