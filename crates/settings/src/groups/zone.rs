//! The zone, its DNS provider, and its name servers.

use std::net::{IpAddr, SocketAddr};

use starchart_domain::names::RootDomain;
use starchart_domain::secret::Secret;
use url::{Host, Url};

use crate::reader::Reader;
use crate::spec::DefaultValue::{Same, Split, Unset};
use crate::spec::Required::{InProduction, No};
use crate::spec::{SettingSpec, secret, variable};
use crate::{parse, urls};

/// The settings of this group, as `config/env.example` lists them.
pub(crate) const SPECS: &[SettingSpec] = &[
    variable(
        "ROOT_DOMAIN",
        InProduction,
        Split(None, "starchart.com"),
        "the domain under which each user gets a domain",
    ),
    variable(
        "AWS_ROUTE53_HOSTED_ZONE_ID",
        InProduction,
        Unset,
        "Route53's id of that zone",
    ),
    variable(
        "AWS_REGION",
        No,
        Same("us-east-1"),
        "region whose credentials are used",
    ),
    secret(
        "AWS_ACCESS_KEY_ID",
        InProduction,
        Split(None, "development"),
        "access key that may change and list the zone, nothing else",
    ),
    secret(
        "AWS_SECRET_ACCESS_KEY",
        InProduction,
        Split(None, "development"),
        "secret part of that access key",
    ),
    secret(
        "AWS_SESSION_TOKEN",
        No,
        Unset,
        "third part of temporary credentials",
    ),
    variable(
        "AWS_ENDPOINT_URL",
        No,
        Unset,
        "endpoint of another Route53 than Amazon's (a mock)",
    ),
    variable(
        "ROUTE53_REQUESTS_PER_SECOND",
        No,
        Same("4"),
        "requests a second at most; Amazon allows 5 an account",
    ),
    variable(
        "DNS_SERVERS",
        No,
        Unset,
        "name servers to query (host:port, comma-separated) instead of the zone's delegation",
    ),
    variable(
        "PUBLIC_RESOLVERS",
        No,
        Split(Some("1.1.1.1,8.8.8.8,9.9.9.9"), "none"),
        "addresses of resolvers that look up users' records (comma-separated), or none",
    ),
];

/// The zone, its DNS provider and its name servers.
#[derive(Debug, Clone)]
pub struct Zone {
    /// `ROOT_DOMAIN`: the domain under which each user gets a domain. Required in production.
    pub root_domain: RootDomain,
    /// The DNS provider that holds the zone.
    pub provider: DnsProvider,
    /// `DNS_SERVERS`: name servers to query for changes, instead of the zone's delegation set.
    pub dns_servers: Vec<HostPort>,
    /// `PUBLIC_RESOLVERS`: resolvers that look users' records up, as their visitors do.
    pub public_resolvers: Vec<SocketAddr>,
}

/// The DNS provider that holds the zone, with its section of the settings.
#[derive(Debug, Clone)]
pub enum DnsProvider {
    /// Amazon Route53, or another server that implements its protocol.
    Route53(Aws),
}

impl DnsProvider {
    /// Returns the settings that name the zone and open it, for advice when it cannot be read.
    pub fn access_settings(&self) -> &'static [&'static str] {
        match self {
            Self::Route53(_) => &[
                "AWS_ROUTE53_HOSTED_ZONE_ID",
                "AWS_ACCESS_KEY_ID",
                "AWS_SECRET_ACCESS_KEY",
                "AWS_ENDPOINT_URL",
            ],
        }
    }
}

/// The hosted zone in Route53 and its credentials.
#[derive(Debug, Clone)]
pub struct Aws {
    /// `AWS_ROUTE53_HOSTED_ZONE_ID`: the zone id, without `/hostedzone/`. Required in
    /// production; `None`: the zone is created in the mock at the start.
    pub zone_id: Option<String>,
    /// `AWS_REGION`: region of the credentials.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`: the access key. Required in production.
    pub access_key_id: Secret,
    /// `AWS_SECRET_ACCESS_KEY`: its secret part. Required in production.
    pub secret_access_key: Secret,
    /// `AWS_SESSION_TOKEN`: for temporary credentials.
    pub session_token: Option<Secret>,
    /// `AWS_ENDPOINT_URL`: endpoint of another Route53 than Amazon's.
    pub endpoint: Option<Url>,
    /// `ROUTE53_REQUESTS_PER_SECOND`: rate limit; Amazon allows 5 an account.
    pub requests_per_second: u32,
}

/// A name server in `DNS_SERVERS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// A host name or an address, without brackets.
    pub host: String,
    /// The UDP and TCP port. Default 53.
    pub port: u16,
}

impl std::fmt::Display for HostPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            _ => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// Reads and checks this group. `None` if it has a fault, which is in the reader's problems.
pub(crate) fn read(reader: &mut Reader) -> Option<Zone> {
    let root_domain = reader.parsed("ROOT_DOMAIN", |text| {
        RootDomain::parse(text)
            .ok_or_else(|| "is not a domain name such as starchart.com".to_owned())
    });
    let provider = aws(reader).map(DnsProvider::Route53);
    let dns_servers = reader.list("DNS_SERVERS", name_server);
    let public_resolvers = reader.parsed("PUBLIC_RESOLVERS", |text| match text {
        "none" => Ok(Vec::new()),
        _ => parse::list(text, resolver),
    });
    Some(Zone {
        root_domain: root_domain?,
        provider: provider?,
        dns_servers,
        public_resolvers: public_resolvers?,
    })
}

