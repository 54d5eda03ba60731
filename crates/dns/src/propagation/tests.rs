#![expect(clippy::expect_used, reason = "tests fail by panicking")]

use tokio::net::UdpSocket;

use super::*;

#[tokio::test]
async fn servers_are_parsed_with_and_without_port() {
    for (host, address) in [
        ("127.0.0.1:5353", "127.0.0.1:5353"),
        ("127.0.0.1", "127.0.0.1:53"),
        ("[::1]:5353", "[::1]:5353"),
        ("::1", "[::1]:53"),
        ("[::1]", "[::1]:53"),
    ] {
        let (servers, _) = NameServers::resolve(&[host.to_owned()]).await;
        let expected = NameServer {
            name: host.to_owned(),
            addresses: vec![SocketAddr::from_str(address).expect(address)],
        };
        assert_eq!(servers.servers(), [expected]);
    }
    let (local, _) = NameServers::resolve(&["localhost:5353".to_owned()]).await;
    assert!(
        local.servers()[0]
            .addresses
            .iter()
            .all(|a| a.port() == 5353 && a.ip().is_loopback()),
        "{local:?}"
    );
    assert!(!local.servers()[0].addresses.is_empty());
}

#[test]
fn a_host_that_does_not_resolve_is_looked_up_less_and_less_often() {
    let propagation = Propagation::new(vec!["ns1.invalid".to_owned()]);
    let fault = || vec!["ns1.invalid: not found".to_owned()];
    let seconds = |faults: Vec<String>| propagation.log_faults(&faults).as_secs();
    assert_eq!([0; 6].map(|_| seconds(fault())), [5, 10, 20, 40, 60, 60]);
    assert_eq!(seconds(Vec::new()), 300);
    assert_eq!(seconds(fault()), 5);
}

#[tokio::test]
async fn silent_and_unresolved_servers_are_lagging() {
    // Bound, but never read.
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
    let answers = servers
        .query(
            "www.user1.starchart.com",
            RecordType::A,
            &RrsetValues::default(),
        )
        .await;
    assert_eq!(
        (answers.matching, answers.queried, answers.lagging.len()),
        (0, 2, 2)
    );
    assert!(
        matches!(answers.lagging[0].replies[0], Reply::Silent(_)),
        "{answers:?}"
    );
}
