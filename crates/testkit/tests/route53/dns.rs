//! The answers of the strict Route53's name server.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use starchart_testkit::route53::{Set, StrictRoute53};
use starchart_testkit::wait::{completes, equal, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use crate::sdk::ZONE;

async fn start(sets: &[Set]) -> StrictRoute53 {
    let route53 = StrictRoute53::start(ZONE).await;
    for set in sets {
        route53.put(set.clone()).unwrap();
    }
    route53
}

fn question(name: &str, rtype: RecordType) -> Message {
    let mut message = Message::new(4711, MessageType::Query, OpCode::Query);
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), rtype));
    message
}

async fn udp(at: SocketAddr, message: &Message) -> Message {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket
        .send_to(&message.to_vec().unwrap(), at)
        .await
        .unwrap();
    let mut buffer = vec![0; 4096];
    let received = completes("an answer over UDP", socket.recv(&mut buffer)).await;
    Message::from_vec(&buffer[..received.unwrap()]).unwrap()
}

async fn tcp(at: SocketAddr, message: &Message) -> Message {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let bytes = message.to_vec().unwrap();
    stream
        .write_u16(bytes.len().try_into().unwrap())
        .await
        .unwrap();
    stream.write_all(&bytes).await.unwrap();
    let mut answer = vec![0; usize::from(stream.read_u16().await.unwrap())];
    stream.read_exact(&mut answer).await.unwrap();
    Message::from_vec(&answer).unwrap()
}

/// Returns the records of the answer section as `TYPE rdata`, sorted.
fn answers(message: &Message) -> Vec<String> {
    let text =
        |record: &hickory_proto::rr::Record| format!("{} {}", record.record_type(), record.data);
    let mut answers: Vec<_> = message.answers.iter().map(text).collect();
    answers.sort();
    answers
}

