//! A name on its way.

use starchart_domain::plan::{NameToPublish, OwnedRrset, PublishedName, RrsetChange, plan_changes};
use starchart_domain::record::RecordType;

use crate::batch::NameChanges;

/// A name on its way: what stands as far as we know, and what is to change.
pub(super) struct Candidate {
    pub(super) work: NameToPublish,
    pub(super) changes: Vec<RrsetChange>,
    pub(super) tries: u32,
    /// Sets that are left out, each with its reason; the others of the name go through.
    pub(super) held: Vec<(RecordType, String)>,
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
            tries: 0,
            held: vec![],
        }
    }

    pub(super) fn group(&self) -> NameChanges {
        NameChanges::new(self.work.name.clone(), &self.changes)
    }

    /// Leaves a set out. False: the name is or becomes a CNAME's, which stands or falls as a whole.
    pub(super) fn hold(&mut self, rtype: RecordType, reason: String) -> bool {
        let is_cname = |rtype: RecordType| rtype == RecordType::Cname;
        if is_cname(rtype) || self.changes.iter().any(|change| is_cname(change.rtype())) {
            return false;
        }
        self.changes.retain(|change| change.rtype() != rtype);
        self.held.push((rtype, reason));
        true
    }

    /// What is about to be sent may be found in the zone from now on, and is ours then.
    pub(super) fn note_send(&mut self) {
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

    /// What was about to be sent was certainly not done.
    pub(super) fn forget_send(&mut self) {
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
