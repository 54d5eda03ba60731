//! RRsets: all the values of one name and type (RFC 2181 section 5).

use std::collections::BTreeSet;

use crate::record::RecordType;

/// Time to live of everything we publish, in seconds.
pub const TTL: u32 = 300;

/// What an RRset holds beside its name and type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RrsetData {
    /// Time to live, in seconds.
    pub ttl: u32,
    /// The values in Route53's presentation format.
    pub values: BTreeSet<String>,
}

/// All the values of one name and type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rrset {
    /// The full name: lower case, no trailing dot.
    pub name: String,
    /// The type.
    pub rtype: RecordType,
    /// TTL and values.
    pub body: RrsetData,
}

impl Rrset {
    /// A set of ours with the usual [`TTL`].
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
