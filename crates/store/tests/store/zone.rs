//! The whole zone: what an audit reads, marks and keeps; adoption; and the kinds of a pause.

mod adoption;
mod audits;
mod drift;

use starchart_domain::plan::PublishedName;
use starchart_domain::publish::PublishState;
use starchart_domain::record::RecordType;
use starchart_store::lease::{self, LeaseName};
use starchart_store::records;
use starchart_store::zone::{
    self, Adopted, AdoptionGoal, AdoptionReason, AuditOutcome, AuditResult,
};

use crate::world::{World, body, outcome, refused};

const KEEP: AdoptionReason<'_> = AdoptionReason {
    zone: "starchart.com",
    detail: "by a test",
    goal: AdoptionGoal::Keep("adopted"),
};

fn result(outcome: AuditOutcome, repaired: u64) -> AuditResult {
    AuditResult {
        outcome,
        plan_hash: "ab".repeat(32),
        listed: 9,
        owned: 8,
        creates: 1,
        deletes: 2,
        replaces: 3,
        unclaimed: 4,
        foreign: 6,
        orphans: 5,
        repaired,
        approval_reason: (outcome == AuditOutcome::NeedsApproval).then(|| "too much".to_owned()),
    }
}
