//! Decides what to do about each name of a refused batch.

use std::collections::{BTreeMap, BTreeSet};

use super::candidate::Candidate;
use super::{Journal, MAX_ATTEMPTS, PublishError, Run};
use crate::provider::{FaultKind, SetFault, join_messages};

impl<J: Journal> Run<'_, J> {
    /// Reads, skips or quarantines the RRsets that the faults are about, and returns the batches to
    /// send next. A batch without a name at fault is halved.
    pub(super) async fn resolve_refusal(
        &mut self,
        batch: Vec<Candidate>,
        faults: &[SetFault],
    ) -> Result<Vec<Vec<Candidate>>, PublishError<J::Error>> {
        let by_name = faults_by_name(faults);
        let (mut named, mut rest): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .partition(|c| by_name.contains_key(c.work.name.as_str()));
        if named.is_empty() {
            if rest.len() > 1 {
                let back = rest.split_off(rest.len() / 2);
                return Ok(vec![rest, back]);
            }
            named = std::mem::take(&mut rest);
        }
        let mut unclear = Vec::new();
        let mut partly = Vec::new();
        let mut refused = Vec::new();
        let provider = self.capabilities.name;
        for mut candidate in named {
            let own = by_name
                .get(candidate.work.name.as_str())
                .map_or(&[][..], Vec::as_slice);
            let invalid = own
                .iter()
                .find(|fault| fault.kind == FaultKind::InvalidValue);
            let is_final =
                candidate.attempts >= MAX_ATTEMPTS || (own.is_empty() && candidate.attempts > 0);
            match (invalid, is_final) {
                (None, false) => unclear.push(candidate),
                (Some(fault), _) => {
                    let reason = format!("{provider} does not take the value: {}", fault.message);
                    if skip_invalid(&mut candidate, own, &reason) {
                        partly.push(candidate);
                    } else {
                        refused.push(candidate.refused(None, reason));
                    }
                }
                (None, true) => {
                    let reason = format!(
                        "{provider} does not take the change: {}",
                        join_messages(faults)
                    );
                    refused.push(candidate.refused(None, reason));
                }
            }
        }
        self.quarantine(refused).await?;
        partly.extend(self.reread(unclear).await?);
        let mut again = self.resume(partly).await?;
        if !rest.is_empty() {
            again.insert(0, rest);
        }
        Ok(again)
    }
}

fn faults_by_name(faults: &[SetFault]) -> BTreeMap<&str, Vec<&SetFault>> {
    let mut by_name: BTreeMap<&str, Vec<&SetFault>> = BTreeMap::new();
    for fault in faults {
        if let Some(name) = &fault.name {
            by_name.entry(name).or_default().push(fault);
        }
    }
    by_name
}

/// Skips the RRset with an invalid value, so that the other RRsets of its name are published.
/// Returns false when the whole name has to be quarantined: the fault names no type, several types
/// are at fault, or the name has or gets a CNAME.
fn skip_invalid(candidate: &mut Candidate, faults: &[&SetFault], reason: &str) -> bool {
    let invalid = faults
        .iter()
        .filter(|fault| fault.kind == FaultKind::InvalidValue);
    let types: BTreeSet<_> = invalid.map(|fault| fault.rtype).collect();
    match types.first() {
        Some(Some(rtype)) if types.len() == 1 => candidate.skip(*rtype, reason.to_owned()),
        _ => false,
    }
}
