//! The names of records, under a user's base domain.

use super::{BaseDomain, LABEL_MAX, NAME_MAX, has_reserved_hyphens};
use crate::fault::NameFault;
use crate::input::typed::{Typed, recognize};
use crate::input::{OddChar, clean_line, mend};

/// Labels that no record of a user may contain: certificate challenges, mail policy, the Public
/// Suffix List.
const RESERVED_NAMES: &[&str] = &["_acme-challenge", "_dmarc", "_mta-sts", "_psl"];

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
    /// Parses a name relative to the base domain, as [`clean_line`] reads it. `@` is the base
    /// domain itself.
    ///
    /// Each label consists of letters, digits, `-` and `_`, and begins and ends with a letter or a
    /// digit. Whether one may begin with `_`, and whether the base domain itself is allowed,
    /// depends on `rule`.
    pub fn parse(input: &str, base: &BaseDomain, rule: &NameRule) -> Result<Self, NameFault> {
        let relative = clean_line(input).to_ascii_lowercase();
        let parsed = Self::parse_clean(&relative, base, rule);
        if !matches!(parsed, Err(NameFault::Odd(_))) {
            return parsed;
        }
        // What to do about a character is said only if it makes the name right.
        let mended = mend(&relative);
        match Self::parse_clean(&mended, base, rule) {
            Err(fault) if mended != relative => Err(fault),
            _ => parsed,
        }
    }

    fn parse_clean(relative: &str, base: &BaseDomain, rule: &NameRule) -> Result<Self, NameFault> {
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
        if let Some(fault) = fault_of_kind(relative, base) {
            return Err(fault);
        }
        relative
            .split('.')
            .try_for_each(|label| check_label(label, rule.allows_underscores()))?;
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
        match fqdn.len().checked_sub(NAME_MAX) {
            None | Some(0) => Ok(Self {
                fqdn,
                relative_len: relative.len(),
            }),
            Some(over) => Err(NameFault::TooLong { over }),
        }
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

/// Returns what is wrong with an input that is something else than a name before the base domain.
fn fault_of_kind(input: &str, base: &BaseDomain) -> Option<NameFault> {
    let own = || base.fqdn.clone();
    let absolute = input.trim_end_matches('.');
    if absolute == base.fqdn || absolute.ends_with(&format!(".{base}")) {
        return Some(NameFault::BaseTyped { base: own() });
    }
    let root = base.fqdn.split_once('.').map(|(_, root)| root);
    if root.is_some_and(|root| absolute.ends_with(&format!(".{root}"))) {
        return Some(NameFault::OtherDomain { base: own() });
    }
    let part_of = |host: String| {
        let relative = base.relative(&host).map(str::to_owned);
        relative.filter(|relative| !relative.is_empty())
    };
    match recognize(input) {
        Typed::Quoted(inner) => Some(NameFault::Quoted(inner)),
        Typed::Odd(odd, _) if odd.is_lookalike() => Some(NameFault::Odd(odd)),
        Typed::ZoneLine(line) => Some(NameFault::ZoneLine {
            owner: line.owner.unwrap_or_else(|| "@".to_owned()),
        }),
        Typed::Address(_)
        | Typed::Bracketed(_)
        | Typed::AddressPort(..)
        | Typed::Network(_)
        | Typed::Zoned(_)
        | Typed::BadIpv6
        | Typed::Mac => Some(NameFault::Address),
        Typed::Url(host) => Some(NameFault::Url {
            name: host.and_then(part_of),
        }),
        Typed::HostPort(host, _) => Some(NameFault::Url { name: Some(host) }),
        Typed::Several => Some(NameFault::Several),
        _ if input.contains(['/', ':']) => Some(NameFault::Url { name: None }),
        _ if input.contains('*') => Some(NameFault::Wildcard),
        _ if input.contains('@') => Some(NameFault::Email),
        _ => None,
    }
}

fn check_label(label: &str, allows_underscore: bool) -> Result<(), NameFault> {
    if label.is_empty() {
        return Err(NameFault::EmptyLabel);
    }
    let is_allowed =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if let Some(c) = label.chars().find(|c| !is_allowed(*c)) {
        return Err(NameFault::Odd(OddChar::in_name(c)));
    }
    if label.len() > LABEL_MAX {
        return Err(NameFault::LabelTooLong { len: label.len() });
    }
    let body = match label.strip_prefix('_') {
        Some(_) if !allows_underscore => {
            return Err(NameFault::Underscore {
                types: String::new(),
            });
        }
        Some(rest) => rest,
        None => label,
    };
    if body.starts_with("xn--") {
        return Err(NameFault::Idn);
    }
    let is_edge = |c: char| c.is_ascii_alphanumeric();
    if !(body.starts_with(is_edge) && body.ends_with(is_edge)) {
        return Err(NameFault::Edges);
    }
    // The rule is about labels of host names, which have no underscore.
    if has_reserved_hyphens(label) && !label.contains('_') {
        return Err(NameFault::ReservedHyphens);
    }
    Ok(())
}