#[tokio::test]
async fn answers_with_authority() {
    let route53 = start(&[
        Set::new("www.starchart.test", "A", 300, ["192.0.2.1", "192.0.2.2"]),
        Set::new("www.starchart.test", "TXT", 300, [r#""a b" "c\"\303\274""#]),
        Set::new("www.starchart.test", "MX", 300, ["10 mail.example."]),
        Set::new(
            "www.starchart.test",
            "CAA",
            300,
            [r#"0 issue "letsencrypt.org""#],
        ),
        Set::new("www.starchart.test", "SRV", 300, ["1 2 443 host.example."]),
    ])
    .await;
    let answer = udp(
        route53.dns_addr(),
        &question("WWW.starchart.TEST.", RecordType::A),
    )
    .await;
    assert_eq!(answer.metadata.id, 4711);
    assert!(answer.metadata.authoritative);
    assert_eq!(answers(&answer), ["A 192.0.2.1", "A 192.0.2.2"]);
    assert_eq!(answer.answers[0].ttl, 300);
    for (rtype, wanted) in [
        (RecordType::MX, "MX 10 mail.example."),
        (RecordType::CAA, "CAA 0 issue \"letsencrypt.org\""),
        (RecordType::SRV, "SRV 1 2 443 host.example."),
    ] {
        assert_eq!(
            answers(&udp(route53.dns_addr(), &question("www.starchart.test.", rtype)).await),
            [wanted]
        );
    }
    let text = tcp(
        route53.dns_addr(),
        &question("www.starchart.test.", RecordType::TXT),
    )
    .await;
    let hickory_proto::rr::RData::TXT(text) = &text.answers[0].data else {
        panic!("{text:?}")
    };
    let strings: Vec<&[u8]> = text.txt_data.iter().map(|string| string.as_ref()).collect();
    assert_eq!(strings, [b"a b".as_slice(), "c\"ü".as_bytes()]);
}

#[tokio::test]
async fn no_such_name_and_no_such_type() {
    let route53 = start(&[Set::new("a.below.starchart.test", "A", 300, ["192.0.2.1"])]).await;
    for (name, code) in [
        ("none.starchart.test.", ResponseCode::NXDomain),
        ("a.below.starchart.test.", ResponseCode::NoError),
        ("below.starchart.test.", ResponseCode::NoError),
    ] {
        let answer = udp(route53.dns_addr(), &question(name, RecordType::AAAA)).await;
        assert_eq!(answer.metadata.response_code, code, "{name}");
        assert!(answer.metadata.authoritative && answer.answers.is_empty());
        assert_eq!(answer.authorities[0].record_type(), RecordType::SOA);
        assert_eq!(answer.authorities.len(), 1);
    }
    let outside = udp(route53.dns_addr(), &question("example.org.", RecordType::A)).await;
    assert_eq!(outside.metadata.response_code, ResponseCode::Refused);
    let apex = udp(
        route53.dns_addr(),
        &question("starchart.test.", RecordType::NS),
    )
    .await;
    assert_eq!(apex.answers.len(), 4);
}

#[tokio::test]
async fn cnames_and_wildcards() {
    let route53 = start(&[
        Set::new("*.starchart.test", "A", 300, ["192.0.2.9"]),
        Set::new(
            "in.starchart.test",
            "CNAME",
            300,
            ["target.starchart.test."],
        ),
        Set::new("out.starchart.test", "CNAME", 300, ["target.example."]),
        Set::new(
            "lost.starchart.test",
            "CNAME",
            300,
            ["a.target.starchart.test."],
        ),
        Set::new(
            "loop.starchart.test",
            "CNAME",
            300,
            ["loop.starchart.test."],
        ),
        Set::new("target.starchart.test", "A", 300, ["192.0.2.1"]),
    ])
    .await;
    let ask = async |name: &str| {
        udp(
            route53.dns_addr(),
            &question(&format!("{name}.starchart.test."), RecordType::A),
        )
        .await
    };
    assert_eq!(answers(&ask("any").await), ["A 192.0.2.9"]);
    assert_eq!(answers(&ask("any.depth").await), ["A 192.0.2.9"]);
    assert_eq!(
        ask("any").await.answers[0].name.to_string(),
        "any.starchart.test."
    );
    assert_eq!(
        answers(&ask("in").await),
        ["A 192.0.2.1", "CNAME target.starchart.test."]
    );
    assert_eq!(answers(&ask("out").await), ["CNAME target.example."]);
    let lost = ask("lost").await;
    assert_eq!(answers(&lost), ["CNAME a.target.starchart.test."]);
    assert_eq!(
        lost.metadata.response_code,
        ResponseCode::NXDomain,
        "a name that exists stops the wildcard"
    );
    assert!(!ask("loop").await.answers.is_empty());
    let cname = udp(
        route53.dns_addr(),
        &question("in.starchart.test.", RecordType::CNAME),
    )
    .await;
    assert_eq!(answers(&cname), ["CNAME target.starchart.test."]);
}

#[tokio::test]
async fn large_answers_go_to_tcp() {
    let value = |number: usize| format!("\"{number:03}{}\"", "x".repeat(200));
    let route53 = start(&[Set::new(
        "big.starchart.test",
        "TXT",
        300,
        (0..10).map(value),
    )])
    .await;
    let mut asked = question("big.starchart.test.", RecordType::TXT);
    for edns in [false, true] {
        if edns {
            let mut edns = Edns::new();
            edns.set_max_payload(4096);
            asked.set_edns(edns);
        }
        let short = udp(route53.dns_addr(), &asked).await;
        assert!(short.metadata.truncation && short.answers.is_empty());
        let whole = tcp(route53.dns_addr(), &asked).await;
        assert_eq!(
            (whole.metadata.truncation, whole.answers.len()),
            (false, 10)
        );
    }
}

#[tokio::test]
async fn lagging_servers_show_the_past() {
    let route53 = start(&[]).await;
    let lag = Duration::from_secs(3600);
    let late = route53.start_lagging(lag).await.unwrap();
    let never = route53.start_lagging(lag).await.unwrap();
    let soon = route53
        .start_lagging(Duration::from_millis(400))
        .await
        .unwrap();
    route53
        .put(Set::new("www.starchart.test", "A", 300, ["192.0.2.1"]))
        .unwrap();
    let www = question("www.starchart.test.", RecordType::A);
    let seen = async |at: SocketAddr| udp(at, &www).await.answers.len();
    assert_eq!(
        (
            seen(route53.dns_addr()).await,
            seen(late.addr()).await,
            seen(never.addr()).await
        ),
        (1, 0, 0)
    );
    let caught_up = async || equal(seen(soon.addr()).await, 1);
    eventually("the lag of 400 ms to pass", caught_up).await;
    late.catch_up();
    assert_eq!((seen(late.addr()).await, seen(never.addr()).await), (1, 0));
}
