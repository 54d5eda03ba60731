//! The client address of a request, and whether the request is for our host.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use actix_web::HttpRequest;
use actix_web::http::header::HOST;
use actix_web::http::uri::Authority;
use ipnet::IpNet;
use url::Url;

/// Returns whether the request is for the host of APP_URL. Ports may be mapped on the way and are
/// ignored. `X-Forwarded-Host` is ignored too: URLs are built from APP_URL, never from a request.
pub(crate) fn is_for_own_host(req: &HttpRequest, app_url: &Url) -> bool {
    let Some(own_host) = app_url.host_str() else {
        return false;
    };
    let mut hosts = req.headers().get_all(HOST);
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let is_own = |host: &str| host.eq_ignore_ascii_case(own_host);
    let host_fits = host
        .to_str()
        .ok()
        .and_then(|text| text.parse::<Authority>().ok())
        .is_some_and(|a| is_own(a.host()) && !a.as_str().contains('@'));
    host_fits && req.uri().host().is_none_or(is_own)
}

/// Returns the client address for rate limits: IPv6 addresses are reduced to their /64 network.
pub(crate) fn client_address(req: &HttpRequest, trusted: &[IpNet]) -> IpAddr {
    rate_limit_network(client_ip(req, trusted))
}

/// Returns the address of the client: the peer, or what trusted proxies report in
/// `X-Forwarded-For`.
pub(crate) fn client_ip(req: &HttpRequest, trusted: &[IpNet]) -> IpAddr {
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
        // An untrusted sender may have written anything left of its own address.
        if !is_trusted(&client) {
            break;
        }
        match forwarded_address(entry.trim()) {
            Some(address) => client = address.to_canonical(),
            None => break,
        }
    }
    client
}

/// Parses an address that may have a port, or brackets around an IPv6 address.
fn forwarded_address(text: &str) -> Option<IpAddr> {
    let bare = || {
        text.strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(text)
            .parse()
            .ok()
    };
    text.parse::<SocketAddr>()
        .map(|socket| socket.ip())
        .ok()
        .or_else(bare)
}

fn rate_limit_network(address: IpAddr) -> IpAddr {
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
    fn only_the_host_of_app_url_is_accepted() {
        let url = Url::parse("https://domains.example.edu").unwrap();
        let fits = |host: &str| {
            is_for_own_host(
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
        assert!(!is_for_own_host(&absent, &url));
        let two = TestRequest::get()
            .append_header((HOST, "domains.example.edu"))
            .append_header((HOST, "evil.example"));
        assert!(!is_for_own_host(&two.to_http_request(), &url));
        let absolute = TestRequest::with_uri("https://evil.example/x")
            .insert_header((HOST, "domains.example.edu"));
        assert!(!is_for_own_host(&absolute.to_http_request(), &url));
        let forwarded = TestRequest::get()
            .insert_header((HOST, "evil.example"))
            .insert_header(("x-forwarded-host", "domains.example.edu"));
        assert!(!is_for_own_host(&forwarded.to_http_request(), &url));
    }

    #[test]
    fn an_ipv6_host_in_brackets_is_accepted() {
        let url = Url::parse("http://[::1]:8080").unwrap();
        assert!(is_for_own_host(
            &TestRequest::get()
                .insert_header((HOST, "[::1]:8080"))
                .to_http_request(),
            &url
        ));
    }

    #[test]
    fn only_trusted_proxies_set_the_client_address() {
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
        for (forwarded, expected) in [
            ("198.51.100.7:5678", "198.51.100.7"),
            ("1.1.1.1, 198.51.100.7:1 , 10.0.0.3:2", "198.51.100.7"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[::ffff:198.51.100.7]:443", "198.51.100.7"),
            ("198.51.100.7:", "10.0.0.2"),
            ("[2001:db8::1", "10.0.0.2"),
            ("198.51.100.7:65536", "10.0.0.2"),
        ] {
            assert_eq!(
                behind_proxies(peer("10.0.0.2"), forwarded, &trusted),
                peer(expected),
                "{forwarded}"
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
            rate_limit_network(peer("2001:db8::1:2:3:4")),
            peer("2001:db8::")
        );
    }
}
