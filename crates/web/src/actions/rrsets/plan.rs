//! Which records are created, edited, renewed and deleted, so that RRsets become what is wanted.

use std::borrow::Cow;
use std::collections::BTreeSet;

use starchart_domain::expiry::record_expires_at;
use starchart_domain::fault::{Fault, Field};
use starchart_domain::record::{NewRecord, RecordForm, RecordType};
use starchart_domain::time::Timestamp;
use starchart_store::client_challenges::ClientChallenge;
use starchart_store::records::Record;

use super::super::records::check_form;
use super::super::{ActionError, PlannedChange, RecordRules};
use super::answers::{Split, WantedAnswers, split};
use super::{Presence, RrsetChange, RrsetError, RrsetFault, RrsetProblem, fqdn_of, relative};
use crate::actor::User;

/// For this long after a renewal a record is not renewed again, in milliseconds.
const RENEWED_MS: i64 = 24 * 60 * 60 * 1_000;

/// The changes of records, each with its place in the changes of RRsets.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) steps: Vec<PlannedChange>,
    /// The answers to challenges, which are no records.
    pub(super) answers: Vec<WantedAnswers>,
    /// The fqdn and the type of each changed RRset.
    pub(super) rrsets: Vec<(String, RecordType)>,
    /// The indices of the change and of the value that each step is for.
    places: Vec<(usize, Option<usize>)>,
}

impl Plan {
    /// Plans the changes of a user who has these records and answers to challenges.
    pub(super) fn new(
        owner: &User,
        changes: &[RrsetChange],
        (present, answers): (&[Record], &[ClientChallenge]),
        rules: RecordRules<'_>,
        now: Timestamp,
    ) -> Result<Self, RrsetError> {
        let mut plan = Self::default();
        let mut faults = Vec::new();
        let mut seen = BTreeSet::new();
        for (at, change) in changes.iter().enumerate() {
            let refused = |problem| RrsetFault {
                change: at,
                value: None,
                problem,
            };
            let Some(rtype) = RecordType::parse(&change.rtype.to_ascii_uppercase()) else {
                faults.push(refused(RrsetProblem::Input(
                    Field::Type,
                    Fault::UnknownType,
                )));
                continue;
            };
            let fqdn = fqdn_of(&change.name, rtype, &owner.base);
            plan.rrsets.push((fqdn.clone(), rtype));
            if !seen.insert((fqdn.clone(), rtype)) {
                faults.push(refused(RrsetProblem::Repeated));
                continue;
            }
            let mut change = Cow::Borrowed(change);
            match plan.take_answers(owner, (at, &change), &fqdn, (present, answers), rules)? {
                Taken::Nothing => {}
                Taken::All => continue,
                Taken::Some(rest) => {
                    let change = change.to_mut();
                    change.values = Some(rest);
                    // The answers are the RRset that has to be there.
                    if change.expects == Presence::Present {
                        change.expects = Presence::Either;
                    }
                }
                Taken::Refused(found) => {
                    faults.extend(found);
                    continue;
                }
            }
            owner.check_write(&fqdn, rtype)?;
            let wanted = Wanted {
                owner,
                change: &change,
                rtype,
                present,
                fqdn: &fqdn,
                rules,
                now,
            };
            match wanted.steps()? {
                Ok(steps) => plan.add(at, steps),
                Err(found) => {
                    faults.extend(found.into_iter().map(|(value, problem)| RrsetFault {
                        change: at,
                        value,
                        problem,
                    }));
                }
            }
        }
        match faults.is_empty() {
            true => Ok(plan),
            false => Err(RrsetError::Invalid(faults)),
        }
    }

