//! Labels, domains and names (RFC 1034 section 3.1, RFC 1123 section 2.1), each valid by
//! construction.

use std::fmt;

use rustrict::{CensorStr, Type};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use crate::fault::NameFault;

/// The longest label, in octets (RFC 1035 section 2.3.4).
pub const LABEL_MAX: usize = 63;
/// The longest name without the trailing dot, in characters (RFC 1035 section 2.3.4).
pub const NAME_MAX: usize = 253;

/// Labels that no user may choose, because they look like the school's own services.
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

/// Labels that no record of a user may contain: certificate challenges, mail policy, the Public
/// Suffix List.
const RESERVED_NAMES: &[&str] = &["_acme-challenge", "_dmarc", "_mta-sts", "_psl"];

/// A user's label: the part of their names directly under the root domain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(String);

/// Why a text cannot be a user's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelFault {
    /// Not 1 to 63 characters of a-z, 0-9 and `-`, or with `-` at an end or twice in a row.
    Invalid,
    /// Reserved for the school (see `RESERVED_LABELS`).
    Reserved,
}

impl Label {
    /// Parses a label for a user who has none, refusing reserved ones. ASCII letters are
    /// lower-cased.
    pub fn parse(text: &str) -> Result<Self, LabelFault> {
        let label = Self::parse_assigned(text)?;
        let is_ns = label
            .0
            .strip_prefix("ns")
            .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
        if is_ns || RESERVED_LABELS.contains(&label.as_str()) {
            return Err(LabelFault::Reserved);
        }
        Ok(label)
    }

    /// Parses a label that a user already has. It may be reserved: operators can assign such
    /// labels, and more may be reserved later. ASCII letters are lower-cased.
    pub fn parse_assigned(text: &str) -> Result<Self, LabelFault> {
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

    /// Parses the label that follows from a user name: without dots, lower-cased.
    pub fn from_username(username: &str) -> Result<Self, LabelFault> {
        Self::parse(&username.replace('.', ""))
    }

    /// Returns the label as a string slice.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Lists labels to offer to a user, best first. Some may be taken. Never empty.
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
    let joined = words.concat();
    let dashed = words.join("-");
    let mut texts = vec![dashed.clone(), joined.clone()];
    if let [first, .., last] = words.as_slice() {
        texts.push(format!("{last}-{first}"));
        texts.push(format!("{}{last}", &first[..1]));
    }
    if !words.is_empty() {
        texts.extend((2..=9).flat_map(|n| [format!("{joined}{n}"), format!("{dashed}-{n}")]));
    }
    let digest = Sha256::digest(username.as_bytes());
    let tag = hex::encode(&digest[..3]);
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

/// The domain under which every user has a domain of their own (`ROOT_DOMAIN`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RootDomain(String);

impl RootDomain {
    /// Parses a domain such as `starchart.com`, dropping a trailing dot and lower-casing it.
    /// Returns `None` unless it is a domain name of two labels or more.
    pub fn parse(text: &str) -> Option<Self> {
        HostName::parse(text)
            .ok()
            .filter(|host| !host.0.contains('_'))
            .map(|host| Self(host.0))
    }

    /// Returns the domain: lower case, no trailing dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the base domain of the user with this label.
    pub fn base(&self, label: &Label) -> BaseDomain {
        BaseDomain {
            fqdn: format!("{label}.{}", self.0),
        }
    }

    /// Returns the part of a name directly before the root domain, in lower case, whether it is a
    /// valid label or not.
    pub fn label_text_of(&self, name: &str) -> Option<String> {
        let name = name.trim().trim_end_matches('.').to_ascii_lowercase();
        let below = name.strip_suffix(&self.0)?.strip_suffix('.')?;
        below.rsplit('.').next().map(str::to_owned)
    }

    /// Returns the label of the user who owns a name: `user` for `www.user.starchart.com`, in any
    /// case and with or without a trailing dot. Returns `None` for other names.
    pub fn label_of(&self, name: &str) -> Option<Label> {
        Label::parse_assigned(&self.label_text_of(name)?).ok()
    }
}

impl fmt::Display for RootDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A user's domain: `{label}.{root}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BaseDomain {
    fqdn: String,
}

impl BaseDomain {
    /// Returns the domain: lower case, no trailing dot.
    pub fn as_str(&self) -> &str {
        &self.fqdn
    }

