//! A user's input for a token.

use std::fmt;

use super::{
    Access, CertificateRights, NamePattern, NetworkFault, Networks, NewToken, PatternFault,
    RecordRight, TOKEN_DAYS_MAX, TOKEN_NAME_MAX, TokenRights,
};
use crate::input::clean_line;
use crate::names::{BaseDomain, LabelRule, NameRule};
use crate::record::RecordType;
use crate::time::Timestamp;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Names of one right at most.
const NAMES_MAX: usize = 20;

/// The names of records of any type.
pub(super) const ANY_NAME: NameRule = NameRule {
    at_base: None,
    labels: LabelRule::Underscores,
};

/// A user's input for a token, unchecked. Lists of names, types and networks are separated by
/// commas or white space.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenForm {
    /// What its owner calls it.
    pub name: String,
    /// The rights about records.
    pub records: Vec<RecordRightForm>,
    /// The names whose ACME challenges it may answer.
    pub challenges: String,
    /// Whether also those of all names below.
    pub challenges_below: bool,
    /// The names whose addresses it may set.
    pub addresses: String,
    /// What it may do with the certificate.
    pub certificate: CertificateRights,
    /// The networks that it is accepted from; empty for all.
    pub networks: String,
    /// Its last day in UTC: `2027-03-01`.
    pub last_day: String,
    /// After how many days without use it ends; empty for never.
    pub idle_days: String,
}

/// A user's input for a right about records, unchecked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordRightForm {
    /// `read` or `write`; empty for no right.
    pub access: String,
    /// The names that it is about.
    pub names: String,
    /// Whether also all names below them.
    pub below: bool,
    /// The types; empty for all.
    pub types: String,
}

/// A field of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenField {
    /// What its owner calls it.
    Name,
    /// The right about records with this place in the form.
    Record(usize),
    /// The names of challenges.
    Challenges,
    /// The names of addresses.
    Addresses,
    /// The networks that it is accepted from.
    Networks,
    /// The last day of its validity.
    LastDay,
    /// The days without use.
    IdleDays,
    /// The form as a whole.
    Form,
}

/// What is wrong with a field. Displays as a sentence without its full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenFault {
    /// The token has no name.
    NameEmpty,
    /// The name of the token is too long.
    NameTooLong,
    /// Neither reading nor writing is chosen.
    AccessMissing,
    /// A right has no names.
    NamesEmpty,
    /// A right has too many names.
    TooManyNames,
    /// A name is none that a right can be about.
    Pattern {
        /// The name as typed.
        typed: String,
        /// What is wrong with it.
        fault: PatternFault,
    },
    /// A type is none of a record.
    UnknownType(String),
    /// The networks cannot be read.
    Network(NetworkFault),
    /// The last day is no date.
    NoDate,
    /// The last day is over.
    Past,
    /// The last day is too late.
    TooLate {
        /// The latest day that is possible.
        latest: Timestamp,
    },
    /// The days without use are no number, or too many.
    IdleDays,
    /// There is no right at all.
    NoRights,
}

impl fmt::Display for TokenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameEmpty => f.write_str("enter a name, such as the program that gets the token"),
            Self::NameTooLong => write!(f, "use at most {TOKEN_NAME_MAX} characters"),
            Self::AccessMissing => f.write_str("choose whether the records can be changed"),
            Self::NamesEmpty => f.write_str("enter a name, or @ for your domain itself"),
            Self::TooManyNames => write!(f, "use at most {NAMES_MAX} names"),
            Self::Pattern { typed, fault } => write!(f, "“{typed}”: {fault}"),
            Self::UnknownType(typed) => {
                let known = crate::record::list(RecordType::ALL.iter());
                write!(f, "“{typed}” is none of the types {known}")
            }
            Self::Network(fault) => fault.fmt(f),
            Self::NoDate => f.write_str("enter a day such as 2027-03-01"),
            Self::Past => f.write_str("this day is over"),
            Self::TooLate { latest } => {
                write!(
                    f,
                    "a token is valid for at most a year, until {}",
                    latest.date()
                )
            }
            Self::IdleDays => write!(
                f,
                "enter a number of days from 1 to {TOKEN_DAYS_MAX}, or nothing"
            ),
            Self::NoRights => f.write_str("choose at least one thing that the token may do"),
        }
    }
}

/// Every fault of a form with its field.
type Faults = Vec<(TokenField, TokenFault)>;

