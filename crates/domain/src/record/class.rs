//! The classes of names: with a CNAME, or with other records.

/// What kind of records a name holds: one CNAME, or any others (RFC 1034 section 3.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameClass {
    /// One CNAME record and nothing beside it.
    Cname,
    /// Any number of records that are no CNAME.
    Other,
}
