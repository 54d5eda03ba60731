//! What the holder of a token may do.

use serde::{Deserialize, Serialize};

use super::pattern::{NamePattern, shown};
use crate::certificate::{CHALLENGE_LABEL, challenge_name};
use crate::names::BaseDomain;
use crate::record::{self, RecordType};

/// What the holder of a token may do: the union of its rights. Without any, nothing.
///
/// Names are relative to the base domain, in lower case and as A-labels; the base domain itself is
/// `@` or empty. An unknown field of a stored right is an error, because a newer program may have
/// limited the right by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRights {
    /// Which records it may read or write.
    #[serde(default)]
    pub records: Vec<RecordRight>,
    /// For which names it may answer ACME challenges (the TXT record at `_acme-challenge.<name>`),
    /// which gets certificates for the name and for the wildcard below it.
    #[serde(default)]
    pub challenges: Vec<NamePattern>,
    /// The names whose addresses it may set as a client of a dynamic address does.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// What it may do with the user's certificate.
    #[serde(default)]
    pub certificate: CertificateRights,
}

/// A right about records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordRight {
    /// Whether the records may only be read.
    pub access: Access,
    /// The names of the records.
    pub names: NamePattern,
    /// The types of the records; none means all.
    pub types: Vec<RecordType>,
}

/// What may be done with records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// They may be read.
    Read,
    /// They may be read, created, changed and deleted.
    Write,
}

/// What may be done with the user's certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CertificateRights {
    /// Its state and its public parts may be read.
    pub read: bool,
    /// Its private key may be read, too.
    pub read_key: bool,
    /// It may be requested and renewed, and its state may be read.
    pub request: bool,
}

impl RecordRight {
    fn covers(&self, access: Access, relative: &str, rtype: RecordType) -> bool {
        self.access >= access
            && self.names.covers(relative)
            && (self.types.is_empty() || self.types.contains(&rtype))
    }

    fn describe(&self, base: &BaseDomain) -> String {
        let verb = match self.access {
            Access::Read => "Read",
            Access::Write => "Read and write",
        };
        let types = match self.types.is_empty() {
            true => String::new(),
            false => format!("{} ", record::list(self.types.iter())),
        };
        format!("{verb} {types}records of {}", self.names.describe(base))
    }
}

impl TokenRights {
    /// Returns whether nothing is allowed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns whether a record with this name and type may be read.
    pub fn may_read_record(&self, relative: &str, rtype: RecordType) -> bool {
        self.may(Access::Read, relative, rtype)
    }

    /// Returns whether records with this name and type may be created, changed and deleted.
    pub fn may_write_record(&self, relative: &str, rtype: RecordType) -> bool {
        self.may(Access::Write, relative, rtype)
    }

    fn may(&self, access: Access, relative: &str, rtype: RecordType) -> bool {
        let mut rights = self.records.iter();
        rights.any(|right| right.covers(access, relative, rtype))
    }

    /// Returns whether an ACME challenge for this name may be answered, with or without
    /// `_acme-challenge` in front of it in the zone: by a right for challenges, or by one to write
    /// the TXT record that answers it.
    pub fn may_answer_challenge(&self, relative: &str) -> bool {
        let record = match relative {
            "" | "@" => CHALLENGE_LABEL.to_owned(),
            name => challenge_name(name),
        };
        self.challenges.iter().any(|names| names.covers(relative))
            || self.may_write_record(&record, RecordType::Txt)
    }

    /// Returns whether the addresses of this name may be set: by a right for the name, or by one
    /// to write both of its address records.
    pub fn may_set_address(&self, relative: &str) -> bool {
        let named = NamePattern::Name;
        let mut names = self.addresses.iter().cloned().map(named);
        let may_write = |rtype| self.may_write_record(relative, rtype);
        names.any(|name| name.covers(relative))
            || (may_write(RecordType::A) && may_write(RecordType::Aaaa))
    }

    /// Returns whether the state of the certificate may be read.
    pub fn may_read_certificate_state(&self) -> bool {
        self.certificate.request || self.may_read_certificate()
    }

    /// Returns whether the public parts of the certificate may be read.
    pub fn may_read_certificate(&self) -> bool {
        self.certificate.read || self.certificate.read_key
    }

    /// Describes every right in words, one a line.
    pub fn describe(&self, base: &BaseDomain) -> Vec<String> {
        let mut lines: Vec<String> = self
            .records
            .iter()
            .map(|right| right.describe(base))
            .collect();
        for names in &self.challenges {
            lines.push(format!(
                "Get certificates (answer ACME challenges) for {}",
                names.describe(base)
            ));
        }
        for name in &self.addresses {
            lines.push(format!("Set the addresses of {}", shown(name, base)));
        }
        let CertificateRights {
            read,
            read_key,
            request,
        } = self.certificate;
        for (is_allowed, line) in [
            (read, "Read the certificate"),
            (read_key, "Read the certificate with its private key"),
            (request, "Request and renew the certificate"),
        ] {
            if is_allowed {
                lines.push(line.to_owned());
            }
        }
        lines
    }
}
