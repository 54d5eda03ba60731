//! The names of records, under a user's base domain.

use std::borrow::Cow;

use super::{BaseDomain, LABEL_MAX, NAME_MAX, has_reserved_hyphens, idn};
use crate::certificate::CHALLENGE_LABEL;
use crate::fault::NameFault;
use crate::input::typed::{Typed, recognize};
use crate::input::{OddChar, clean_line, mend};

/// Labels that no name of a user has, each with the reason.
const RESERVED_NAMES: [(&str, &str); 2] = [
    (
        "_validation-persist",
        "_validation-persist is not offered: whoever it names gets certificates for your domain \
         for as long as the record is there",
    ),
    ("_psl", "_psl is kept for the Public Suffix List"),
];

/// Why a challenge's label is refused.
const RESERVED_CHALLENGE: &str = "_acme-challenge is kept for the certificate that you get here; \
                                  for a name below your domain, put it before that name, as in \
                                  _acme-challenge.www";

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
    /// domain itself, `*` as the first label a wildcard (RFC 4592).
    ///
    /// Each other label consists of letters, digits, `-` and `_`, and begins and ends with a letter
    /// or a digit; one with letters beyond ASCII gets its form in ASCII. Whether one may begin with
    /// `_`, and whether the base domain itself is allowed, depends on `rule`.
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
        let parse = |(at, label)| match label {
            "*" if at == 0 => Ok(label.to_owned()),
            _ => parse_label(label, rule.allows_underscores()),
        };
        let labels = relative.split('.').enumerate().map(parse);
        let labels = labels.collect::<Result<Vec<String>, NameFault>>()?;
        let texts: Vec<&str> = labels.iter().map(String::as_str).collect();
        if let Some(reason) = reserved(&texts) {
            return Err(NameFault::Reserved(reason));
        }
        if let LabelRule::Checked(check) = rule.labels {
            check(&texts).map_err(NameFault::Rule)?;
        }
        let relative = labels.join(".");
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

    /// Returns the part before the base domain with the letters that its labels stand for.
    pub fn shown(&self) -> Cow<'_, str> {
        idn::to_unicode(self.relative()).map_or(Cow::Borrowed(self.relative()), Cow::Owned)
    }

    /// Returns the name that this wildcard is directly below; `None` for any other name.
    pub fn wildcard_of(&self) -> Option<&str> {
        self.fqdn.strip_prefix("*.")
    }

    /// Returns the name below the base domain whose certificates this name's records decide about,
    /// if it is that of a challenge.
    pub fn challenge_of(&self) -> Option<&str> {
        self.fqdn.strip_prefix(CHALLENGE_LABEL)?.strip_prefix('.')
    }
}

/// Returns why a name with these labels is no user's.
fn reserved(labels: &[&str]) -> Option<&'static str> {
    let of_label = |label: &str| {
        let mut reserved = RESERVED_NAMES.iter();
        reserved
            .find(|(reserved, _)| *reserved == label)
            .map(|(_, reason)| *reason)
    };
    let is_own_challenge = matches!(labels, [CHALLENGE_LABEL, rest @ ..] if !rest.is_empty());
    let others = &labels[usize::from(is_own_challenge)..];
    match others.contains(&CHALLENGE_LABEL) {
        true => Some(RESERVED_CHALLENGE),
        false => labels.iter().find_map(|label| of_label(label)),
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
        _ if input.contains('@') => Some(NameFault::Email),
        _ => None,
    }
}

/// Parses a label that is no wildcard and returns its form in ASCII.
fn parse_label(label: &str, allows_underscore: bool) -> Result<String, NameFault> {
    if label.is_empty() {
        return Err(NameFault::EmptyLabel);
    }
    if label.contains('*') {
        return Err(NameFault::Wildcard);
    }
    if !idn::is_international(label) || label.starts_with('_') {
        return check_label(label, allows_underscore).map(|()| label.to_owned());
    }
    let ascii = idn::to_ascii(label).map_err(NameFault::Idn)?;
    match ascii.len() {
        ..=LABEL_MAX => Ok(ascii),
        len => Err(NameFault::LabelTooLong { len }),
    }
}

fn check_label(label: &str, allows_underscore: bool) -> Result<(), NameFault> {
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
        // A label after an underscore is a keyword of a protocol.
        return Err(NameFault::Odd(OddChar::Other('_')));
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
