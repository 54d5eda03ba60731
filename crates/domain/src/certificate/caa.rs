//! Whether CAA records allow a certificate authority to issue (RFC 8659, RFC 8657).
//!
//! A judgement uses the records that it is given. What they leave open is reported as such: which
//! ACME account `accounturi` names. CAA records above the user's domain are of the operator; the
//! database does not have them, so a domain without records of its own is taken as allowed.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::record::RecordType;
use crate::time::Timestamp;
use crate::txt;

#[cfg(test)]
mod tests;

/// The type of the records that this module reads.
pub const CAA: RecordType = RecordType::Caa;

/// The validation method (RFC 8555 section 8.4) by which this service gets certificates.
const METHOD: &str = "dns-01";
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// What CAA records say about an authority, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// It may not issue.
    No,
    /// It may issue, but not with the validation method `dns-01`.
    OtherMethods,
    /// It may issue for the ACME account that `accounturi` names. Which account this service has is
    /// not known here.
    OneAccount,
    /// It may issue, also with `dns-01`.
    Yes,
}

/// Why an authority may not issue a certificate for a wildcard, or is not known to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuanceForbidden {
    /// The domain of the certificate.
    pub domain: String,
    /// The name of the RRset that decides.
    pub name: String,
    /// Its values, in presentation format.
    pub values: Vec<String>,
    /// The domains by which the authority is known in CAA records.
    pub authority: Vec<String>,
    /// The tag of the property that would allow it.
    pub missing: &'static str,
    /// What the RRset says; not [`Permission::Yes`].
    pub permission: Permission,
}

impl IssuanceForbidden {
    /// Returns whether the authority certainly refuses.
    pub fn is_certain(&self) -> bool {
        self.permission < Permission::OneAccount
    }

    /// Says what it stops, as a sentence for the user.
    pub fn describe_effect(&self) -> String {
        let can = match self.is_certain() {
            true => "can",
            false => "perhaps can",
        };
        format!("{self}; without it your certificate here {can} neither be issued nor renewed.")
    }

    /// Returns the text by which a user confirms exactly this, and nothing that is entered later.
    pub fn confirmation(&self) -> String {
        let mut hash = Sha256::new();
        for text in std::iter::once(&self.name).chain(&self.values) {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hex::encode(&hash.finalize()[..8])
    }
}

impl fmt::Display for IssuanceForbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            domain,
            name,
            values,
            missing,
            ..
        } = self;
        let authority = self.authority.join(" or ");
        let values = values.join(", ");
        let issue = format!("to issue certificates for *.{domain}");
        write!(f, "The CAA records of {name} ({values}) ")?;
        match self.permission {
            Permission::No => write!(f, "do not allow {authority} {issue}")?,
            Permission::OtherMethods => write!(
                f,
                "do not allow {authority} {issue} with the validation method {METHOD}, which this \
                 service uses"
            )?,
            Permission::OneAccount | Permission::Yes => write!(
                f,
                "allow only the account in accounturi {issue}, and we cannot check whether that is \
                 the account of this service"
            )?,
        }
        write!(
            f,
            ". A CAA record of {domain} with the tag {missing} and the value {authority} allows it"
        )
    }
}

/// Returns what [`issuance_forbidden`] finds after a change but not before it.
pub fn newly_forbidden(
    domain: &str,
    before: &[(&str, &str)],
    after: &[(&str, &str)],
    identities: &[String],
) -> Option<IssuanceForbidden> {
    let before = issuance_forbidden(domain, before.iter().copied(), identities);
    let after = issuance_forbidden(domain, after.iter().copied(), identities)?;
    let is_new = before.is_none_or(|before| !before.is_certain() && after.is_certain());
    is_new.then_some(after)
}

/// Returns what [`issuance_forbidden`] finds first as the records expire, and when. Records that
/// expire on the same day do so together.
pub fn forbidden_by_expiry(
    domain: &str,
    records: &[(&str, &str, Timestamp)],
    identities: &[String],
) -> Option<(Timestamp, IssuanceForbidden)> {
    let day = |at: Timestamp| at.as_millis().div_euclid(DAY_MS);
    let mut ends: Vec<Timestamp> = records
        .iter()
        .map(|(_, _, expires_at)| *expires_at)
        .collect();
    ends.sort_unstable();
    ends.into_iter().find_map(|end| {
        let left = records.iter().filter(|(_, _, at)| day(*at) > day(end));
        let left: Vec<_> = left.map(|(name, value, _)| (*name, *value)).collect();
        Some((
            end,
            issuance_forbidden(domain, left.iter().copied(), identities)?,
        ))
    })
}

