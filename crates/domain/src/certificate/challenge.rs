//! The answers to DNS challenges that a user's own ACME client writes (RFC 8555 section 8.4): they
//! live apart from records.

use super::challenge_name;
use crate::fault::{ChallengeFault, NameFault};
use crate::names::{BaseDomain, NAME_MAX, NameRule, OwnedName};
use crate::ttl::Ttl;

/// Values that a user's clients may have at the same time.
pub const CLIENT_VALUES_MAX: u32 = 20;
/// For how long a client's value is kept: an authorization that is pending for longer has expired.
pub const CLIENT_VALUE_KEPT_MS: i64 = 7 * 24 * 60 * 60 * 1_000;
/// The TTL of a name that has only values of clients.
pub const CLIENT_VALUE_TTL: Ttl = Ttl::MINUTE;

/// The length of a value: a SHA-256 in base64url without padding.
const VALUE_LEN: usize = 43;
/// What a challenge's name begins with.
const PREFIX: &str = "_acme-challenge.";

/// Why a host cannot have a certificate (RFC 5280 section 4.2.1.6).
const NO_UNDERSCORE: NameFault =
    NameFault::Rule("certificates are for hosts, whose names have no _");

/// The name at which a challenge for a host of the user is answered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChallengeName {
    fqdn: String,
    host: String,
}

/// The value that answers a challenge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChallengeValue(String);

impl ChallengeName {
    /// Parses the name of a challenge at or below the base domain, in any case and with or without
    /// a trailing dot.
    ///
    /// # Errors
    /// What is wrong with the name.
    pub fn parse(fqdn: &str, base: &BaseDomain) -> Result<Self, ChallengeFault> {
        let fqdn = lower(fqdn);
        let host = fqdn.strip_prefix(PREFIX);
        Self::of_host(host.ok_or(ChallengeFault::NoChallenge)?, base)
    }

    /// Returns the name of the challenge for a host at or below the base domain, given in full.
    ///
    /// # Errors
    /// What is wrong with the host.
    pub fn of_host(host: &str, base: &BaseDomain) -> Result<Self, ChallengeFault> {
        let host = lower(host);
        let foreign = || ChallengeFault::Foreign {
            base: base.to_string(),
        };
        let relative = match base.relative(&host).ok_or_else(foreign)? {
            "" => "@",
            relative => relative,
        };
        if relative.split('.').any(|label| label == "*") {
            return Err(ChallengeFault::Wildcard);
        }
        let host = OwnedName::parse(relative, base, &NameRule::PLAIN);
        let host = host.map_err(|fault| match fault {
            NameFault::Underscore { .. } => ChallengeFault::Name(NO_UNDERSCORE),
            fault => ChallengeFault::Name(fault),
        })?;
        let fqdn = challenge_name(host.fqdn());
        if let Some(over @ 1..) = fqdn.len().checked_sub(NAME_MAX) {
            return Err(ChallengeFault::Name(NameFault::TooLong { over }));
        }
        let relative = host.relative();
        let host = if relative.is_empty() { "@" } else { relative };
        Ok(Self {
            host: host.to_owned(),
            fqdn,
        })
    }

    /// Returns the name: lower case, no trailing dot.
    pub fn fqdn(&self) -> &str {
        &self.fqdn
    }

    /// Returns the host that the challenge is for, in full.
    pub fn host_fqdn(&self) -> &str {
        &self.fqdn[PREFIX.len()..]
    }

    /// Returns the host that the challenge is for, relative to the base domain; `@` for the base
    /// domain itself.
    pub fn host(&self) -> &str {
        &self.host
    }
}

