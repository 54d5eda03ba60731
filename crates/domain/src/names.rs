//! Labels, domains and names (RFC 1034 section 3.1, RFC 1123 section 2.1), as values that are right
//! once they exist.

use std::fmt;

use rustrict::{CensorStr, Type};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use crate::fault::NameFault;
use crate::record::RecordType;

/// Octets a label has at most.
pub const LABEL_MAX: usize = 63;
/// Characters a name has at most, without the trailing dot.
pub const NAME_MAX: usize = 253;

/// Labels that no person gets, because others would take them for the school's own.
const RESERVED_LABELS: &[&str] = &[
    "abuse",
    "acme",
    "admin",
    "administrator",
    "api",
    "auth",
    "autoconfig",
    "autodiscover",
    "dns",
    "ftp",
    "hostmaster",
    "idp",
    "imap",
    "isatap",
    "localhost",
    "login",
    "mail",
    "mta-sts",
    "ns",
    "openpgpkey",
    "pop",
    "pop3",
    "postmaster",
    "root",
    "security",
    "smtp",
    "sso",
    "status",
    "webmaster",
    "wpad",
    "www",
];

/// First parts below a person's domain that are never theirs: certificate challenges, mail policy,
/// the Public Suffix List.
const RESERVED_NAMES: &[&str] = &["_acme-challenge", "_dmarc", "_mta-sts", "_psl"];

/// The one label under the root domain that is a person's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(String);

/// Why a text is no label for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelFault {
    /// Not 1 to 63 of a-z, 0-9 and -, or - at an end or doubled.
    Invalid,
    /// Kept for the school.
    Reserved,
}

impl Label {
    /// Reads a label for somebody who has none; ASCII upper case becomes lower case.
    pub fn parse(text: &str) -> Result<Self, LabelFault> {
        let label = Self::assigned(text)?;
        let is_ns = label
            .0
            .strip_prefix("ns")
            .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
        if is_ns || RESERVED_LABELS.contains(&label.as_str()) {
            return Err(LabelFault::Reserved);
        }
        Ok(label)
    }

    /// Reads a label that somebody has: also one that an operator gave, or that was reserved later.
    /// ASCII upper case becomes lower case.
    pub fn assigned(text: &str) -> Result<Self, LabelFault> {
        let label = text.to_ascii_lowercase();
        let plain = label
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let ends_in_dash = label.starts_with('-') || label.ends_with('-');
        if label.is_empty()
            || label.len() > LABEL_MAX
            || !plain
            || ends_in_dash
            || label.contains("--")
        {
            return Err(LabelFault::Invalid);
        }
        Ok(Self(label))
    }

    /// The label that a user name stands for: without dots, lower-cased.
    pub fn from_username(username: &str) -> Result<Self, LabelFault> {
        Self::parse(&username.replace('.', ""))
    }

    /// The label.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Labels to offer to the person of this user name, best first; some may be taken. Never empty.
pub fn label_candidates(username: &str) -> Vec<Label> {
    let local = username.split('@').next().unwrap_or_default();
    let ascii: String = local
        .nfkd()
        .filter(char::is_ascii)
        .collect::<String>()
        .to_ascii_lowercase();
    let words: Vec<&str> = ascii
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|w| !w.is_empty())
        .collect();
    let (joined, dashed) = (words.concat(), words.join("-"));
    let mut texts = vec![dashed.clone(), joined.clone()];
    if let [first, .., last] = words.as_slice() {
        texts.push(format!("{last}-{first}"));
        texts.push(format!("{}{last}", &first[..1]));
    }
    if !words.is_empty() {
        texts.extend((2..=9).flat_map(|n| [format!("{joined}{n}"), format!("{dashed}-{n}")]));
    }
    let digest = Sha256::digest(username.as_bytes());
    let tag: String = digest.iter().take(3).map(|b| format!("{b:02x}")).collect();
    texts.push(format!("{joined}-{tag}"));
    texts.push(format!("user-{tag}"));
    let mut labels: Vec<Label> = Vec::new();
    for label in texts.iter().filter_map(|text| Label::parse(text).ok()) {
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    labels
}

/// The domain that everybody's names are under.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RootDomain(String);

impl RootDomain {
    /// Reads a domain such as `starchart.com`; a trailing dot is dropped and upper case lowered.
    /// `None`: no domain name of two labels or more.
    pub fn parse(text: &str) -> Option<Self> {
        HostName::parse(text)
            .ok()
            .filter(|host| !host.0.contains('_'))
            .map(|host| Self(host.0))
    }

    /// The domain, lower case, no trailing dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The domain of the person with this label.
    pub fn base(&self, label: &Label) -> BaseDomain {
        BaseDomain {
            fqdn: format!("{label}.{}", self.0),
        }
    }

    /// What stands right before the root domain in a name, in lower case, whether somebody can have
    /// it as a label or not.
    pub fn part_of(&self, name: &str) -> Option<String> {
        let name = name.trim().trim_end_matches('.').to_ascii_lowercase();
        let below = name.strip_suffix(&self.0)?.strip_suffix('.')?;
        below.rsplit('.').next().map(str::to_owned)
    }

    /// The label of the person to whom a name under this domain belongs: `user` of
    /// `www.user.starchart.com`, in any case and with or without a trailing dot. `None`: it is no
    /// such name.
    pub fn label_of(&self, name: &str) -> Option<Label> {
        Label::assigned(&self.part_of(name)?).ok()
    }
}

impl fmt::Display for RootDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One person's domain: `{label}.{root}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BaseDomain {
    fqdn: String,
}

impl BaseDomain {
    /// The domain, lower case, no trailing dot.
    pub fn as_str(&self) -> &str {
        &self.fqdn
    }

