//! TXT RRsets at `_acme-challenge`: the answers to challenges live apart from records, and a client
//! that knows only RRsets sees and writes both as one.
//!
//! A token that may answer the challenge of a host sees the answers there. What it writes is an
//! answer if an ACME client computes such values. Where a record is already, new values become
//! records, unless the token may not write records, which it then leaves alone.

use starchart_domain::certificate::{CLIENT_VALUE_TTL, ChallengeName, ChallengeValue};
use starchart_domain::fault::{ChallengeFault, Fault, Field};
use starchart_domain::record::RecordType;
use starchart_domain::words::WordFilter;
use starchart_store::client_challenges::ClientChallenge;

use super::super::challenges::{check_words, permitted_name};
use super::{RrsetChange, RrsetFault, RrsetProblem, RrsetView};
use crate::actor::User;

/// The answers that shall be at a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WantedAnswers {
    /// The index of the change.
    pub(super) change: usize,
    pub(super) name: ChallengeName,
    pub(super) values: Vec<ChallengeValue>,
}

/// What a change of an RRset is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Split {
    Records,
    /// Answers that stay as they are.
    Nothing,
    /// The answers, and the values of records.
    Both(WantedAnswers, Vec<String>),
    Answers(WantedAnswers),
}

/// Adds the answers to the RRsets of records, and orders all by name and type.
pub(super) fn merge(rrsets: &mut Vec<RrsetView>, answers: Vec<ClientChallenge>) {
    for answer in answers {
        let value = format!("\"{}\"", answer.value);
        let mut present = rrsets.iter_mut();
        match present.find(|rrset| rrset.is_at(&answer.fqdn, RecordType::Txt)) {
            Some(rrset) if rrset.values.contains(&value) => {}
            Some(rrset) => {
                rrset.values.push(value);
                rrset.updated_at = rrset.updated_at.max(answer.created_at);
            }
            None => rrsets.push(RrsetView {
                name: answer.fqdn,
                rtype: RecordType::Txt,
                ttl: CLIENT_VALUE_TTL,
                values: vec![value],
                created_at: answer.created_at,
                updated_at: answer.created_at,
            }),
        }
    }
    rrsets.sort_by(|one, other| {
        (&one.name, one.rtype.as_str()).cmp(&(&other.name, other.rtype.as_str()))
    });
}

/// Tells the answers of a change from its records. `has_records` says whether there are records
/// already that the caller may read, `present` are the answers that the caller may change. The TTL
/// of answers is fixed.
///
/// # Errors
/// The values that are no answers, by a token that may write nothing else; a word in the name.
pub(super) fn split(
    owner: &User,
    (at, change): (usize, &RrsetChange),
    fqdn: &str,
    has_records: bool,
    present: &[ClientChallenge],
    words: &WordFilter,
) -> Result<Split, Vec<RrsetFault>> {
    let Ok(name) = permitted_name(owner, fqdn) else {
        return Ok(Split::Records);
    };
    let at_name = || present.iter().filter(|answer| answer.fqdn == fqdn);
    let Some(values) = &change.values else {
        return Ok(match at_name().next() {
            Some(_) if !has_records => Split::Nothing,
            _ => Split::Records,
        });
    };
    let may_write = owner.check_write(fqdn, RecordType::Txt).is_ok();
    let is_present =
        |value: &ChallengeValue| at_name().any(|answer| answer.value == value.as_str());
    let (mut answers, mut others, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for (index, text) in values.iter().enumerate() {
        match ChallengeValue::parse(text) {
            Ok(value) if !(may_write && has_records) || is_present(&value) => {
                answers.push(value);
            }
            Ok(_) => others.push(text.clone()),
            Err(fault) => {
                others.push(text.clone());
                faults.push(refused(at, Some(index), Field::Value, fault));
            }
        }
    }
    if !may_write && !faults.is_empty() {
        return Err(faults);
    }
    if !answers.is_empty() {
        let checked = check_words(&name, words);
        checked.map_err(|fault| vec![refused(at, None, Field::Name, fault)])?;
    }
    let answers = WantedAnswers {
        change: at,
        name,
        values: answers,
    };
    Ok(match may_write && (has_records || !others.is_empty()) {
        true => Split::Both(answers, others),
        false => Split::Answers(answers),
    })
}

fn refused(change: usize, value: Option<usize>, field: Field, fault: ChallengeFault) -> RrsetFault {
    RrsetFault {
        change,
        value,
        problem: RrsetProblem::Input(field, Fault::Challenge(fault)),
    }
}