fn lower(name: &str) -> String {
    let name = name.trim();
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

impl ChallengeValue {
    /// Parses a value, also one in quotation marks.
    ///
    /// # Errors
    /// [`ChallengeFault::Value`] for a text that no client computes.
    pub fn parse(text: &str) -> Result<Self, ChallengeFault> {
        let text = text.trim();
        let quoted = text.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
        let value = quoted.unwrap_or(text);
        let is_digit = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
        match value.len() == VALUE_LEN && value.bytes().all(is_digit) {
            true => Ok(Self(value.to_owned())),
            false => Err(ChallengeFault::Value),
        }
    }

    /// Returns the value, which a TXT record quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use crate::names::{Label, RootDomain};

    fn base() -> BaseDomain {
        let root = RootDomain::parse("starchart.com").unwrap();
        root.base(&Label::parse("user1").unwrap())
    }

    #[test]
    fn a_challenge_is_at_or_below_the_base_domain() {
        let long = format!("{}.", "a".repeat(63)).repeat(3);
        let host = format!("{long}{}.", "b".repeat(30));
        for (fqdn, expected) in [
            ("_acme-challenge.user1.starchart.com", Ok("@")),
            ("_acme-challenge.user1.starchart.com.", Ok("@")),
            ("_ACME-Challenge.WWW.user1.Starchart.com.", Ok("www")),
            ("_acme-challenge.a.b.user1.starchart.com", Ok("a.b")),
            (
                "_acme-challenge.xn--bcher-kva.user1.starchart.com",
                Ok("xn--bcher-kva"),
            ),
            (
                "www.user1.starchart.com",
                Err("begins with _acme-challenge"),
            ),
            ("", Err("begins with _acme-challenge")),
            ("_acme-challenge", Err("begins with _acme-challenge")),
            ("_acme-challenge.", Err("begins with _acme-challenge")),
            ("_acme-challenge.starchart.com", Err("another domain")),
            ("_acme-challenge.user2.starchart.com", Err("another domain")),
            (
                "_acme-challenge.xuser1.starchart.com",
                Err("another domain"),
            ),
            (
                "_acme-challenge.user1.starchart.com.evil.example",
                Err("another domain"),
            ),
            (
                "_acme-challenge.*.user1.starchart.com",
                Err("leave the * out"),
            ),
            (
                "_acme-challenge.*.www.user1.starchart.com",
                Err("leave the * out"),
            ),
            (
                "_acme-challenge._acme-challenge.user1.starchart.com",
                Err("have no _"),
            ),
            ("_acme-challenge._tcp.user1.starchart.com", Err("have no _")),
            (
                "_acme-challenge..user1.starchart.com",
                Err("another domain"),
            ),
            ("_acme-challenge.a..user1.starchart.com", Err("extra dot")),
            (
                "_acme-challenge.-a.user1.starchart.com",
                Err("begins and ends"),
            ),
            (
                "_acme-challenge.a b.user1.starchart.com",
                Err("not allowed"),
            ),
            (
                &format!("_acme-challenge.{host}user1.starchart.com"),
                Err("shorten it by 5"),
            ),
            (
                &format!("_acme-challenge.{long}{host}user1.starchart.com"),
                Err("at most 253"),
            ),
        ] {
            let parsed = ChallengeName::parse(fqdn, &base());
            match (parsed, expected) {
                (Ok(name), Ok(host)) => {
                    let full = format!("_acme-challenge.{host}.user1.starchart.com");
                    assert_eq!(name.host(), host, "{fqdn}");
                    assert_eq!(name.fqdn(), full.replace("@.", ""), "{fqdn}");
                    let of_host = ChallengeName::of_host(name.host_fqdn(), &base());
                    assert_eq!(of_host, Ok(name));
                }
                (Err(fault), Err(reason)) => {
                    let text = fault.to_string();
                    assert!(text.contains(reason), "{fqdn}: {text}");
                }
                other => panic!("{fqdn}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_value_is_a_digest_in_base64url() {
        let value = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0";
        let quoted = format!("\"{value}\"");
        for text in [value, &quoted, &format!(" {value}\n")] {
            assert_eq!(ChallengeValue::parse(text).unwrap().as_str(), value);
        }
        for text in [
            "",
            "\"\"",
            &value[1..],
            &format!("{value}="),
            &format!("{value}a"),
            &value.replace('L', "+"),
            &value.replace('L', "é"),
            &format!("\"{value}"),
        ] {
            assert_eq!(
                ChallengeValue::parse(text),
                Err(ChallengeFault::Value),
                "{text}"
            );
        }
    }
}
