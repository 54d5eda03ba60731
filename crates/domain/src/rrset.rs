//! RRsets: all records of one name and type (RFC 2181 section 5).

use std::collections::BTreeSet;

use crate::rtype::RecordType;

/// The TTL of every RRset that Starchart publishes, in seconds.
pub const TTL: u32 = 300;

/// The TTL and values of an RRset.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RrsetData {
    /// The time to live, in seconds.
    pub ttl: u32,
    /// The values in presentation format, as Route53 takes them.
    pub values: BTreeSet<String>,
}

/// All records of one name and type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rrset {
    /// The fqdn: lower case, no trailing dot.
    pub name: String,
    /// The record type that all values have.
    pub rtype: RecordType,
    /// The TTL and the values.
    pub body: RrsetData,
}

impl Rrset {
    /// Creates an RRset with the usual [`TTL`].
    pub fn new(
        name: impl Into<String>,
        rtype: RecordType,
        values: impl IntoIterator<Item = String>,
    ) -> Self {
        Self {
            name: name.into(),
            rtype,
            body: RrsetData {
                ttl: TTL,
                values: values.into_iter().collect(),
            },
        }
    }
}
