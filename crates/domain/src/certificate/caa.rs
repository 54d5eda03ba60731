//! Whether CAA records allow a certificate authority to issue (RFC 8659).

use std::fmt;

use sha2::{Digest, Sha256};

use crate::record::RecordType;
use crate::txt;

/// The type of the records that this module reads.
pub const CAA: RecordType = RecordType::Caa;

/// Why an authority may not issue a certificate for a wildcard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShutOut {
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
}

impl ShutOut {
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

impl fmt::Display for ShutOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            domain,
            name,
            values,
            authority,
            missing,
        } = self;
        let authority = authority.join(" or ");
        write!(
            f,
            "The CAA records of {name} ({}) do not allow {authority} to issue certificates for \
             *.{domain}. A CAA record of {domain} with the tag {missing} and the value {authority} \
             allows it",
            values.join(", "),
        )
    }
}

/// Returns what [`shut_out`] finds after a change but not before it.
pub fn newly_shut_out(
    domain: &str,
    before: &[(&str, &str)],
    after: &[(&str, &str)],
    identities: &[String],
) -> Option<ShutOut> {
    match shut_out(domain, before.iter().copied(), identities) {
        Some(_) => None,
        None => shut_out(domain, after.iter().copied(), identities),
    }
}

/// Returns why an authority may not issue for `*.{domain}` and `{domain}`; `None` when it may.
///
/// `records` holds the name and presentation value of CAA records. Those of the closest name at or
/// above the domain count (section 3). For the wildcard, `issuewild` outranks `issue` (section
/// 4.3); without a property of either tag every authority may issue. `identities` are the domains
/// by which the authority is known; without any, nothing is found. Parameters are not checked.
pub fn shut_out<'a>(
    domain: &str,
    records: impl IntoIterator<Item = (&'a str, &'a str)> + Clone,
    identities: &[String],
) -> Option<ShutOut> {
    if identities.is_empty() {
        return None;
    }
    let (name, values) = closest(domain, records)?;
    let properties: Vec<Property> = values.iter().filter_map(|value| parse(value)).collect();
    let allows = |tag: &str| {
        let mut of_tag = properties.iter().filter(|property| property.tag == tag);
        of_tag.any(|property| identities.contains(&property.issuer))
    };
    let has = |tag: &str| properties.iter().any(|property| property.tag == tag);
    let unknown = |property: &Property| {
        property.is_critical && !["issue", "issuewild", "iodef"].contains(&property.tag.as_str())
    };
    let may_issue = !has("issue") || allows("issue");
    let may_issue_wildcard = if has("issuewild") {
        allows("issuewild")
    } else {
        may_issue
    };
    let is_shut_out = !may_issue || !may_issue_wildcard || properties.iter().any(unknown);
    is_shut_out.then(|| ShutOut {
        domain: domain.to_owned(),
        name: name.to_owned(),
        values: values.into_iter().map(str::to_owned).collect(),
        authority: identities.to_vec(),
        missing: match may_issue {
            true if has("issuewild") => "issuewild",
            _ => "issue",
        },
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
}

fn parse(value: &str) -> Option<Property> {
    let (parts, rest) = CAA.spec().split(value)?;
    let [flag, tag] = parts.as_slice() else {
        return None;
    };
    let value = String::from_utf8(txt::decode(rest)?).ok()?;
    let issuer = value.split(';').next().unwrap_or_default().trim();
    Some(Property {
        is_critical: flag.parse::<u8>().is_ok_and(|flag| flag & 128 != 0),
        tag: tag.clone(),
        issuer: issuer.to_ascii_lowercase(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "user1.starchart.com";

    #[test]
    fn the_closest_caa_rrset_decides() {
        let le = vec!["letsencrypt.org".to_owned()];
        for (records, shut_out_by) in [
            (vec![], None),
            (vec![(BASE, r#"0 issue "letsencrypt.org""#)], None),
            (vec![(BASE, r#"0 issue "LetsEncrypt.org""#)], None),
            (
                vec![(
                    BASE,
                    r#"0 issue "letsencrypt.org; validationmethods=dns-01""#,
                )],
                None,
            ),
            (vec![(BASE, r#"0 issue "ca.example""#)], Some(BASE)),
            (vec![(BASE, r#"0 issue ";""#)], Some(BASE)),
            (vec![(BASE, r#"0 issue """#)], Some(BASE)),
            (
                vec![
                    (BASE, r#"0 issue "ca.example""#),
                    (BASE, r#"0 issue "letsencrypt.org""#),
                ],
                None,
            ),
            // issuewild outranks issue for the wildcard.
            (
                vec![
                    (BASE, r#"0 issue "letsencrypt.org""#),
                    (BASE, r#"0 issuewild "ca.example""#),
                ],
                Some(BASE),
            ),
            (
                vec![
                    (BASE, r#"0 issue "letsencrypt.org""#),
                    (BASE, r#"0 issuewild ";""#),
                ],
                Some(BASE),
            ),
            // The certificate has the domain itself too, for which issue counts.
            (
                vec![
                    (BASE, r#"0 issue "ca.example""#),
                    (BASE, r#"0 issuewild "letsencrypt.org""#),
                ],
                Some(BASE),
            ),
            (vec![(BASE, r#"0 issuewild "letsencrypt.org""#)], None),
            (vec![(BASE, r#"0 issuewild "ca.example""#)], Some(BASE)),
            // No property restricts issuance.
            (vec![(BASE, r#"0 iodef "mailto:x@example.com""#)], None),
            (vec![(BASE, r#"128 newtag "x""#)], Some(BASE)),
            (vec![(BASE, r#"0 newtag "x""#)], None),
            // Names below and beside the domain do not count; names above do.
            (vec![("www.user1.starchart.com", r#"0 issue ";""#)], None),
            (vec![("user2.starchart.com", r#"0 issue ";""#)], None),
            (
                vec![("starchart.com", r#"0 issue ";""#)],
                Some("starchart.com"),
            ),
            (
                vec![
                    ("starchart.com", r#"0 issue ";""#),
                    (BASE, r#"0 issue "letsencrypt.org""#),
                ],
                None,
            ),
        ] {
            let found = shut_out(BASE, records.iter().copied(), &le);
            assert_eq!(
                found.map(|found| found.name).as_deref(),
                shut_out_by,
                "{records:?}"
            );
        }
    }

    #[test]
    fn an_authority_may_have_several_domains() {
        let both = ["pki.goog".to_owned(), "google.com".to_owned()];
        let records = [(BASE, r#"0 issue "google.com""#)];
        assert_eq!(shut_out(BASE, records, &both), None);
    }
}
