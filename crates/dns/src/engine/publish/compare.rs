//! Compares the RRsets of a name with the ownership registry and the desired RRsets.

use starchart_domain::plan::{NameToPublish, OwnedRrset};
use starchart_domain::presentation::same_values;
use starchart_domain::record::{RecordType, exclude_each_other};
use starchart_domain::rrset::{Rrset, RrsetData};

use crate::provider::ZoneRrset;

/// What the zone holds at a name, compared with the registry and with what is desired.
pub(super) struct ZoneComparison {
    /// Our RRsets in the provider's spelling.
    pub(super) current: Vec<(RecordType, RrsetData)>,
    /// The same for the registry, with `None` for our RRsets that do not exist any more.
    pub(super) ours: Vec<(RecordType, Option<RrsetData>)>,
    /// The types of foreign RRsets that prevent ours.
    pub(super) blocking: Vec<String>,
}

/// Compares the RRsets of a name with the ownership registry and the desired RRsets.
pub(super) fn compare(work: &NameToPublish, sets: &[ZoneRrset]) -> ZoneComparison {
    let mut seen = ZoneComparison {
        current: Vec::new(),
        ours: Vec::new(),
        blocking: Vec::new(),
    };
    for set in sets {
        let rtype = RecordType::parse(&set.rtype);
        let owned = rtype.and_then(|rtype| work.owned.iter().find(|owned| owned.rtype == rtype));
        match (set.body().zip(rtype), owned) {
            (Some((body, rtype)), Some(owned)) if owned.is_ours(&spelled_as_sent(&body, owned)) => {
                let body = spelled_as_wanted(rtype, body, work);
                seen.current.push((rtype, body.clone()));
                seen.ours.push((rtype, Some(body)));
            }
            _ => {
                let excludes =
                    |wanted: &Rrset| exclude_each_other(&set.rtype, wanted.rtype.as_str());
                if work.desired.iter().any(excludes) {
                    seen.blocking.push(set.rtype.clone());
                }
            }
        }
    }
    for owned in &work.owned {
        if !seen.ours.iter().any(|(rtype, _)| *rtype == owned.rtype) {
            seen.ours.push((owned.rtype, None));
        }
    }
    seen
}

/// Returns the equal body that was sent, in the spelling in which it was sent.
fn spelled_as_sent(body: &RrsetData, owned: &OwnedRrset) -> RrsetData {
    let mut sent = owned.pending.iter().flatten();
    sent.find(|sent| same(owned.rtype, sent, body))
        .unwrap_or(body)
        .clone()
}

/// Returns the equal desired body, so that nothing changes. Any other body stays in the provider's
/// spelling, which a deletion has to repeat.
fn spelled_as_wanted(rtype: RecordType, body: RrsetData, work: &NameToPublish) -> RrsetData {
    let mut wanted = work
        .desired
        .iter()
        .filter(|set| set.rtype == rtype)
        .map(|set| &set.body);
    wanted
        .find(|wanted| same(rtype, wanted, &body))
        .cloned()
        .unwrap_or(body)
}

fn same(rtype: RecordType, one: &RrsetData, other: &RrsetData) -> bool {
    one.ttl == other.ttl && same_values(rtype.as_str(), &one.values, &other.values)
}
