//! What tokens may do, in a few rules of the test's own: it shares no code with what it checks.

use serde_json::{Value, json};

/// The user whose tokens are tried; every name of a right is below this user's domain.
pub(super) const OWNER: &str = "user1";
/// A user whose names are foreign.
pub(super) const FOREIGN: &str = "user2";
pub(super) const ROOT: &str = "starchart.com";
/// What is before a host at the name of its challenge.
const CHALLENGE: &str = "_acme-challenge";

/// The names of a right.
#[derive(Debug, Clone, Copy)]
pub(super) enum Names {
    All,
    Just(&'static str),
    /// The name and all below it.
    Below(&'static str),
}

/// A right of a token.
#[derive(Debug, Clone, Copy)]
pub(super) enum Grant {
    Read(Names, &'static [&'static str]),
    Write(Names, &'static [&'static str]),
    Challenge(Names),
    Address(&'static str),
    /// `read`, `read_key` or `request`.
    Certificate(&'static str),
}

/// The rights of one token.
pub(super) type Scope = &'static [Grant];

use Grant::{Address, Certificate, Challenge, Read, Write};
use Names::{All, Below, Just};

/// The scopes that are tried on names.
pub(super) const SCOPES: &[Scope] = &[
    &[],
    &[Read(All, &[])],
    &[Write(All, &[])],
    &[Write(Just("dev"), &["A", "AAAA"])],
    &[Write(Just("dev"), &["A"]), Read(Just("www"), &["TXT"])],
    &[Write(Below("dev"), &[])],
    &[Write(Below("dev"), &["TXT"]), Read(All, &["A"])],
    &[Write(Just("@"), &[])],
    &[Write(Just("_acme-challenge.dev"), &["TXT"])],
    &[Challenge(Just("dev"))],
    &[Challenge(Below("dev"))],
    &[Challenge(Just("@")), Challenge(Just("www"))],
    &[Challenge(All), Read(All, &[])],
    &[Address("dev")],
    &[Address("@"), Certificate("read_key")],
];

/// The scopes that are tried on the certificate.
pub(super) const CERTIFICATE_SCOPES: &[Scope] = &[
    &[],
    &[Write(All, &[]), Challenge(All), Address("dev")],
    &[Certificate("read")],
    &[Certificate("read_key")],
    &[Certificate("request")],
    &[Certificate("read"), Certificate("request")],
];

impl Names {
    fn cover(self, name: &str) -> bool {
        match self {
            All => true,
            Just(only) => name == only,
            Below(top) => name == top || name.ends_with(&format!(".{top}")),
        }
    }

    fn json(self) -> Value {
        match self {
            All => json!("all"),
            Just(only) => json!({ "name": only }),
            Below(top) => json!({ "subtree": top }),
        }
    }
}

/// Returns the rights as they are stored.
pub(super) fn stored(scope: Scope) -> Value {
    let (mut records, mut challenges, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
    let mut certificate = json!({});
    for grant in scope {
        match *grant {
            Read(names, types) => {
                records.push(json!({ "access": "read", "names": names.json(), "types": types }));
            }
            Write(names, types) => {
                records.push(json!({ "access": "write", "names": names.json(), "types": types }));
            }
            Challenge(names) => challenges.push(names.json()),
            Address(name) => addresses.push(name),
            Certificate(what) => certificate[what] = json!(true),
        }
    }
    json!({
        "records": records,
        "challenges": challenges,
        "addresses": addresses,
        "certificate": certificate,
    })
}

fn has_type(types: &[&str], rtype: &str) -> bool {
    types.is_empty() || types.contains(&rtype)
}

pub(super) fn may_write(scope: Scope, name: &str, rtype: &str) -> bool {
    scope.iter().any(|grant| match grant {
        Write(names, types) => names.cover(name) && has_type(types, rtype),
        _ => false,
    })
}

pub(super) fn may_read(scope: Scope, name: &str, rtype: &str) -> bool {
    may_write(scope, name, rtype)
        || scope.iter().any(|grant| match grant {
            Read(names, types) => names.cover(name) && has_type(types, rtype),
            _ => false,
        })
}

/// Whether the challenge of a host may be answered.
pub(super) fn may_answer(scope: Scope, host: &str) -> bool {
    let record = match host {
        "@" => CHALLENGE.to_owned(),
        host => format!("{CHALLENGE}.{host}"),
    };
    may_write(scope, &record, "TXT")
        || scope.iter().any(|grant| match grant {
            Challenge(names) => names.cover(host),
            _ => false,
        })
}

pub(super) fn may_set_address(scope: Scope, name: &str) -> bool {
    (may_write(scope, name, "A") && may_write(scope, name, "AAAA"))
        || scope.iter().any(|grant| match grant {
            Address(only) => *only == name,
            _ => false,
        })
}

/// Whether one of these rights about the certificate is there.
pub(super) fn has_certificate(scope: Scope, wanted: &[&str]) -> bool {
    scope.iter().any(|grant| match grant {
        Certificate(what) => wanted.contains(what),
        _ => false,
    })
}

/// What is at a name and type at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Record,
    /// An answer to a challenge, which is no record.
    Answer,
    Nothing,
    /// Nothing, and no user can have a record there.
    Impossible,
}

/// A name and a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    /// What the name is to the rights: `own`, `sibling`, `base`, `foreign`, `root`, `wildcard` or
    /// `_acme-challenge`.
    pub(super) relation: &'static str,
    /// Whose domain the name is in; empty for the root domain.
    pub(super) user: &'static str,
    /// The name before that domain; `@` for itself.
    pub(super) name: &'static str,
    pub(super) rtype: &'static str,
    pub(super) holds: Holds,
    /// Tells its values from those of all others.
    pub(super) number: usize,
}

/// Names with their types.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    Holds,
);

