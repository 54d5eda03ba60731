//! The list of record types that users may create.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fault::NameFault;
use crate::names::{BaseDomain, OwnedName};
use crate::record::class::NameClass;
use crate::record::spec::{Part, TypeSpec};
use crate::record::{a, aaaa, caa, cname, https, mx, srv, sshfp, svcb, tlsa, txt};

/// Declares [`RecordType`] from its variants and the modules that describe them.
macro_rules! record_types {
    ($($(#[$doc:meta])* $variant:ident => $module:ident,)*) => {
        /// A record type that users may create.
        ///
        /// As JSON it is its mnemonic.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(into = "&'static str", try_from = "String")]
        pub enum RecordType {
            $($(#[$doc])* $variant,)*
        }

        impl RecordType {
            /// Every record type, in the order of the form's list.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns what describes the type.
            pub fn spec(self) -> &'static TypeSpec {
                match self {
                    $(Self::$variant => &$module::SPEC,)*
                }
            }
        }
    };
}

record_types! {
    /// IPv4 address (RFC 1035).
    A => a,
    /// IPv6 address (RFC 3596).
    Aaaa => aaaa,
    /// Alias of another host name (RFC 1035).
    Cname => cname,
    /// Mail exchange (RFC 1035).
    Mx => mx,
    /// Free text (RFC 1035).
    Txt => txt,
    /// Host and port of a service (RFC 2782).
    Srv => srv,
    /// Certificate authorities that may issue (RFC 8659).
    Caa => caa,
    /// Parameters of a website (RFC 9460).
    Https => https,
    /// Parameters of a service (RFC 9460).
    Svcb => svcb,
    /// Certificate of a server (RFC 6698).
    Tlsa => tlsa,
    /// Fingerprint of an SSH key (RFC 4255).
    Sshfp => sshfp,
}

impl RecordType {
    /// Returns the type's mnemonic, such as `AAAA`.
    pub fn as_str(self) -> &'static str {
        self.spec().mnemonic
    }

    /// Parses a mnemonic in upper case. Returns `None` for a type that users may not create.
    pub fn parse(text: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|rtype| rtype.as_str() == text)
    }

    /// Returns the class that a name must have to hold a record of this type.
    pub fn class(self) -> NameClass {
        self.spec().class
    }

    /// Parses a name for a record of this type, relative to the base domain.
    ///
    /// # Errors
    /// The reason why no record of this type may have the name.
    pub fn parse_name(self, input: &str, base: &BaseDomain) -> Result<OwnedName, NameFault> {
        OwnedName::parse(input, base, &self.spec().names).map_err(|fault| match fault {
            NameFault::Underscore { .. } => NameFault::Underscore {
                types: list(Self::ALL.iter().filter(|rtype| rtype.allows_underscores())),
            },
            other => other,
        })
    }

    /// Returns whether the value, after its parts, is the name of a host.
    pub fn points_to_host(self) -> bool {
        std::ptr::eq(self.spec().codec, &crate::record::host::CODEC)
    }

    fn allows_underscores(self) -> bool {
        self.spec().names.allows_underscores()
    }

    /// Returns the canonical spelling of a value; `None` when it is malformed.
    pub fn canonicalize(self, value: &str) -> Option<String> {
        self.spec().canonicalize(value)
    }

    /// Returns the parts of a stored value with their fields, in the order of the form. A value
    /// that was imported although it is malformed has none.
    pub fn parts_of(self, presentation: &str) -> Vec<(&'static Part, String)> {
        let texts = self.spec().split(presentation).map(|(texts, _)| texts);
        let parts = self.spec().parts.iter().copied();
        parts.zip(texts.unwrap_or_default()).collect()
    }
}

impl From<RecordType> for &'static str {
    fn from(rtype: RecordType) -> Self {
        rtype.as_str()
    }
}

impl TryFrom<String> for RecordType {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is no type of a record"))
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Returns whether RRsets of these types exclude each other at one name: the type is the same, or
/// one is a CNAME (RFC 1034 section 3.6.2).
pub fn exclude_each_other(one: &str, other: &str) -> bool {
    let is_alone =
        |rtype| RecordType::parse(rtype).is_some_and(|rtype| rtype.class() == NameClass::Cname);
    one == other || is_alone(one) || is_alone(other)
}

/// Lists types for a sentence: `A, AAAA and MX`.
pub fn list<'a>(types: impl Iterator<Item = &'a RecordType>) -> String {
    let types: Vec<&str> = types.map(|rtype| rtype.as_str()).collect();
    match types.split_last() {
        None => String::new(),
        Some((only, [])) => (*only).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}