    /// Takes the answers to challenges out of a change.
    fn take_answers(
        &mut self,
        owner: &User,
        (at, change): (usize, &RrsetChange),
        fqdn: &str,
        (present, answers): (&[Record], &[ClientChallenge]),
        rules: RecordRules<'_>,
    ) -> Result<Taken, RrsetError> {
        if !change.rtype.eq_ignore_ascii_case(RecordType::Txt.as_str()) {
            return Ok(Taken::Nothing);
        }
        let is_txt = |record: &Record| record.name == fqdn && record.rtype == RecordType::Txt;
        // A token does not learn of records that it may not read.
        let may_read = owner.may_read(fqdn, RecordType::Txt);
        let has_records = may_read && present.iter().any(is_txt);
        let words = rules.words;
        let (wanted, rest) = match split(owner, (at, change), fqdn, has_records, answers, words) {
            Ok(Split::Records) => return Ok(Taken::Nothing),
            Ok(Split::Nothing) => return Ok(Taken::All),
            Ok(Split::Both(wanted, rest)) => (wanted, Some(rest)),
            Ok(Split::Answers(wanted)) => (wanted, None),
            Err(faults) => return Ok(Taken::Refused(faults)),
        };
        let exists = answers.iter().any(|answer| answer.fqdn == fqdn);
        let problem = match change.expects {
            Presence::Present if !exists && !has_records => {
                return Err(ActionError::NotFound.into());
            }
            Presence::Absent if exists => Some(RrsetProblem::Exists),
            Presence::Absent if wanted.values.is_empty() && rest.is_none() => {
                Some(RrsetProblem::NoValues)
            }
            _ => None,
        };
        if let Some(problem) = problem {
            return Ok(Taken::Refused(vec![RrsetFault {
                change: at,
                value: None,
                problem,
            }]));
        }
        self.answers.push(wanted);
        Ok(rest.map_or(Taken::All, Taken::Some))
    }

    fn add(&mut self, change: usize, steps: Vec<Step>) {
        for (value, step) in steps {
            self.steps.push(step);
            self.places.push((change, value));
        }
    }

    /// Gives faults of steps the places that they are for.
    pub(super) fn place(&self, faults: Vec<(usize, Vec<(Field, Fault)>)>) -> Vec<RrsetFault> {
        let mut placed = Vec::new();
        for (step, found) in faults {
            let (change, value) = self.places.get(step).copied().unwrap_or_default();
            placed.extend(found.into_iter().map(|(field, fault)| RrsetFault {
                change,
                value: value.filter(|_| field != Field::Name),
                problem: RrsetProblem::Input(field, fault),
            }));
        }
        placed.dedup();
        placed
    }
}

/// What of a change was about answers to challenges.
enum Taken {
    Nothing,
    All,
    /// These values are left, for records.
    Some(Vec<String>),
    Refused(Vec<RrsetFault>),
}

/// A change of a record with the index of the value that it is for.
type Step = (Option<usize>, PlannedChange);
/// What is wrong, with the index of the value that it is about.
type Problems = Vec<(Option<usize>, RrsetProblem)>;

/// A change with what it is about.
struct Wanted<'a> {
    owner: &'a User,
    change: &'a RrsetChange,
    rtype: RecordType,
    fqdn: &'a str,
    present: &'a [Record],
    rules: RecordRules<'a>,
    now: Timestamp,
}