const ROWS: &[Row] = &[
    ("own", OWNER, "dev", &["A", "AAAA", "TXT"], Holds::Record),
    ("own", OWNER, "a.dev", &["A", "TXT"], Holds::Record),
    ("sibling", OWNER, "www", &["TXT"], Holds::Record),
    ("sibling", OWNER, "xdev", &["A", "TXT"], Holds::Record),
    ("base", OWNER, "@", &["A", "AAAA", "TXT"], Holds::Record),
    ("wildcard", OWNER, "*.dev", &["A", "TXT"], Holds::Record),
    ("wildcard", OWNER, "*", &["A"], Holds::Record),
    (
        "_acme-challenge",
        OWNER,
        "_acme-challenge.dev",
        &["TXT"],
        Holds::Answer,
    ),
    (
        "_acme-challenge",
        OWNER,
        "_acme-challenge.dev",
        &["A"],
        Holds::Impossible,
    ),
    (
        "_acme-challenge",
        OWNER,
        "_acme-challenge",
        &["TXT"],
        Holds::Answer,
    ),
    (
        "_acme-challenge",
        OWNER,
        "_acme-challenge.www",
        &["TXT"],
        Holds::Record,
    ),
    (
        "_acme-challenge",
        OWNER,
        "_acme-challenge.a.dev",
        &["TXT"],
        Holds::Nothing,
    ),
    (
        "wildcard",
        OWNER,
        "_acme-challenge.*.dev",
        &["TXT"],
        Holds::Impossible,
    ),
    ("foreign", FOREIGN, "dev", &["A", "TXT"], Holds::Record),
    (
        "foreign",
        FOREIGN,
        "_acme-challenge.dev",
        &["TXT"],
        Holds::Answer,
    ),
    ("root", "", "@", &["A", "TXT"], Holds::Nothing),
    ("root", "", "_acme-challenge", &["TXT"], Holds::Nothing),
];

/// Returns every name with every type of it.
pub(super) fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for &(relation, user, name, types, holds) in ROWS {
        for &rtype in types {
            cells.push(Cell {
                relation,
                user,
                name,
                rtype,
                holds,
                number: 100 + cells.len(),
            });
        }
    }
    cells
}

impl Cell {
    pub(super) fn is_own(&self) -> bool {
        self.user == OWNER
    }

    /// Returns the domain that the name is in, without a final dot.
    pub(super) fn domain(&self) -> String {
        match self.user {
            "" => ROOT.to_owned(),
            user => format!("{user}.{ROOT}"),
        }
    }

    pub(super) fn fqdn(&self) -> String {
        match self.name {
            "@" => self.domain(),
            name => format!("{name}.{}", self.domain()),
        }
    }

    /// Returns the host whose challenge is answered there.
    pub(super) fn host(&self) -> Option<&'static str> {
        let rest = self.name.strip_prefix(CHALLENGE)?;
        let host = if rest.is_empty() {
            "@"
        } else {
            rest.strip_prefix('.')?
        };
        (self.rtype == "TXT").then_some(host)
    }

    /// Returns the host that the name of a challenge is for, in full.
    pub(super) fn host_fqdn(&self) -> String {
        let fqdn = self.fqdn();
        let host = fqdn.strip_prefix("_acme-challenge.");
        host.unwrap_or(&fqdn).to_owned()
    }

    /// Returns a text that is in an answer only if it shows what is there at first.
    pub(super) fn marker(&self) -> String {
        let number = self.number;
        match (self.holds, self.rtype) {
            (Holds::Answer, _) => format!("answer-{number}-"),
            (_, "A") => format!("203.0.113.{number}"),
            (_, "AAAA") => format!("2001:db8::{number}"),
            _ => format!("secret-{number}"),
        }
    }

    /// Returns the value that is there at first, in presentation format.
    pub(super) fn seed(&self) -> String {
        match (self.holds, self.rtype) {
            (Holds::Answer, _) => format!("\"{:a<43}\"", self.marker()),
            (_, "TXT") => format!("\"{}\"", self.marker()),
            _ => self.marker(),
        }
    }

    /// Returns the value that a request writes, in presentation format.
    pub(super) fn written(&self) -> String {
        match self.rtype {
            "A" => "192.0.2.7".to_owned(),
            "AAAA" => "2001:db8:ffff::7".to_owned(),
            _ if self.host().is_some() => format!("\"{:w<43}\"", "written-"),
            _ => "\"written\"".to_owned(),
        }
    }

    /// Whether records can be there. The base domain's own challenge is kept for the certificate.
    pub(super) fn takes_records(&self) -> bool {
        self.holds != Holds::Impossible && self.name != CHALLENGE
    }

    /// Whether the token may read what is there at first.
    pub(super) fn is_readable(&self, scope: Scope) -> bool {
        let is_covered = match (self.holds, self.host()) {
            (Holds::Answer, Some(host)) => may_answer(scope, host),
            _ => may_read(scope, self.name, self.rtype),
        };
        self.is_own() && is_covered
    }

    /// Whether the token may write records there.
    pub(super) fn is_writable(&self, scope: Scope) -> bool {
        self.is_own() && may_write(scope, self.name, self.rtype)
    }

    /// Whether the token may write an RRset there: records, or answers to a challenge.
    pub(super) fn takes_rrset(&self, scope: Scope) -> bool {
        match self.host() {
            Some(host) if self.holds != Holds::Impossible => {
                self.is_own() && may_answer(scope, host)
            }
            _ => self.is_writable(scope),
        }
    }
}
