//! Parsers of single values. An error is the advice that the operator reads; it repeats the value
//! only where it cannot be a secret.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use starchart_domain::names::HostName;
use url::Host;

use crate::urls;

/// Quotes a value for a message: shortened and on one line.
pub(crate) fn quote(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    format!("{short:?}")
}

pub(crate) fn text(text: &str) -> Result<String, String> {
    match text.chars().any(char::is_control) {
        true => Err("contains control characters; write it on one line".to_owned()),
        false => Ok(text.to_owned()),
    }
}

pub(crate) fn flag(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(format!("{} is neither 1 nor 0", quote(text))),
    }
}

pub(crate) fn port(text: &str) -> Result<u16, String> {
    text.parse()
        .map_err(|_| format!("{} is not a port (0 to 65535)", quote(text)))
}

/// Parses the port of another server, which cannot be 0.
pub(crate) fn server_port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(format!(
            "{} is not a port of a server (1 to 65535)",
            quote(text)
        )),
    }
}

/// Parses a host name or an address without a port.
pub(crate) fn host(text: &str) -> Result<String, String> {
    if text.parse::<IpAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    domain_name(text).ok_or_else(|| {
        format!(
            "{} is not a host name or an address; the port is a separate setting",
            quote(text)
        )
    })
}

/// Parses a domain name of one label or more and returns its A-labels (RFC 5890), as the resolver
/// and TLS take it.
pub(crate) fn domain_name(text: &str) -> Option<String> {
    let Ok(Host::Domain(name)) = Host::parse(text) else {
        return None;
    };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let is_name = name.len() <= 253 && name.trim_end_matches('.').split('.').all(is_label);
    is_name.then_some(name)
}

/// Returns a parser for a whole number within inclusive bounds.
pub(crate) fn number<T: FromStr + PartialOrd + std::fmt::Display>(
    least: T,
    most: T,
) -> impl Fn(&str) -> Result<T, String> {
    move |text| match text.parse::<T>() {
        Ok(number) if number >= least && number <= most => Ok(number),
        _ => Err(format!(
            "{} is not a whole number from {least} to {most}",
            quote(text)
        )),
    }
}

/// Returns a parser for whole seconds within inclusive bounds.
pub(crate) fn seconds(least: u64, most: u64) -> impl Fn(&str) -> Result<Duration, String> {
    move |text| {
        number(least, most)(text)
            .map(Duration::from_secs)
            .map_err(|advice| format!("{advice} (seconds)"))
    }
}

/// Parses items separated by commas or white space. Reports every faulty item.
pub(crate) fn list<T>(
    text: &str,
    item: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let parts = text
        .split([',', ' ', '\t', '\n'])
        .map(str::trim)
        .filter(|part| !part.is_empty());
    all(parts.map(item))
}

/// Collects all values, or all faults if there are any.
pub(crate) fn all<T>(results: impl Iterator<Item = Result<T, String>>) -> Result<Vec<T>, String> {
    let mut values = Vec::new();
    let mut faults = Vec::new();
    for result in results {
        match result {
            Ok(value) => values.push(value),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() {
        Ok(values)
    } else {
        Err(faults.join("; "))
    }
}

/// Parses a network, or an address as a network of one host. A network of all addresses is refused,
/// because it would trust every client.
pub(crate) fn network(text: &str) -> Result<IpNet, String> {
    let network = text
        .parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    match network {
        Ok(network) if network.prefix_len() == 0 => Err(format!(
            "{text} would trust every client; list the networks of the proxies"
        )),
        Ok(network) => Ok(network.trunc()),
        Err(_) => Err(format!(
            "{} is not a network such as 10.0.0.0/8",
            quote(text)
        )),
    }
}

/// Parses a domain of two labels or more, as CAA records name a certificate authority.
pub(crate) fn domain(text: &str) -> Result<String, String> {
    HostName::parse(text)
        .map(|host| host.as_str().to_owned())
        .map_err(|_| format!("{} is not a domain such as letsencrypt.org", quote(text)))
}

/// Parses a mail address: a dot-string and a domain (RFC 5321 section 4.1.2). Returns the domain as
/// A-labels, which every mail server takes.
pub(crate) fn email(text: &str) -> Result<String, String> {
    let fault = |reason: &str| {
        format!(
            "{} is not a mail address such as noreply@school.example{reason}",
            quote(text)
        )
    };
    let (local, domain) = text.rsplit_once('@').ok_or_else(|| fault(""))?;
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || "<>,;:\"".contains(c)) {
        return Err(fault("; write one address without a name around it"));
    }
    if local.is_empty() || local.len() > 64 || local.contains('@') {
        return Err(fault(""));
    }
    if local.split('.').any(str::is_empty) {
        return Err(fault(
            ": a dot is at the start or end of its first part, or doubled",
        ));
    }
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b".!#$%&'*+-/=?^_`{|}~".contains(&b);
    if !local.bytes().all(is_plain) {
        return Err(fault(
            ": only letters a to z, digits and common signs are possible before the @",
        ));
    }
    let domain = domain_name(domain).ok_or_else(|| fault(": its domain is not a domain name"))?;
    Ok(format!("{local}@{domain}"))
}

/// Parses a contact for users: a mail address or an https URL.
pub(crate) fn contact(text: &str) -> Result<String, String> {
    if text.starts_with("https://") {
        urls::https_url(text).map(|_| text.to_owned())
    } else {
        email(text).map_err(|_| {
            format!(
                "{} is neither a mail address nor an https:// address",
                quote(text)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    #[test]
    fn networks_and_addresses_are_parsed() {
        let read = |text| network(text).map(|network| network.to_string());
        assert_eq!(read("10.0.0.7/8").unwrap(), "10.0.0.0/8");
        assert_eq!(read("192.0.2.7").unwrap(), "192.0.2.7/32");
        assert_eq!(read("2001:db8::/32").unwrap(), "2001:db8::/32");
        for bad in ["0.0.0.0/0", "::/0", "10.0.0.0/33", "proxy"] {
            assert!(network(bad).is_err(), "{bad}");
        }
        assert_eq!(list("10.0.0.0/8, 192.0.2.7", network).unwrap().len(), 2);
    }

    #[test]
    fn ports_and_hosts_of_servers_are_parsed() {
        assert_eq!(server_port("25"), Ok(25));
        assert!(server_port("0").is_err() && server_port("65536").is_err());
        for good in [
            "mail.school.example",
            "localhost",
            "192.0.2.1",
            "2001:db8::1",
        ] {
            assert!(host(good).is_ok(), "{good}");
        }
        for bad in [
            "smtp://mail.example",
            "mail.example:25",
            "a b",
            "me@mail.example",
        ] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn bounds_are_inclusive() {
        assert_eq!(seconds(0, 120)("120"), Ok(Duration::from_secs(120)));
        for bad in ["121", "-1", "1.5", "", "1s"] {
            assert!(seconds(0, 120)(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn mail_addresses_and_contacts_are_parsed() {
        assert!(email("noreply@school.example").is_ok());
        for bad in [
            "school.example",
            "a@",
            "@b",
            "a b@c",
            "A <a@b.example>",
            "a@b@c",
        ] {
            assert!(email(bad).is_err(), "{bad}");
        }
        assert!(
            contact("https://help.school.example/").is_ok()
                && contact("javascript:alert(1)").is_err()
        );
    }
}