    /// Returns the part of `fqdn` before this domain: `www` for `www.user1.starchart.com`, an empty
    /// string for the domain itself, `None` for a name that is not under it.
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

/// Which names a record may have, by its type.
#[derive(Debug)]
pub struct NameRule {
    /// Why the base domain itself is not allowed; `None` when it is.
    pub at_base: Option<NameFault>,
    /// Which labels are allowed.
    pub labels: LabelRule,
}

/// Which labels a name may have.
#[derive(Debug, Clone, Copy)]
pub enum LabelRule {
    /// Labels of host names.
    Plain,
    /// Labels that may also begin with `_`.
    Underscores,
    /// Labels that may begin with `_` and pass this check, which returns what to do instead. The
    /// labels are those before the base domain, in lower case.
    Checked(fn(labels: &[&str]) -> Result<(), &'static str>),
}

impl NameRule {
    /// The rule for names of hosts: any depth, and the base domain itself.
    pub const PLAIN: Self = Self {
        at_base: None,
        labels: LabelRule::Plain,
    };

    /// Returns whether a label may begin with `_`.
    pub fn allows_underscores(&self) -> bool {
        !matches!(self.labels, LabelRule::Plain)
    }
}

/// A name at or under a user's base domain that this user may use for a record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OwnedName {
    fqdn: String,
    relative_len: usize,
}

impl OwnedName {
    /// Parses a name relative to the base domain. `@` is the base domain itself.
    ///
    /// Each label consists of letters and digits with single `-` or `_` between them. Whether one
    /// may begin with `_`, and whether the base domain itself is allowed, depends on `rule`.
    pub fn parse(input: &str, base: &BaseDomain, rule: &NameRule) -> Result<Self, NameFault> {
        if input.trim() != input {
            return Err(NameFault::OuterWhitespace);
        }
        let relative = input.to_ascii_lowercase();
        if relative.is_empty() {
            return Err(NameFault::Empty);
        }
        if relative == "@" {
            return match &rule.at_base {
                Some(fault) => Err(fault.clone()),
                None => Ok(Self {
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
            .try_for_each(|part| check_part(part, rule.allows_underscores()))?;
        if relative
            .split('.')
            .any(|part| RESERVED_NAMES.contains(&part))
        {
            return Err(NameFault::Reserved);
        }
        if let LabelRule::Checked(check) = rule.labels {
            let labels: Vec<&str> = relative.split('.').collect();
            check(&labels).map_err(NameFault::Rule)?;
        }
        let fqdn = format!("{relative}.{base}");
        if fqdn.len() > NAME_MAX {
            return Err(NameFault::TooLong);
        }
        if is_inappropriate(&words_of(&relative, rule)) {
            return Err(NameFault::Inappropriate);
        }
        Ok(Self {
            fqdn,
            relative_len: relative.len(),
        })
    }

    /// Returns the fqdn: lower case, no trailing dot.
    pub fn fqdn(&self) -> &str {
        &self.fqdn
    }

    /// Returns the part before the base domain, empty for the base domain itself.
    pub fn relative(&self) -> &str {
        &self.fqdn[..self.relative_len]
    }
}

/// Returns whether the words are clearly offensive. Mild matches pass, because too many are no
/// words at all (`host-dlh`).
fn is_inappropriate(words: &str) -> bool {
    words.is((Type::PROFANE | Type::OFFENSIVE | Type::SEXUAL) & Type::MODERATE_OR_HIGHER)
}

/// Returns the words of a name to check for offence. Digits at the end of a word are a number and
/// no disguised letters: `n13` is a machine. Labels in front of which the type demands a `_` are
/// names of services, which the user cannot choose.
fn words_of(relative: &str, rule: &NameRule) -> String {
    let is_checked = matches!(rule.labels, LabelRule::Checked(_));
    relative
        .split('.')
        .filter(|label| !(is_checked && label.starts_with('_')))
        .flat_map(|label| label.split(|c: char| !c.is_ascii_alphanumeric()))
        .map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()))
        .collect::<Vec<_>>()
        .join("-")
}

fn check_part(part: &str, allows_underscore: bool) -> Result<(), NameFault> {
    if part.is_empty() {
        return Err(NameFault::EmptyLabel);
    }
    if part.len() > LABEL_MAX {
        return Err(NameFault::LabelTooLong);
    }
    let body = match part.strip_prefix('_') {
        Some(_) if !allows_underscore => {
            return Err(NameFault::Underscore {
                types: String::new(),
            });
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

/// The host name that a CNAME or MX record points to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostName(String);

/// Why a text cannot be a host name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostFault {
    /// An address, or a text that resolvers take for one.
    Address,
    /// Contains letters beyond ASCII (RFC 5890).
    Idn,
    /// Malformed in any other way.
    Invalid,
}

impl HostName {
    /// Parses a name of two labels or more, lower-casing it and dropping one trailing dot. Labels
    /// may contain `_`, because domain verification points to such names.
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

    /// Returns the name: lower case, no trailing dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns whether the last label is a number, as in `1.2.3` and `999.1.1.1`: resolvers take such
/// names for addresses.
fn looks_like_ipv4(host: &str) -> bool {
    host.rsplit('.')
        .next()
        .is_some_and(|last| !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests;
