//! An authoritative name server for the A and TXT RRsets of the in-memory zone (RFC 1035 section
//! 4).

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use starchart_domain::txt;
use tokio::net::UdpSocket;

use super::provider::ScriptedProvider;

const HEADER_LENGTH: usize = 12;
const TYPE_A: u16 = 1;
const TYPE_TXT: u16 = 16;
/// A compressed name: that of the question.
const NAME_OF_QUESTION: [u8; 2] = [0xC0, 0x0C];

/// Starts the server, which ends with the test's runtime, and returns its address.
pub(super) async fn start(provider: Arc<ScriptedProvider>) -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0_u8; 4_096];
        while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
            let answer = answer(&provider, &buffer[..length]);
            let _ = socket.send_to(&answer, client).await;
        }
    });
    address
}

fn answer(provider: &ScriptedProvider, query: &[u8]) -> Vec<u8> {
    let (name, end) = question_name(query);
    let rtype = u16::from_be_bytes([query[end], query[end + 1]]);
    let set = match rtype {
        TYPE_A => provider.rrset(&name, "A"),
        TYPE_TXT => provider.rrset(&name, "TXT"),
        _ => None,
    };
    let ttl = set.as_ref().and_then(|set| set.ttl).unwrap_or_default();
    let values: Vec<String> = set.into_iter().flat_map(|set| set.values).collect();
    let count = u16::try_from(values.len()).unwrap().to_be_bytes();
    let mut message = query[..2].to_vec();
    // A response, authoritative; one question, the answers, nothing else.
    message.extend([0x84, 0, 0, 1, count[0], count[1], 0, 0, 0, 0]);
    message.extend(&query[HEADER_LENGTH..end + 4]);
    for value in values {
        let data = if rtype == TYPE_A {
            value.parse::<Ipv4Addr>().unwrap().octets().to_vec()
        } else {
            let octets = txt::decode(&value).unwrap();
            let length = u8::try_from(octets.len()).unwrap();
            [vec![length], octets].concat()
        };
        message.extend(NAME_OF_QUESTION);
        message.extend(rtype.to_be_bytes());
        message.extend([0, 1]);
        message.extend(ttl.to_be_bytes());
        message.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        message.extend(data);
    }
    message
}

/// Returns the name in the question, in lower case, and the offset of what follows it.
fn question_name(query: &[u8]) -> (String, usize) {
    let mut labels = Vec::new();
    let mut at = HEADER_LENGTH;
    while query[at] > 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..end]).to_lowercase());
        at = end;
    }
    (labels.join("."), at + 1)
}
