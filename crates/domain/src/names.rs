//! Labels, domains and names (RFC 1034 section 3.1, RFC 1123 section 2.1), each valid by
//! construction.

pub mod idn;
mod owned;
mod reserved;

use std::fmt;

use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use crate::input::OddChar;

pub use owned::{LabelRule, NameRule, OwnedName};
pub use reserved::ReservedLabels;

/// The longest label, in octets (RFC 1035 section 2.3.4).
pub const LABEL_MAX: usize = 63;
/// The longest name without the trailing dot, in characters (RFC 1035 section 2.3.4).
pub const NAME_MAX: usize = 253;

/// A user's label: the part of their names directly under the root domain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(String);

/// Why a text cannot be a user's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelFault {
    /// Not 1 to 63 characters of a-z, 0-9 and `-`, or with `-` at an end, or as the third and
    /// fourth character (RFC 5890 section 2.3.1).
    Invalid,
    /// Reserved for the school (see [`ReservedLabels`]).
    Reserved,
}

impl Label {
    /// Parses a label, reserved or not. ASCII letters are lower-cased.
    pub fn parse(text: &str) -> Result<Self, LabelFault> {
        let label = text.to_ascii_lowercase();
        let plain = label
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let ends_in_dash = label.starts_with('-') || label.ends_with('-');
        if label.is_empty()
            || label.len() > LABEL_MAX
            || !plain
            || ends_in_dash
            || has_reserved_hyphens(&label)
        {
            return Err(LabelFault::Invalid);
        }
        Ok(Self(label))
    }

    /// Parses the label that follows from a user name: without dots, lower-cased. A reserved one
    /// is refused.
    pub fn from_username(username: &str, reserved: &ReservedLabels) -> Result<Self, LabelFault> {
        let label = Self::parse(&username.replace('.', ""))?;
        match reserved.find(&label) {
            None => Ok(label),
            Some(_) => Err(LabelFault::Reserved),
        }
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

/// Lists labels to offer to a user, best first. Some may be taken. Never empty, unless so many
/// labels are reserved.
pub fn label_candidates(username: &str, reserved: &ReservedLabels) -> Vec<Label> {
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
        if !labels.contains(&label) && reserved.find(&label).is_none() {
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
        Label::parse(&self.label_text_of(name)?).ok()
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
            rest => rest.strip_suffix('.').filter(|before| !before.is_empty()),
        }
    }
}

impl fmt::Display for BaseDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fqdn)
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
    /// Contains a character that no host name has in its ASCII form (RFC 5890).
    Character(OddChar),
    /// A single label, or nothing.
    OneLabel,
    /// Two dots in a row, or a dot at the beginning or twice at the end.
    EmptyLabel,
    /// A label is longer than [`LABEL_MAX`].
    LabelTooLong {
        /// Its length in octets.
        len: usize,
    },
    /// The whole name is longer than [`NAME_MAX`].
    TooLong {
        /// Its length in octets.
        len: usize,
    },
    /// A label begins or ends with `-`.
    Hyphen,
}

impl HostName {
    /// Parses a name of two labels or more, lower-casing it and dropping one trailing dot. Labels
    /// may contain `_`, because domain verification points to such names.
    pub fn parse(text: &str) -> Result<Self, HostFault> {
        let host = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if host.parse::<std::net::IpAddr>().is_ok() || looks_like_ipv4(&host) {
            return Err(HostFault::Address);
        }
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if let Some(c) = host.chars().find(|c| !is_allowed(*c)) {
            let odd = OddChar::in_name(c);
            return Err(HostFault::Character(odd));
        }
        if !host.contains('.') {
            return Err(match host.len() {
                0 if !text.is_empty() => HostFault::EmptyLabel,
                _ => HostFault::OneLabel,
            });
        }
        if host.len() > NAME_MAX {
            return Err(HostFault::TooLong { len: host.len() });
        }
        for label in host.split('.') {
            match label.len() {
                0 => return Err(HostFault::EmptyLabel),
                1..=LABEL_MAX => {}
                len => return Err(HostFault::LabelTooLong { len }),
            }
            if label.starts_with('-') || label.ends_with('-') {
                return Err(HostFault::Hyphen);
            }
        }
        Ok(Self(host))
    }

    /// Returns the name: lower case, no trailing dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns whether the third and fourth character are `-`, which is reserved for international
/// names and further encodings (RFC 5890 section 2.3.1).
fn has_reserved_hyphens(label: &str) -> bool {
    label.as_bytes().get(2..4) == Some(b"--")
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
