//! Sends one DNS query to one address: over UDP, and over TCP when the answer is truncated
//! (RFC 7766).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, Query};
use hickory_proto::rr::{Name, RData, Record, RecordType as WireType};
use hickory_proto::serialize::binary::BinEncodable as _;
use starchart_domain::presentation::absolute_name;
use starchart_domain::record::RecordType;
use starchart_domain::rrset::RrsetValues;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

/// The time limit of one query.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Queries over UDP before an address counts as silent.
const ATTEMPTS: u32 = 2;
/// The EDNS payload size (RFC 6891) that avoids fragmentation on common paths.
const PAYLOAD: u16 = 1_232;

/// A query for one name and type.
pub(crate) struct EncodedQuery {
    message: Message,
    bytes: Vec<u8>,
}

impl EncodedQuery {
    /// Encodes a query. A resolver needs `is_recursive`, an authoritative server must not get it.
    pub(crate) fn new(
        name: &str,
        rtype: RecordType,
        is_recursive: bool,
    ) -> Result<Self, hickory_proto::ProtoError> {
        let wire_type = WireType::from(rtype.spec().code);
        let mut message = Message::query();
        message.metadata.recursion_desired = is_recursive;
        message.add_query(Query::query(
            Name::from_ascii(absolute_name(name))?,
            wire_type,
        ));
        let mut edns = Edns::new();
        edns.set_max_payload(PAYLOAD);
        message.set_edns(edns);
        let bytes = message.to_vec()?;
        Ok(Self { message, bytes })
    }

    /// Returns the answer's records at the name of the query, also those of another type.
    pub(crate) fn records<'m>(&self, answer: &'m Message) -> impl Iterator<Item = &'m Record> {
        let owner = self.message.queries.first().map(|query| query.name.clone());
        let answers = answer.answers.iter();
        answers.filter(move |record| Some(&record.name) == owner.as_ref())
    }

    /// Returns the values of the answer's RRset in canonical presentation format.
    pub(crate) fn values(&self, answer: &Message, rtype: RecordType) -> RrsetValues {
        self.records(answer)
            .filter_map(|record| presentation(&record.data, rtype))
            .collect()
    }

    fn decode_answer(&self, bytes: &[u8]) -> Option<Message> {
        let message = Message::from_vec(bytes).ok()?;
        let answers = message.metadata.message_type == MessageType::Response
            && message.metadata.id == self.message.metadata.id
            && message.queries == self.message.queries;
        answers.then_some(message)
    }
}

/// Formats the value in canonical presentation format; `None` for data of another type, such as a
/// CNAME in an answer for A.
fn presentation(data: &RData, rtype: RecordType) -> Option<String> {
    if u16::from(data.record_type()) != rtype.spec().code {
        return None;
    }
    rtype.spec().from_wire(&data.to_bytes().ok()?)
}

/// Sends the query and returns the answer, or why there was none.
pub(crate) async fn exchange(server: SocketAddr, query: &EncodedQuery) -> Result<Message, String> {
    let mut last_error = String::new();
    for _ in 0..ATTEMPTS {
        match with_timeout(udp(server, query)).await {
            Ok(answer) if answer.metadata.truncation => {
                let answer = with_timeout(tcp(server, query)).await;
                return answer.map_err(|error| format!("TCP: {error}"));
            }
            Ok(answer) => return Ok(answer),
            Err(error) => last_error = error.to_string(),
        }
    }
    Err(last_error)
}

async fn with_timeout<T>(query: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(TIMEOUT, query)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn udp(server: SocketAddr, query: &EncodedQuery) -> io::Result<Message> {
    let unspecified: IpAddr = if server.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((unspecified, 0)).await?;
    socket.connect(server).await?;
    socket.send(&query.bytes).await?;
    let mut buffer = [0_u8; 4_096];
    loop {
        let length = socket.recv(&mut buffer).await?;
        // Ignore late answers to other queries and forged datagrams.
        if let Some(message) = query.decode_answer(&buffer[..length]) {
            return Ok(message);
        }
    }
}

/// Sends the query over TCP, each message prefixed with its length in two octets.
async fn tcp(server: SocketAddr, query: &EncodedQuery) -> io::Result<Message> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(query.bytes.len())
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    stream
        .write_all(&[&length.to_be_bytes()[..], &query.bytes].concat())
        .await?;
    let mut buffer = vec![0_u8; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut buffer).await?;
    query
        .decode_answer(&buffer)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an answer to the query"))
}