/// Parses `address`, `v4:port` or `[v6]:port`; the default port is 53. A name is refused, because a
/// resolver is what finds names.
fn resolver(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse().map(|address| SocketAddr::new(address, 53));
    address.or_else(|_| text.parse()).map_err(|_| {
        format!(
            "{} is not the address of a resolver such as 9.9.9.9, 127.0.0.1:53 or [2620:fe::fe]:53",
            parse::quote(text)
        )
    })
}

fn aws(reader: &mut Reader) -> Option<Aws> {
    let zone_id = reader.parsed("AWS_ROUTE53_HOSTED_ZONE_ID", zone_id);
    let region = reader.parsed("AWS_REGION", region);
    let access_key_id = reader.word("AWS_ACCESS_KEY_ID");
    let secret_access_key = reader.word("AWS_SECRET_ACCESS_KEY");
    let session_token = reader.word("AWS_SESSION_TOKEN");
    let endpoint = reader.parsed("AWS_ENDPOINT_URL", urls::web_url);
    if endpoint.is_some() && reader.environment.is_production() {
        reader.notice("AWS_ENDPOINT_URL is set: changes do not go to Amazon's Route53");
    }
    let requests_per_second = reader.parsed("ROUTE53_REQUESTS_PER_SECOND", parse::number(1, 1000));
    if endpoint.is_none() && requests_per_second.is_some_and(|rate| rate > 5) {
        reader.notice(
            "ROUTE53_REQUESTS_PER_SECOND is above the 5 that Amazon allows an account; requests \
             will be throttled",
        );
    }
    Some(Aws {
        zone_id,
        region: region?,
        access_key_id: access_key_id?,
        secret_access_key: secret_access_key?,
        session_token,
        endpoint,
        requests_per_second: requests_per_second?,
    })
}

/// Parses a region of Amazon: `eu-central-1`.
fn region(text: &str) -> Result<String, String> {
    let is_region = (1..=32).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    match is_region {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "{} is not a region such as us-east-1",
            parse::quote(text)
        )),
    }
}

/// Parses a Route53 zone id, which tools show with or without `/hostedzone/`.
fn zone_id(text: &str) -> Result<String, String> {
    let id = text.strip_prefix("/hostedzone/").unwrap_or(text);
    let fits = (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
    if fits {
        Ok(id.to_owned())
    } else {
        Err(format!(
            "{} is not a hosted zone id such as Z0123456789ABCDEFGHIJ",
            parse::quote(text)
        ))
    }
}

/// Parses `host`, `host:port`, `address:port` or `[v6]:port`; the default port is 53. A single
/// label is refused without a port, because it is likely a mistake; with a port it is a host in the
/// same stack.
fn name_server(text: &str) -> Result<HostPort, String> {
    let fault = || {
        format!(
            "{} is not a name server such as ns1.example.com, ns1:53 or [2001:db8::1]:53",
            parse::quote(text)
        )
    };
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(HostPort {
            host: address.to_string(),
            port: 53,
        });
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (
            host,
            port.parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or_else(fault)?,
        ),
        None if text.contains('.') || text == "localhost" => (text, 53),
        None => return Err(fault()),
    };
    if matches!(port, 443 | 853) {
        return Err(format!(
            "{} has a port for encrypted queries; queries are sent to port 53, over UDP and TCP",
            parse::quote(text)
        ));
    }
    let host = match Host::parse(host) {
        Ok(Host::Ipv4(address)) => address.to_string(),
        Ok(Host::Ipv6(address)) => address.to_string(),
        _ => parse::domain_name(host).ok_or_else(fault)?,
    };
    Ok(HostPort { host, port })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    #[test]
    fn name_servers_are_parsed_with_their_port() {
        let read = |text| name_server(text).map(|server| server.to_string());
        assert_eq!(read("127.0.0.1:5353").unwrap(), "127.0.0.1:5353");
        assert_eq!(read("ns1.example.com").unwrap(), "ns1.example.com:53");
        assert_eq!(read("[2001:db8::1]:5353").unwrap(), "[2001:db8::1]:5353");
        assert_eq!(read("2001:db8::1").unwrap(), "[2001:db8::1]:53");
        assert_eq!(
            read("dns:5354").unwrap(),
            "dns:5354",
            "a host in the same stack"
        );
        for bad in [
            "ns1.example.com:0",
            "ns1.example.com:dns",
            ":53",
            "a b:53",
            "abc",
        ] {
            assert!(name_server(bad).is_err(), "{bad}");
        }
        let fault = parse::list("ns1.example.com, abc d:0", name_server).unwrap_err();
        assert!(
            fault.contains("\"abc\" is not") && fault.contains("; \"d:0\" is not"),
            "each item is reported: {fault}"
        );
    }

    #[test]
    fn zone_ids_are_parsed_with_and_without_prefix() {
        assert_eq!(zone_id("/hostedzone/Z0123ABC").unwrap(), "Z0123ABC");
        assert!(zone_id("Z01/../x").is_err());
    }
}