    /// What stands before this domain in `fqdn`: `www` for `www.user1.starchart.com`, nothing for
    /// the domain itself; `None` for a name that is not under it.
    pub fn relative<'a>(&self, fqdn: &'a str) -> Option<&'a str> {
        match fqdn.strip_suffix(&self.fqdn)? {
            "" => Some(""),
            rest => rest.strip_suffix('.'),
        }
    }
}

impl fmt::Display for BaseDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fqdn)
    }
}

/// A name at or under one person's domain that this person may use.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OwnedName {
    fqdn: String,
    relative_len: usize,
}

impl OwnedName {
    /// Reads what a person typed before their domain. `@` is the domain itself.
    ///
    /// Each part between dots is letters and digits with single `-` or `_` between them; TXT and
    /// CNAME parts may begin with `_`, which proofs of ownership need.
    pub fn parse(typed: &str, base: &BaseDomain, rtype: RecordType) -> Result<Self, NameFault> {
        if typed.trim() != typed {
            return Err(NameFault::OuterWhitespace);
        }
        let relative = typed.to_ascii_lowercase();
        if relative.is_empty() {
            return Err(NameFault::Empty);
        }
        if relative == "@" {
            return match rtype {
                RecordType::Cname => Err(NameFault::CnameAtBase),
                _ => Ok(Self {
                    fqdn: base.fqdn.clone(),
                    relative_len: 0,
                }),
            };
        }
        if relative.contains('*') {
            return Err(NameFault::Wildcard);
        }
        if relative.trim_end_matches('.') == base.fqdn
            || relative
                .trim_end_matches('.')
                .ends_with(&format!(".{base}"))
        {
            return Err(NameFault::BaseTyped {
                base: base.fqdn.clone(),
            });
        }
        if base
            .fqdn
            .split_once('.')
            .is_some_and(|(_, root)| relative.ends_with(&format!(".{root}")))
        {
            return Err(NameFault::OtherDomain {
                base: base.fqdn.clone(),
            });
        }
        relative
            .split('.')
            .try_for_each(|part| check_part(part, rtype))?;
        if relative
            .split('.')
            .any(|part| RESERVED_NAMES.contains(&part))
        {
            return Err(NameFault::Reserved);
        }
        let fqdn = format!("{relative}.{base}");
        if fqdn.len() > NAME_MAX {
            return Err(NameFault::TooLong);
        }
        if is_inappropriate(&words_of(&relative)) {
            return Err(NameFault::Inappropriate);
        }
        Ok(Self {
            fqdn,
            relative_len: relative.len(),
        })
    }

    /// The full name, lower case, no trailing dot.
    pub fn fqdn(&self) -> &str {
        &self.fqdn
    }

    /// What stands before the person's domain; nothing for the domain itself.
    pub fn relative(&self) -> &str {
        &self.fqdn[..self.relative_len]
    }
}

/// Whether the words are clearly not for public view. Mild ones pass: they are too often none
/// (`host-dlh`).
fn is_inappropriate(words: &str) -> bool {
    words.is((Type::PROFANE | Type::OFFENSIVE | Type::SEXUAL) & Type::MODERATE_OR_HIGHER)
}

/// What is read as words in a name. Digits at the end of one are a number, not letters in disguise:
/// `n13` is a machine.
fn words_of(relative: &str) -> String {
    let words = relative.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()))
        .collect::<Vec<_>>()
        .join("-")
}

fn check_part(part: &str, rtype: RecordType) -> Result<(), NameFault> {
    if part.is_empty() {
        return Err(NameFault::EmptyLabel);
    }
    if part.len() > LABEL_MAX {
        return Err(NameFault::LabelTooLong);
    }
    let body = match part.strip_prefix('_') {
        Some(_) if !matches!(rtype, RecordType::Txt | RecordType::Cname) => {
            return Err(NameFault::Underscore);
        }
        Some(rest) => rest,
        None => part,
    };
    if body.starts_with("xn--") {
        return Err(NameFault::Idn);
    }
    let words_are_plain = body
        .split(['-', '_'])
        .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric()));
    match () {
        () if words_are_plain => Ok(()),
        () if part.contains(char::is_whitespace) => Err(NameFault::Blank),
        () if !part.is_ascii() => Err(NameFault::NotAscii),
        () if part.contains(['/', ':']) => Err(NameFault::Url),
        () => Err(NameFault::Characters),
    }
}

/// The name of a host that a record points to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostName(String);

/// Why a text is no host name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostFault {
    /// An IPv4 or IPv6 address.
    Address,
    /// Letters beyond ASCII.
    Idn,
    /// Anything else.
    Invalid,
}

impl HostName {
    /// Reads a name of two labels or more; upper case is lowered and one trailing dot dropped. `_`
    /// may begin a label or stand inside, because proofs of ownership point to such names.
    pub fn parse(text: &str) -> Result<Self, HostFault> {
        let host = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if host.parse::<std::net::IpAddr>().is_ok() || looks_like_ipv4(&host) {
            return Err(HostFault::Address);
        }
        if !host.is_ascii() {
            return Err(HostFault::Idn);
        }
        let label_is_right = |label: &str| {
            !label.is_empty()
                && label.len() <= LABEL_MAX
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if host.len() > NAME_MAX || !host.contains('.') || !host.split('.').all(label_is_right) {
            return Err(HostFault::Invalid);
        }
        Ok(Self(host))
    }

    /// The name, lower case, no trailing dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `1.2.3`, `999.1.1.1`: a name whose last label is a number is taken for an address by resolvers.
fn looks_like_ipv4(host: &str) -> bool {
    host.rsplit('.')
        .next()
        .is_some_and(|last| !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
