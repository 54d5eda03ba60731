//! RRsets: reading and changing whole ones by their values in presentation format, as the APIs of
//! DNS services do.
//!
//! A change says what an RRset shall be; which records are created, edited and deleted for that
//! follows from the records that are there. A record whose value stays keeps its number, its notes
//! and the input of its form, and is renewed if its last renewal is more than a day ago: a program
//! that repeats what it wants keeps its records, and writes at most once a day for it. A new value
//! takes the place, and the notes, of one that goes.
//!
//! A name is explicit here, so that no question is asked about it.
//!
//! The TXT RRset at the name of a challenge also holds the answers of ACME clients ([`answers`]).
//! They are written after the records, name by name: when one is refused then (by the limit of
//! answers, or for a CNAME or another user's record at the name), the records are written already.

mod answers;
mod plan;
mod wait;

use std::fmt;

use starchart_domain::fault::{Fault, Field};
use starchart_domain::names::BaseDomain;
use starchart_domain::record::{RecordType, list as list_types};
use starchart_domain::time::Timestamp;
use starchart_domain::ttl::Ttl;
use starchart_jobs::Queue;
use starchart_store::records::{self, Record};
use starchart_store::{Error, Store};

use super::batch::{apply_changes, check_scope};
use super::challenges::{list_answers, replace_answers};
use super::{ActionError, BatchError, Caller, RecordRules};
use crate::actor::User;
use answers::WantedAnswers;
use plan::Plan;

pub(crate) use wait::wait_until_in_sync;

/// How often changes are planned again, because the records were changed meanwhile.
const ATTEMPTS: usize = 16;

/// An RRset of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RrsetView {
    /// The fqdn, in lower case and without a trailing dot.
    pub(crate) name: String,
    pub(crate) rtype: RecordType,
    pub(crate) ttl: Ttl,
    /// The values in presentation format, that of the oldest record first.
    pub(crate) values: Vec<String>,
    /// When the oldest of its records was created.
    pub(crate) created_at: Timestamp,
    /// When one of its records was last changed or renewed.
    pub(crate) updated_at: Timestamp,
}

/// What an RRset shall be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RrsetChange {
    /// The name relative to the base domain; `@` or empty for itself.
    pub(crate) name: String,
    /// The mnemonic of the type, in any case.
    pub(crate) rtype: String,
    /// The TTL in seconds. Without one an RRset keeps its own, and a new one gets the default.
    pub(crate) ttl: Option<u64>,
    /// The values in presentation format; `None` keeps them, and an empty list deletes the RRset.
    pub(crate) values: Option<Vec<String>>,
    pub(crate) expects: Presence,
}

/// Whether an RRset has to be there before a change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Presence {
    #[default]
    Either,
    Absent,
    Present,
}

/// What changes came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangedRrsets {
    /// The RRset of each change as it is now; `None` for one that is gone.
    pub(crate) rrsets: Vec<Option<RrsetView>>,
    /// The names of the changes.
    pub(crate) names: Vec<String>,
}

/// Why RRsets were not changed: no record was, unless an answer to a challenge was refused after
/// the records were written.
#[derive(Debug)]
pub(crate) enum RrsetError {
    /// The caller has to correct changes: every fault with its place.
    Invalid(Vec<RrsetFault>),
    /// The whole was refused, or failed.
    Refused(ActionError),
}

/// What is wrong with a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RrsetFault {
    /// The index of the change.
    pub(crate) change: usize,
    /// The index of the value at fault, if it is one of several.
    pub(crate) value: Option<usize>,
    pub(crate) problem: RrsetProblem,
}

/// What is wrong with a change. Displays as a sentence for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RrsetProblem {
    /// The input is refused as in the form of a record.
    Input(Field, Fault),
    /// There is such an RRset, and it was to be created.
    Exists,
    /// There is no such RRset, and the change has no values.
    NoValues,
    /// Another change of the list is about the same RRset.
    Repeated,
}

/// The part of a change that a fault is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RrsetField {
    Name,
    Type,
    Ttl,
    Values,
    /// The change as a whole.
    Whole,
}

impl RrsetProblem {
    /// Returns what the fault is about.
    pub(crate) fn field(&self) -> RrsetField {
        match self {
            Self::Input(field, _) => match field {
                Field::Name => RrsetField::Name,
                Field::Type => RrsetField::Type,
                Field::Ttl => RrsetField::Ttl,
                Field::Part(_) | Field::Value => RrsetField::Values,
                Field::Ports | Field::Course | Field::Description | Field::Form => {
                    RrsetField::Whole
                }
            },
            Self::NoValues => RrsetField::Values,
            Self::Exists | Self::Repeated => RrsetField::Whole,
        }
    }
}

impl fmt::Display for RrsetProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(_, Fault::UnknownType) => write!(
                f,
                "Records of this type are not offered. The types are {}.",
                list_types(RecordType::ALL.iter())
            ),
            Self::Input(_, fault) => {
                let text = starchart_domain::fault::sentence(fault.to_string());
                f.write_str(&text)
            }
            Self::Exists => f.write_str(
                "Another RRset with the same subdomain and type exists for this domain.",
            ),
            Self::NoValues => f.write_str("There is no such RRset: give at least one value."),
            Self::Repeated => f.write_str("Another item of the list has the same name and type."),
        }
    }
}

impl From<ActionError> for RrsetError {
    fn from(error: ActionError) -> Self {
        Self::Refused(error)
    }
}

