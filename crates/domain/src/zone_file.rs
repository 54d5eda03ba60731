//! Zone files (RFC 1035 section 5): writes a user's records as one, and compares one with the
//! user's records.
//!
//! Each line has its TTL, so that one that is copied alone means the same. Notes and the expiry of
//! a record are comments above it. Notes are read back, the expiry is not: a record that is saved
//! lives from then on.

mod comments;
mod diff;

use crate::names::BaseDomain;
use crate::record::RecordType;
use crate::ttl::Ttl;

pub use comments::Notes;
pub use diff::{ChangedRecord, CreatedRecord, FaultyLine, ZoneDiff, diff};

/// A record of the user, as a zone file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneRecord {
    /// The fqdn: lower case, no trailing dot.
    pub name: String,
    /// The type of the record.
    pub rtype: RecordType,
    /// The value in canonical presentation format.
    pub presentation: String,
    /// The TTL of its RRset.
    pub ttl: Ttl,
    /// The user's notes about it.
    pub notes: Notes,
    /// The day on which it expires, for a comment.
    pub expires: Option<String>,
}

/// Writes records of the user with this base domain as a zone file. `heading` is its first line, as
/// a comment.
pub fn write(base: &BaseDomain, heading: &str, records: &[ZoneRecord]) -> String {
    let mut out = String::new();
    comments::write_line(&mut out, heading);
    out.push_str(&format!("$ORIGIN {base}.\n"));
    for record in records {
        out.push('\n');
        record.notes.write(&mut out);
        if let Some(day) = &record.expires {
            comments::write_line(&mut out, &format!("Expires: {day}"));
        }
        let owner = match base.relative(&record.name) {
            Some("") => "@".to_owned(),
            Some(relative) => relative.to_owned(),
            // Imported from before every user had a domain of their own.
            None => format!("{}.", record.name),
        };
        let ZoneRecord {
            rtype,
            presentation,
            ttl,
            ..
        } = record;
        let seconds = ttl.as_seconds();
        out.push_str(&format!("{owner} {seconds} IN {rtype} {presentation}\n"));
    }
    out
}

/// Writes a record as a line of a zone file that holds wherever the line is put.
pub fn write_record(name: &str, ttl: u32, rtype: RecordType, presentation: &str) -> String {
    format!("{name}. {ttl} IN {rtype} {presentation}")
}

#[cfg(test)]
mod tests;
