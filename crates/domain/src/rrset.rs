//! RRsets: all records of one name and type (RFC 2181 section 5).

use std::ops::Deref;

use serde::{Deserialize, Serialize};

use crate::record::RecordType;
use crate::ttl::Ttl;

/// The TTL and values of an RRset.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RrsetData {
    /// The time to live, in seconds.
    pub ttl: u32,
    /// The values in presentation format (RFC 1035 section 5.1).
    pub values: RrsetValues,
}

/// The values of an RRset, sorted and without duplicates.
///
/// An audit holds every RRset of the zone several times, most with one value, for which a
/// `BTreeSet` takes ten times the memory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(from = "Vec<String>")]
pub struct RrsetValues(Box<[String]>);

impl Deref for RrsetValues {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl From<Vec<String>> for RrsetValues {
    fn from(mut values: Vec<String>) -> Self {
        values.sort_unstable();
        values.dedup();
        Self(values.into_boxed_slice())
    }
}

impl FromIterator<String> for RrsetValues {
    fn from_iter<I: IntoIterator<Item = String>>(values: I) -> Self {
        values.into_iter().collect::<Vec<String>>().into()
    }
}

impl<const N: usize> From<[String; N]> for RrsetValues {
    fn from(values: [String; N]) -> Self {
        values.into_iter().collect()
    }
}

impl IntoIterator for RrsetValues {
    type Item = String;
    type IntoIter = std::vec::IntoIter<String>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_vec().into_iter()
    }
}

impl<'a> IntoIterator for &'a RrsetValues {
    type Item = &'a String;
    type IntoIter = std::slice::Iter<'a, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
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
    /// Creates an RRset with the TTL [`Ttl::DEFAULT`].
    pub fn new(
        name: impl Into<String>,
        rtype: RecordType,
        values: impl IntoIterator<Item = String>,
    ) -> Self {
        Self {
            name: name.into(),
            rtype,
            body: RrsetData {
                ttl: Ttl::DEFAULT.as_seconds(),
                values: values.into_iter().collect(),
            },
        }
    }
}