impl TokenForm {
    /// Checks the input at `now` for a token of the user with this base domain.
    ///
    /// # Errors
    /// Every fault with its field, in the order of the form.
    pub fn check(&self, base: &BaseDomain, now: Timestamp) -> Result<NewToken, Faults> {
        let mut faults = Faults::new();
        let mut keep = |field, result| keep_fault(&mut faults, field, result);
        let name = clean_line(&self.name);
        keep(TokenField::Name, check_name(&name));
        let mut rights = TokenRights {
            certificate: self.certificate,
            ..TokenRights::default()
        };
        for (at, form) in self.records.iter().enumerate() {
            keep(
                TokenField::Record(at),
                form.check(base, &mut rights.records),
            );
        }
        let challenges = read_patterns(
            &self.challenges,
            self.challenges_below,
            base,
            &NameRule::PLAIN,
        );
        keep(
            TokenField::Challenges,
            challenges.map(|patterns| rights.challenges = patterns),
        );
        let addresses = read_patterns(&self.addresses, false, base, &NameRule::PLAIN);
        let names = addresses.map(|patterns| {
            let names = patterns.into_iter().filter_map(|pattern| match pattern {
                NamePattern::Name(name) => Some(name),
                NamePattern::All | NamePattern::Subtree(_) => None,
            });
            rights.addresses = names.collect();
        });
        keep(TokenField::Addresses, names);
        let mut networks = Networks::default();
        let read = Networks::parse(&self.networks).map_err(TokenFault::Network);
        keep(TokenField::Networks, read.map(|read| networks = read));
        let mut expires_at = now;
        let read = read_end(&self.last_day, now);
        keep(TokenField::LastDay, read.map(|read| expires_at = read));
        let mut idle_ms = None;
        let read = read_idle(&self.idle_days);
        keep(TokenField::IdleDays, read.map(|read| idle_ms = read));
        let is_about_rights = |(field, _): &(TokenField, TokenFault)| {
            use TokenField::{Addresses, Challenges, Record};
            matches!(field, Record(_) | Challenges | Addresses)
        };
        if rights.is_empty() && !faults.iter().any(is_about_rights) {
            faults.push((TokenField::Form, TokenFault::NoRights));
        }
        match faults.is_empty() {
            true => Ok(NewToken {
                name,
                rights,
                networks,
                expires_at,
                idle_ms,
            }),
            false => Err(faults),
        }
    }
}

impl RecordRightForm {
    /// Adds a right for each name. A row in which nothing is entered has none.
    fn check(&self, base: &BaseDomain, rights: &mut Vec<RecordRight>) -> Result<(), TokenFault> {
        let names = read_patterns(&self.names, self.below, base, &ANY_NAME)?;
        let access = match self.access.as_str() {
            "read" => Access::Read,
            "write" => Access::Write,
            _ if names.is_empty() && items(&self.types).next().is_none() => return Ok(()),
            _ => return Err(TokenFault::AccessMissing),
        };
        if names.is_empty() {
            return Err(TokenFault::NamesEmpty);
        }
        let types = items(&self.types)
            .map(|typed| {
                let known = RecordType::parse(&typed.to_uppercase());
                known.ok_or_else(|| TokenFault::UnknownType(typed.to_owned()))
            })
            .collect::<Result<Vec<RecordType>, TokenFault>>()?;
        let right = |names| RecordRight {
            access,
            names,
            types: types.clone(),
        };
        rights.extend(names.into_iter().map(right));
        Ok(())
    }
}

fn keep_fault(faults: &mut Faults, field: TokenField, result: Result<(), TokenFault>) {
    faults.extend(result.err().map(|fault| (field, fault)));
}

fn check_name(name: &str) -> Result<(), TokenFault> {
    match name.chars().count() {
        0 => Err(TokenFault::NameEmpty),
        1..=TOKEN_NAME_MAX => Ok(()),
        _ => Err(TokenFault::NameTooLong),
    }
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace())
        .filter(|item| !item.is_empty())
}

fn read_patterns(
    text: &str,
    below: bool,
    base: &BaseDomain,
    rule: &NameRule,
) -> Result<Vec<NamePattern>, TokenFault> {
    let mut patterns = Vec::new();
    for typed in items(text) {
        let parsed = match below {
            true => NamePattern::parse_subtree(typed, base, rule),
            false => NamePattern::parse_name(typed, base, rule),
        };
        let pattern = parsed.map_err(|fault| TokenFault::Pattern {
            typed: typed.to_owned(),
            fault,
        })?;
        if !patterns.contains(&pattern) {
            patterns.push(pattern);
        }
    }
    match patterns.len() {
        ..=NAMES_MAX => Ok(patterns),
        _ => Err(TokenFault::TooManyNames),
    }
}

/// Returns the end of the last day, at most a year from now.
fn read_end(text: &str, now: Timestamp) -> Result<Timestamp, TokenFault> {
    let day = Timestamp::from_date(&clean_line(text)).ok_or(TokenFault::NoDate)?;
    let latest = now.plus(TOKEN_DAYS_MAX * DAY_MS);
    if day < now.start_of_day() {
        Err(TokenFault::Past)
    } else if day > latest {
        Err(TokenFault::TooLate { latest })
    } else {
        Ok(day.plus(DAY_MS).min(latest))
    }
}

fn read_idle(text: &str) -> Result<Option<i64>, TokenFault> {
    match clean_line(text).as_str() {
        "" => Ok(None),
        typed => match typed.parse::<i64>() {
            Ok(days) if (1..=TOKEN_DAYS_MAX).contains(&days) => Ok(Some(days * DAY_MS)),
            _ => Err(TokenFault::IdleDays),
        },
    }
}