impl From<Error> for RrsetError {
    fn from(error: Error) -> Self {
        Self::Refused(error.into())
    }
}

impl RrsetView {
    fn of(record: &Record) -> Self {
        Self {
            name: record.name.clone(),
            rtype: record.rtype,
            ttl: record.ttl,
            values: vec![record.presentation.clone()],
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }

    fn add(&mut self, record: &Record) {
        self.values.push(record.presentation.clone());
        self.created_at = self.created_at.min(record.created_at);
        self.updated_at = self.updated_at.max(record.updated_at);
    }

    /// Whether this is the RRset with this fqdn and type.
    pub(crate) fn is_at(&self, fqdn: &str, rtype: RecordType) -> bool {
        self.name == fqdn && self.rtype == rtype
    }
}

/// Lists the RRsets at and below the user's base domain that the caller may read, by name and type.
pub(crate) async fn list_rrsets(
    store: &Store,
    owner: &User,
) -> Result<Vec<RrsetView>, ActionError> {
    let all = records::list(store, owner.id).await?;
    let is_listed = |record: &&Record| {
        owner.base.relative(&record.name).is_some() && owner.may_read(&record.name, record.rtype)
    };
    let mut rrsets: Vec<RrsetView> = Vec::new();
    for record in all.iter().filter(is_listed) {
        match rrsets.last_mut() {
            Some(rrset) if rrset.is_at(&record.name, record.rtype) => rrset.add(record),
            _ => rrsets.push(RrsetView::of(record)),
        }
    }
    answers::merge(&mut rrsets, list_answers(store, owner).await?);
    Ok(rrsets)
}

/// Finds an RRset by its name relative to the base domain, `@` or empty for itself. One that the
/// caller may not read is absent.
pub(crate) async fn find_rrset(
    store: &Store,
    owner: &User,
    name: &str,
    rtype: RecordType,
) -> Result<Option<RrsetView>, ActionError> {
    let fqdn = fqdn_of(name, rtype, &owner.base);
    let mut rrsets = list_rrsets(store, owner).await?;
    let at = rrsets.iter().position(|rrset| rrset.is_at(&fqdn, rtype));
    Ok(at.map(|at| rrsets.swap_remove(at)))
}

/// Makes all changes of records in one transaction, or none. What is as wanted is not written.
///
/// # Errors
/// Every fault with its place; [`ActionError::NotFound`] if an RRset is absent that has to be
/// there.
pub(crate) async fn change_rrsets(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    changes: &[RrsetChange],
    rules: RecordRules<'_>,
) -> Result<ChangedRrsets, RrsetError> {
    let owner = caller.actor;
    for _ in 0..ATTEMPTS {
        let present = records::list(store, owner.id).await?;
        let now = store.now().await?;
        let answers = list_answers(store, owner).await?;
        let plan = Plan::new(owner, changes, (&present, &answers), rules, now)?;
        if plan.steps.is_empty() {
            return finish(store, queue, caller, plan).await;
        }
        let permitted = check_scope(owner, &plan.steps, &present);
        // An RRset is replaced as a whole: what another client has written meanwhile is seen first.
        let names: Vec<&str> = plan.rrsets.iter().map(|(fqdn, _)| fqdn.as_str()).collect();
        let expected = (present.as_slice(), names.as_slice());
        let done = match permitted {
            Ok(()) => apply_changes(store, queue, caller, &plan.steps, expected, rules).await,
            Err(refused) => Err(refused),
        };
        match done {
            Ok(_) => return finish(store, queue, caller, plan).await,
            Err(BatchError::ChangedMeanwhile) => {}
            Err(BatchError::Invalid(faults)) => {
                return Err(RrsetError::Invalid(plan.place(faults)));
            }
            Err(BatchError::Refused(error)) => return Err(error.into()),
        }
    }
    Err(Error::Busy("the records change all the time".into()).into())
}

/// Writes the answers to challenges, and returns the RRsets as they are then.
async fn finish(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    plan: Plan,
) -> Result<ChangedRrsets, RrsetError> {
    let owner = caller.actor;
    for WantedAnswers {
        change,
        name,
        values,
    } in &plan.answers
    {
        let written = replace_answers(store, queue, caller, name, values).await;
        written.map_err(|error| match error {
            ActionError::Invalid(faults) => {
                let faults = faults.into_iter().map(|(field, fault)| RrsetFault {
                    change: *change,
                    value: None,
                    problem: RrsetProblem::Input(field, fault),
                });
                RrsetError::Invalid(faults.collect())
            }
            error => error.into(),
        })?;
    }
    let all = list_rrsets(store, owner).await?;
    let find = |(fqdn, rtype): &(String, RecordType)| {
        let mut rrsets = all.iter();
        rrsets.find(|rrset| rrset.is_at(fqdn, *rtype)).cloned()
    };
    Ok(ChangedRrsets {
        rrsets: plan.rrsets.iter().map(find).collect(),
        names: plan.rrsets.into_iter().map(|(fqdn, _)| fqdn).collect(),
    })
}

/// Returns the fqdn of a name relative to the base domain, whether a record may have it or not.
fn fqdn_of(name: &str, rtype: RecordType, base: &BaseDomain) -> String {
    let name = relative(name);
    match rtype.parse_name(name, base) {
        Ok(owned) => owned.fqdn().to_owned(),
        Err(_) if name == "@" => base.to_string(),
        Err(_) => format!("{}.{base}", name.to_lowercase()),
    }
}

fn relative(name: &str) -> &str {
    match name {
        "" => "@",
        name => name,
    }
}
