//! What the zone holds at a name, against what we put there and what we want there.

use starchart_domain::plan::{NameToPublish, OwnedRrset};
use starchart_domain::record::RecordType;
use starchart_domain::rrset::RrsetData;

use crate::canonical;
use crate::zone::ZoneRrset;

/// What the zone holds at a name.
pub(super) struct Seen {
    /// What stands of ours, as the provider wrote it.
    pub(super) current: Vec<(RecordType, RrsetData)>,
    /// The same for the registry, with the sets of ours that are gone.
    pub(super) ours: Vec<(RecordType, Option<RrsetData>)>,
    /// Types of sets that are not ours and where ours cannot stand beside.
    pub(super) in_the_way: Vec<String>,
}

/// What the zone holds at a name against what we put there and what we want there.
pub(super) fn compare(work: &NameToPublish, sets: &[ZoneRrset]) -> Seen {
    let mut seen = Seen {
        current: Vec::new(),
        ours: Vec::new(),
        in_the_way: Vec::new(),
    };
    let wants_cname = work
        .desired
        .iter()
        .any(|set| set.rtype == RecordType::Cname);
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
                let in_the_way = match rtype {
                    Some(RecordType::Cname) => !work.desired.is_empty(),
                    Some(rtype) => {
                        wants_cname || work.desired.iter().any(|wanted| wanted.rtype == rtype)
                    }
                    None => wants_cname,
                };
                if in_the_way {
                    seen.in_the_way.push(set.rtype.clone());
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

/// A body that says the same as one we sent, in the words in which we sent it.
fn spelled_as_sent(body: &RrsetData, owned: &OwnedRrset) -> RrsetData {
    let mut sent = owned.pending.iter().flatten();
    sent.find(|sent| same(owned.rtype, sent, body))
        .unwrap_or(body)
        .clone()
}

/// A body that says the same as the one we want is that one: nothing has to change. Any other stays
/// as the provider wrote it, because a deletion has to repeat it.
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
    one.ttl == other.ttl && canonical::same_values(rtype.as_str(), &one.values, &other.values)
}

/// What was read is what is confirmed; a send that was not seen may still come, and is ours then.
pub(super) fn adopt(work: &mut NameToPublish, ours: &[(RecordType, Option<RrsetData>)]) {
    for (rtype, body) in ours {
        match work.owned.iter_mut().find(|owned| owned.rtype == *rtype) {
            Some(owned) => {
                owned.pending.retain(|sent| sent != body);
                owned.confirmed.clone_from(body);
            }
            None => work.owned.push(OwnedRrset {
                rtype: *rtype,
                confirmed: body.clone(),
                pending: vec![],
            }),
        }
    }
}
