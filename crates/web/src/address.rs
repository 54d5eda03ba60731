//! Who is asking, and under which host name.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use actix_web::HttpRequest;
use actix_web::http::header::HOST;
use actix_web::http::uri::Authority;
use ipnet::IpNet;
use url::Url;

/// Whether the request is for the host of APP_URL (ports may be mapped on the way and do not
/// matter). Forwarded hosts do not count: no address is ever made from what a request says.
pub(crate) fn is_for_us(req: &HttpRequest, app_url: &Url) -> bool {
    let Some(ours) = app_url.host_str() else {
        return false;
    };
    let mut hosts = req.headers().get_all(HOST);
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let named = |host: &str| host.eq_ignore_ascii_case(ours);
    let host_fits = host
        .to_str()
        .ok()
        .and_then(|text| text.parse::<Authority>().ok())
        .is_some_and(|a| named(a.host()) && !a.as_str().contains('@'));
    host_fits && req.uri().host().is_none_or(named)
}

/// The address that rate limits go by: the peer's, or what trusted proxies say about it. An IPv6
/// network counts as one.
pub(crate) fn client(req: &HttpRequest, trusted: &[IpNet]) -> IpAddr {
    let peer = req
        .peer_addr()
        .map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| {
            peer.ip().to_canonical()
        });
    let forwarded = req
        .headers()
        .get_all("x-forwarded-for")
        .filter_map(|value| value.to_str().ok())
        .collect::<Vec<_>>()
        .join(",");
    behind_proxies(peer, &forwarded, trusted)
}

fn behind_proxies(peer: IpAddr, forwarded: &str, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let mut client = peer;
    for entry in forwarded.rsplit(',') {
        // What stands left of an address we do not trust was written by somebody we do not trust.
        if !is_trusted(&client) {
            break;
        }
        match forwarded_address(entry.trim()) {
            Some(address) => client = address.to_canonical(),
            None => break,
        }
    }
    network(client)
}

/// Some proxies write the port too, and then an IPv6 address in brackets.
fn forwarded_address(text: &str) -> Option<IpAddr> {
    let bare = || {
        text.strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(text)
            .parse()
            .ok()
    };
    text.parse::<SocketAddr>()
        .map(|both| both.ip())
        .ok()
        .or_else(bare)
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_our_own_host_is_ours() {
        let url = Url::parse("https://domains.example.edu").unwrap();
        let fits = |host: &str| {
            is_for_us(
                &TestRequest::get()
                    .insert_header((HOST, host))
                    .to_http_request(),
                &url,
            )
        };
        assert!(
            fits("domains.example.edu")
                && fits("Domains.Example.EDU:443")
                && fits("domains.example.edu:8080")
        );
        for foreign in [
            "evil.example",
            "domains.example.edu.evil.example",
            "evil@domains.example.edu",
            "",
            "x domains.example.edu",
        ] {
            assert!(!fits(foreign), "{foreign}");
        }
        let absent = TestRequest::get().to_http_request();
        assert!(!is_for_us(&absent, &url));
        let two = TestRequest::get()
            .append_header((HOST, "domains.example.edu"))
            .append_header((HOST, "evil.example"));
        assert!(!is_for_us(&two.to_http_request(), &url));
        let absolute = TestRequest::with_uri("https://evil.example/x")
            .insert_header((HOST, "domains.example.edu"));
        assert!(!is_for_us(&absolute.to_http_request(), &url));
        let forwarded = TestRequest::get()
            .insert_header((HOST, "evil.example"))
            .insert_header(("x-forwarded-host", "domains.example.edu"));
        assert!(!is_for_us(&forwarded.to_http_request(), &url));
    }

    #[test]
    fn ipv6_hosts_are_written_in_brackets() {
        let url = Url::parse("http://[::1]:8080").unwrap();
        assert!(is_for_us(
            &TestRequest::get()
                .insert_header((HOST, "[::1]:8080"))
                .to_http_request(),
            &url
        ));
    }

    #[test]
    fn only_trusted_proxies_say_who_asks() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let peer = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(
            behind_proxies(peer("192.0.2.1"), "198.51.100.7", &trusted),
            peer("192.0.2.1")
        );
        assert_eq!(
            behind_proxies(peer("10.0.0.2"), "198.51.100.7", &trusted),
            peer("198.51.100.7")
        );
        assert_eq!(
            behind_proxies(
                peer("10.0.0.2"),
                "1.1.1.1, 198.51.100.7, 10.0.0.3",
                &trusted
            ),
            peer("198.51.100.7")
        );
        for (written, meant) in [
            ("198.51.100.7:5678", "198.51.100.7"),
            ("1.1.1.1, 198.51.100.7:1 , 10.0.0.3:2", "198.51.100.7"),
            ("[2001:db8::1]:443", "2001:db8::"),
            ("[2001:db8::1]", "2001:db8::"),
            ("[::ffff:198.51.100.7]:443", "198.51.100.7"),
            ("198.51.100.7:", "10.0.0.2"),
            ("[2001:db8::1", "10.0.0.2"),
            ("198.51.100.7:65536", "10.0.0.2"),
        ] {
            assert_eq!(
                behind_proxies(peer("10.0.0.2"), written, &trusted),
                peer(meant),
                "{written}"
            );
        }
        assert_eq!(
            behind_proxies(peer("10.0.0.2"), "nonsense", &trusted),
            peer("10.0.0.2")
        );
        assert_eq!(
            behind_proxies(peer("10.0.0.2"), "", &trusted),
            peer("10.0.0.2")
        );
        assert_eq!(
            behind_proxies(peer("2001:db8::1:2:3:4"), "", &[]),
            peer("2001:db8::")
        );
    }
}
