//! Parses URLs. The errors never repeat a URL, which may contain a password (I9).

use url::{Host, Url};

/// How to write a character of a user name or a password that has a meaning of its own in a URL.
const ENCODE: &str = "write / : @ # ? % in a user name or a password as %2F %3A %40 %23 %3F %25";

/// Parses a URL. Refuses what the parser would read in another way than it is meant: characters
/// that must be encoded, and a port that contradicts the scheme. The error does not repeat the URL,
/// which may contain a password.
pub(crate) fn url(text: &str) -> Result<Url, String> {
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("contains a blank or a line break; a URL has none (%20 is a blank)".to_owned());
    }
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if path.contains('@') {
        return Err(format!("has one of / ? # before an @; {ENCODE}"));
    }
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    let mut after_percent = user.split('%').skip(1);
    let is_encoded =
        |text: &str| text.len() >= 2 && text.bytes().take(2).all(|b| b.is_ascii_hexdigit());
    if !after_percent.all(is_encoded) {
        return Err(format!(
            "has a % that begins no encoded character; {ENCODE}"
        ));
    }
    // The errors of Url::parse name a part ("invalid port number") and never contain its text.
    let url = Url::parse(text).map_err(|error| match authority.contains([':', '@']) {
        true => format!("is not a URL ({error}); {ENCODE}"),
        false => format!("is not a URL ({error})"),
    })?;
    // The parser supplies missing slashes.
    let after_scheme = text.get(url.scheme().len()..).unwrap_or_default();
    if !after_scheme.starts_with("://") {
        return Err("lacks // after its scheme: https://host".to_owned());
    }
    match (url.scheme(), url.port()) {
        ("https", Some(80)) => Err("has port 80, which is for http://; leave it out".to_owned()),
        ("http", Some(443)) => Err("has port 443, which is for https://".to_owned()),
        _ => Ok(url),
    }
}

/// Parses an http or https URL without user information. The error does not repeat the URL, which
/// may contain a password.
pub(crate) fn web_url(text: &str) -> Result<Url, String> {
    let url = url(text)?;
    if text.contains('\\') {
        return Err("contains a backslash; a URL has /".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user or a password".to_owned());
    }
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        _ => Err("must begin with https:// (or http://)".to_owned()),
    }
}

/// Parses an https URL; http is allowed for this machine only.
pub(crate) fn https_url(text: &str) -> Result<Url, String> {
    let url = web_url(text)?;
    let loopback = url.host().is_some_and(|host| is_loopback(&host));
    if url.scheme() != "https" && !loopback {
        return Err("must begin with https://".to_owned());
    }
    Ok(url)
}

/// Parses an origin, a URL without path: `https://login.school.example`.
pub(crate) fn origin(text: &str) -> Result<String, String> {
    let url = web_url(text)?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare {
        return Err(
            "takes origins such as https://login.school.example, without a path".to_owned(),
        );
    }
    Ok(url.origin().ascii_serialization())
}

/// Returns whether a host is `localhost`, a name under it, or a loopback address.
pub(crate) fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref() == "localhost" || name.as_ref().ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_as_it_is_written() {
        for (text, advice) in [
            ("https:login.school.example", "lacks // after its scheme"),
            ("https:/login.school.example", "lacks // after its scheme"),
            ("https:sql://a:b@db/x", "lacks // after its scheme"),
            (
                "https:\\\\login.school.example",
                "lacks // after its scheme",
            ),
            ("https://login.school.example\\path", "contains a backslash"),
            ("https://a\\@login.school.example", "contains a backslash"),
        ] {
            let fault = web_url(text).err().unwrap_or_default();
            assert!(fault.starts_with(advice), "{text}: {fault}");
        }
        for text in [
            "https://login.school.example",
            "HTTPS://Login.School.Example/a?b#c",
        ] {
            assert!(web_url(text).is_ok(), "{text}");
        }
    }
}
