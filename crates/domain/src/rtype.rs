//! The record types that users may create.

use std::fmt;

/// A record type that users may create.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordType {
    /// IPv4 address (RFC 1035).
    A,
    /// IPv6 address (RFC 3596).
    Aaaa,
    /// Alias of another host name (RFC 1035).
    Cname,
    /// Mail exchange (RFC 1035).
    Mx,
    /// Free text (RFC 1035).
    Txt,
}

impl RecordType {
    /// Every record type, in the order of the form's list.
    pub const ALL: [Self; 5] = [Self::A, Self::Aaaa, Self::Cname, Self::Mx, Self::Txt];

    /// Returns the type's mnemonic, such as `AAAA`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Mx => "MX",
            Self::Txt => "TXT",
        }
    }

    /// Parses a mnemonic in upper case. Returns `None` for a type that users may not create.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rtype| rtype.as_str() == text)
    }

    /// Returns the class that a name must have to hold a record of this type.
    pub const fn class(self) -> NameClass {
        match self {
            Self::Cname => NameClass::Cname,
            _ => NameClass::Other,
        }
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What kind of records a name holds: one CNAME, or any others (RFC 1034 section 3.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameClass {
    /// One CNAME record and nothing beside it.
    Cname,
    /// Any number of records that are no CNAME.
    Other,
}

impl NameClass {
    /// Returns the word that the database stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cname => "cname",
            Self::Other => "other",
        }
    }
}
