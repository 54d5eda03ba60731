//! A name during a publish run.

use starchart_domain::plan::{
    NameToPublish, OwnedRrset, PublishedName, RefusedName, RrsetChange, plan_changes,
};
use starchart_domain::record::{NameClass, RecordType};
use starchart_domain::rrset::RrsetData;

use crate::engine::batch::provider_changes;
use crate::provider::Change;

/// A name with its planned changes.
pub(super) struct Candidate {
    pub(super) work: NameToPublish,
    pub(super) changes: Vec<RrsetChange>,
    pub(super) attempts: u32,
    /// Skipped RRsets with the reasons; the other RRsets of the name are published.
    pub(super) skipped: Vec<(RecordType, String)>,
}

impl Candidate {
    pub(super) fn from_registry(work: NameToPublish) -> Self {
        let current: Vec<_> = work
            .owned
            .iter()
            .filter_map(|o| o.confirmed.clone().map(|body| (o.rtype, body)))
            .collect();
        let changes = plan_changes(&work.name, &work.desired, &current);
        Self {
            work,
            changes,
            attempts: 0,
            skipped: vec![],
        }
    }

    /// Returns the changes to send, deletions first.
    pub(super) fn provider_changes(&self) -> Vec<Change> {
        provider_changes(&self.changes)
    }

    /// Skips an RRset. Returns false when the name has or gets a CNAME, whose changes cannot be
    /// split.
    pub(super) fn skip(&mut self, rtype: RecordType, reason: String) -> bool {
        let is_cname = |rtype: RecordType| rtype.class() == NameClass::Cname;
        if is_cname(rtype) || self.changes.iter().any(|change| is_cname(change.rtype())) {
            return false;
        }
        self.changes.retain(|change| change.rtype() != rtype);
        self.skipped.push((rtype, reason));
        true
    }

    /// Adds the RRsets about to be sent as pending: the zone may hold them from now on.
    pub(super) fn intend(&mut self) {
        for (rtype, body) in self.outcome().sets {
            match self
                .work
                .owned
                .iter_mut()
                .find(|owned| owned.rtype == rtype)
            {
                Some(owned) => owned.pending.push(body),
                None => self.work.owned.push(OwnedRrset {
                    rtype,
                    confirmed: None,
                    pending: vec![body],
                }),
            }
        }
    }

    /// Removes the pending RRsets of a batch that certainly had no effect.
    pub(super) fn withdraw(&mut self) {
        for (rtype, body) in self.outcome().sets {
            let Some(owned) = self
                .work
                .owned
                .iter_mut()
                .find(|owned| owned.rtype == rtype)
            else {
                continue;
            };
            if let Some(at) = owned.pending.iter().rposition(|sent| *sent == body) {
                owned.pending.remove(at);
            }
        }
    }

    /// Records the RRsets of ours that were read. Pending ones that were not read may still take
    /// effect, and stay pending.
    pub(super) fn record_read(&mut self, ours: &[(RecordType, Option<RrsetData>)]) {
        for (rtype, body) in ours {
            match self
                .work
                .owned
                .iter_mut()
                .find(|owned| owned.rtype == *rtype)
            {
                Some(owned) => {
                    owned.pending.retain(|sent| sent != body);
                    owned.confirmed.clone_from(body);
                }
                None => self.work.owned.push(OwnedRrset {
                    rtype: *rtype,
                    confirmed: body.clone(),
                    pending: vec![],
                }),
            }
        }
    }

    /// The name, or the RRset of this type, as refused for `reason`.
    pub(super) fn refused(&self, rtype: Option<RecordType>, reason: String) -> RefusedName {
        RefusedName {
            name: self.work.name.clone(),
            generation: self.work.generation,
            rtype,
            reason,
        }
    }

    pub(super) fn outcome(&self) -> PublishedName {
        let sets = self
            .changes
            .iter()
            .map(|change| (change.rtype(), change.outcome().cloned()))
            .collect();
        PublishedName {
            name: self.work.name.clone(),
            generation: self.work.generation,
            sets,
        }
    }
}