/// Returns why an authority may not issue for `*.{domain}` and `{domain}`, or is not known to;
/// `None` when it may.
///
/// `records` holds the name and presentation value of CAA records. Those of the closest name at or
/// above the domain count (section 3). For the wildcard, `issuewild` outranks `issue` (section
/// 4.3); without a property of either tag every authority may issue. `identities` are the domains
/// by which the authority is known; without any, nothing is found. Parameters other than those of
/// RFC 8657 are the authority's own and are not judged.
pub fn issuance_forbidden<'a>(
    domain: &str,
    records: impl IntoIterator<Item = (&'a str, &'a str)> + Clone,
    identities: &[String],
) -> Option<IssuanceForbidden> {
    if identities.is_empty() {
        return None;
    }
    let (name, values) = closest(domain, records)?;
    let properties: Vec<Property> = values.iter().filter_map(|value| parse(value)).collect();
    let permission_by = |tag: &str| {
        let of_tag = properties.iter().filter(|property| property.tag == tag);
        of_tag.map(|property| property.permission(identities)).max()
    };
    let issue = permission_by("issue").unwrap_or(Permission::Yes);
    let by_wildcard = permission_by("issuewild");
    let permission = if properties.iter().any(Property::is_unknown) {
        Permission::No
    } else {
        issue.min(by_wildcard.unwrap_or(issue))
    };
    (permission < Permission::Yes).then(|| IssuanceForbidden {
        domain: domain.to_owned(),
        name: name.to_owned(),
        values: values.into_iter().map(str::to_owned).collect(),
        authority: identities.to_vec(),
        missing: match issue {
            Permission::Yes if by_wildcard.is_some() => "issuewild",
            _ => "issue",
        },
        permission,
    })
}

/// Finds the values of the closest name at or above the domain that has any.
fn closest<'a, 'd>(
    domain: &'d str,
    records: impl IntoIterator<Item = (&'a str, &'a str)> + Clone,
) -> Option<(&'d str, Vec<&'a str>)> {
    let mut name = domain;
    loop {
        let values: Vec<&str> = records
            .clone()
            .into_iter()
            .filter(|(owner, _)| *owner == name)
            .map(|(_, value)| value)
            .collect();
        if !values.is_empty() {
            return Some((name, values));
        }
        name = name.split_once('.')?.1;
    }
}

struct Property {
    is_critical: bool,
    tag: String,
    /// The domain before the parameters, in lower case; empty when no authority is allowed.
    issuer: String,
    /// Tag, in lower case, and value of each parameter; `None` when they are malformed.
    parameters: Option<Vec<(String, String)>>,
}

impl Property {
    /// Returns whether an authority must not issue because it does not know the tag (section 4.1).
    fn is_unknown(&self) -> bool {
        self.is_critical && !["issue", "issuewild", "iodef"].contains(&self.tag.as_str())
    }

    /// Returns what an `issue` or `issuewild` property allows the authority.
    fn permission(&self, identities: &[String]) -> Permission {
        let Some(parameters) = &self.parameters else {
            return Permission::No;
        };
        if !identities.contains(&self.issuer) {
            return Permission::No;
        }
        let values_of = |tag: &'static str| {
            let of_tag = parameters.iter().filter(move |(known, _)| known == tag);
            of_tag.map(|(_, value)| value.as_str())
        };
        let has_method = |list: &str| list.split(',').any(|method| method == METHOD);
        if !values_of("validationmethods").all(has_method) {
            return Permission::OtherMethods;
        }
        match values_of("accounturi").count() {
            0 => Permission::Yes,
            1 => Permission::OneAccount,
            // Several are no account (RFC 8657 section 3).
            _ => Permission::No,
        }
    }
}

fn parse(value: &str) -> Option<Property> {
    let (parts, rest) = CAA.spec().split(value)?;
    let [flag, tag] = parts.as_slice() else {
        return None;
    };
    let value = String::from_utf8(txt::decode(rest)?).ok()?;
    let (issuer, parameters) = value.split_once(';').unwrap_or((&value, ""));
    let parameters = parameters.trim();
    let pairs = parameters.split(';').map(|parameter| {
        let (tag, value) = parameter.trim().split_once('=')?;
        Some((tag.to_ascii_lowercase(), value.to_owned()))
    });
    Some(Property {
        is_critical: flag.parse::<u8>().is_ok_and(|flag| flag & 128 != 0),
        tag: tag.clone(),
        issuer: issuer.trim().to_ascii_lowercase(),
        parameters: match parameters {
            "" => Some(Vec::new()),
            _ => pairs.collect(),
        },
    })
}