impl Wanted<'_> {
    /// Returns the changes of records, or what is wrong.
    fn steps(&self) -> Result<Result<Vec<Step>, Problems>, ActionError> {
        let is_current = |record: &&Record| record.name == self.fqdn && record.rtype == self.rtype;
        let current: Vec<&Record> = self.present.iter().filter(is_current).collect();
        let is_emptied = self.change.values.as_ref().is_some_and(Vec::is_empty);
        let problem = match self.change.expects {
            Presence::Present if current.is_empty() => return Err(ActionError::NotFound),
            Presence::Absent if !current.is_empty() => Some(RrsetProblem::Exists),
            Presence::Absent if is_emptied => Some(RrsetProblem::NoValues),
            _ if self.change.values.is_none() && current.is_empty() => Some(RrsetProblem::NoValues),
            _ => None,
        };
        if let Some(problem) = problem {
            return Ok(Err(vec![(None, problem)]));
        }
        // A TTL from before the limits were changed stays until another one is chosen.
        let is_kept = |seconds: &u64| {
            let mut of_rrset = current.iter();
            of_rrset.any(|record| u64::from(record.ttl.as_seconds()) == *seconds)
        };
        let ttl = self.change.ttl.filter(|seconds| !is_kept(seconds));
        let ttl = ttl.map(|seconds| seconds.to_string()).unwrap_or_default();
        let values: Vec<&str> = match &self.change.values {
            Some(values) => values.iter().map(String::as_str).collect(),
            None if ttl.is_empty() => return Ok(Ok(Vec::new())),
            None => current.iter().map(|it| it.presentation.as_str()).collect(),
        };
        Ok(self.check(&values, &ttl).map(|news| {
            let sets_ttl = !ttl.is_empty();
            self.match_up(current, news, sets_ttl)
        }))
    }

    /// Checks the values as a form of each would be.
    fn check(&self, values: &[&str], ttl: &str) -> Result<Vec<NewRecord>, Problems> {
        let mut news: Vec<NewRecord> = Vec::with_capacity(values.len());
        let mut problems = Problems::new();
        for (at, value) in values.iter().enumerate() {
            let checked = self.check_value(value, ttl);
            let found = match checked {
                Ok(new) if news.iter().any(|other| other.value == new.value) => {
                    vec![(Field::Value, Fault::Duplicate)]
                }
                Ok(new) => {
                    news.push(new);
                    continue;
                }
                Err(faults) => faults,
            };
            for (field, fault) in found {
                let is_about_value = matches!(field, Field::Value | Field::Part(_));
                let problem = (
                    is_about_value.then_some(at),
                    RrsetProblem::Input(field, fault),
                );
                // The name and the TTL are those of every value.
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
        }
        match problems.is_empty() {
            true => Ok(news),
            false => Err(problems),
        }
    }

    fn check_value(&self, value: &str, ttl: &str) -> Result<NewRecord, Vec<(Field, Fault)>> {
        let name = relative(&self.change.name);
        let form = RecordForm::of_presentation(name, self.rtype, value);
        let form = RecordForm {
            ttl: ttl.to_owned(),
            ..form.map_err(|fault| vec![fault])?
        };
        let at_name = || {
            self.present
                .iter()
                .filter(|record| record.name == self.fqdn)
        };
        let presentation = self.rtype.canonicalize(value);
        let same = at_name().find(|record| {
            record.rtype == self.rtype && Some(&record.presentation) == presentation.as_ref()
        });
        let rules = RecordRules {
            confirmed_name: Some(name),
            ..self.rules
        };
        check_form(&form, self.owner, rules, same.or_else(|| at_name().next()))
    }

    /// Finds the record of each value that stays, and gives the other values the places of those
    /// that go.
    fn match_up(&self, current: Vec<&Record>, news: Vec<NewRecord>, sets_ttl: bool) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut left = current;
        let mut rest = Vec::new();
        for (at, new) in news.into_iter().enumerate() {
            let is_same = |old: &&Record| old.presentation == new.value.presentation();
            match left.iter().position(is_same) {
                Some(index) => {
                    let old = left.remove(index);
                    steps.extend(self.keep(old, new, sets_ttl).map(|step| (Some(at), step)));
                }
                None => rest.push((at, new)),
            }
        }
        let mut left = left.into_iter();
        for (at, new) in rest {
            let step = match left.next() {
                Some(old) => replace(old, new),
                None => PlannedChange::Create(new),
            };
            steps.push((Some(at), step));
        }
        steps.extend(left.map(|old| (None, PlannedChange::Delete(old.into()))));
        steps
    }

    fn keep(&self, old: &Record, new: NewRecord, sets_ttl: bool) -> Option<PlannedChange> {
        if sets_ttl {
            return Some(replace(old, new));
        }
        let is_due = old.expires_at < record_expires_at(self.now).plus(-RENEWED_MS);
        is_due.then_some(PlannedChange::Renew(old.id))
    }
}

/// Replaces a record by one that keeps its notes.
fn replace(old: &Record, new: NewRecord) -> PlannedChange {
    PlannedChange::Replace {
        old: old.into(),
        new: NewRecord {
            ports: old.ports.clone(),
            course: old.course.clone(),
            description: old.description.clone(),
            ..new
        },
    }
}
