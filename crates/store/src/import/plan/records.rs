//! Plans the import of records.

use std::collections::{BTreeMap, HashSet};

use sea_orm::{ConnectionTrait, EntityTrait, QuerySelect};
use starchart_domain::fault::NameFault;
use starchart_domain::import::{
    self, EXPIRED_AT_IMPORT_GRACE_MS, ImportedExpiry, ImportedName, ImportedValue,
};
use starchart_domain::record::{RecordType, value_hash};
use starchart_domain::time::Timestamp;

use super::model::{Owners, Plan, PlannedName, PlannedRecord};
use crate::Error;
use crate::entity::{dns_record, name, record_history};
use crate::import::Options;
use crate::import::ledger::{Kind, Ledger};
use crate::import::read::OldRecord;
use crate::import::report::{Line, Topic};
use crate::import::write_records::ImportedRecord;

/// Ids and names of this database that exclude records of the original.
pub(super) struct ExistingKeys {
    ids: HashSet<i64>,
    names: HashSet<String>,
}

impl ExistingKeys {
    pub(super) async fn read(on: &impl ConnectionTrait) -> Result<Self, Error> {
        let present: Vec<i64> = dns_record::Entity::find()
            .select_only()
            .column(dns_record::Column::Id)
            .into_tuple()
            .all(on)
            .await?;
        let former: Vec<i64> = record_history::Entity::find()
            .select_only()
            .column(record_history::Column::RecordId)
            .distinct()
            .into_tuple()
            .all(on)
            .await?;
        let names: Vec<String> = name::Entity::find()
            .select_only()
            .column(name::Column::Fqdn)
            .into_tuple()
            .all(on)
            .await?;
        Ok(Self {
            ids: present.into_iter().chain(former).collect(),
            names: names.into_iter().collect(),
        })
    }

    /// Counts the records whose id is taken.
    pub(super) fn count_ids_of(&self, records: &[OldRecord]) -> usize {
        records
            .iter()
            .filter(|record| self.ids.contains(&record.id))
            .count()
    }
}

/// Plans all records and their names.
pub(super) fn add(
    plan: &mut Plan,
    mut records: Vec<OldRecord>,
    owners: &Owners,
    options: &Options<'_>,
    ledger: &Ledger,
    taken: &ExistingKeys,
) {
    plan.report.counts.records = records.len();
    // Of two that exclude each other the older stays.
    records.sort_by_key(|record| (record.created_at, record.id));
    let mut names: BTreeMap<String, PlannedName> = BTreeMap::new();
    for record in records {
        if plan.is_done(ledger, Kind::Record, &record.id.to_string()) {
            continue;
        }
        let id = record.id;
        match plan_record(plan, record, owners, options, taken, &names) {
            Ok((fqdn, planned)) => {
                plan.report.lines.extend(planned.lines.iter().cloned());
                plan.report.counts.new_records += 1;
                let owner = planned.user;
                let is_in_domain = plan.is_in_domain_of(owner, &fqdn, options.root);
                let name = names.entry(fqdn.clone()).or_insert_with(|| PlannedName {
                    fqdn,
                    owner,
                    records: Vec::new(),
                });
                if is_in_domain {
                    name.owner = owner;
                }
                name.records.push(planned);
            }
            Err(line) => plan.leave_out(Kind::Record, id.to_string(), vec![line]),
        }
    }
    plan.names = names.into_values().collect();
}

/// Plans a record and returns it with its name, or why it is left out.
fn plan_record(
    plan: &Plan,
    old: OldRecord,
    owners: &Owners,
    options: &Options<'_>,
    taken: &ExistingKeys,
    names: &BTreeMap<String, PlannedName>,
) -> Result<(String, PlannedRecord), Line> {
    let short: String = old.content.chars().take(60).collect();
    let what = |name: &str| format!("#{} {name} {} {short}", old.id, old.rtype);
    let out = |name: &str, why: &str| Line {
        topic: Topic::RecordLeftOut,
        text: format!("{}: {why}", what(name)),
    };
    let Some((username, user)) = old
        .owner
        .as_ref()
        .and_then(|owner| Some((owner, *owners.get(owner)?)))
    else {
        return Err(out(&old.subdomain, "its account is missing or left out"));
    };
    let challenge = |fqdn: &str| Line {
        topic: Topic::Challenge,
        text: format!("{} of {username}", what(fqdn)),
    };
    let Some(rtype) = import::parse_original_type(&old.rtype) else {
        return Err(out(
            &old.subdomain,
            "there are no records of this type here",
        ));
    };
    let (fqdn, name_rule) = match import::import_name(&old.subdomain, username, options.root, rtype)
    {
        ImportedName::Kept { fqdn, rule } => (fqdn, rule),
        ImportedName::Impossible { fqdn } => {
            return Err(out(&fqdn, "no zone holds such a name"));
        }
        ImportedName::Challenge { fqdn } => return Err(challenge(&fqdn)),
    };
    if old.challenge_id.is_some() {
        return Err(challenge(&fqdn));
    }
    if taken.ids.contains(&old.id) {
        return Err(out(
            &fqdn,
            "a record made here has this number already; make this one by hand",
        ));
    }
    if taken.names.contains(&fqdn) {
        return Err(out(
            &fqdn,
            "something was made here at this name since; make this one by hand",
        ));
    }
    let value = import::import_value(rtype, &old.content);
    let hash = value_hash(&value.presentation);
    if let Some(why) = names.get(&fqdn).and_then(|name| name.excludes(rtype, hash)) {
        return Err(out(&fqdn, &why));
    }
    let about = format!("{} of {username}", what(&fqdn));
    let kept = KeptRecord {
        is_in_domain: plan.is_in_domain_of(user, &fqdn, options.root),
        old,
        user,
        rtype,
        name_rule,
        value,
        hash,
    };
    Ok((fqdn, kept.into_planned(&about, plan.started)))
}

/// A record that is imported.
struct KeptRecord {
    old: OldRecord,
    user: usize,
    /// Whether its name is in the base domain that its user has here.
    is_in_domain: bool,
    rtype: RecordType,
    name_rule: Option<NameFault>,
    value: ImportedValue,
    hash: [u8; 32],
}

impl KeptRecord {
    /// Determines the record's expiry and the report's lines about it.
    fn into_planned(self, about: &str, now: Timestamp) -> PlannedRecord {
        let Self {
            old,
            user,
            is_in_domain,
            rtype,
            name_rule,
            value,
            hash,
        } = self;
        let mut lines = Vec::new();
        let mut line = |topic, why: &str| {
            lines.push(Line {
                topic,
                text: format!("{about}{why}"),
            })
        };
        if !is_in_domain {
            line(Topic::ElsewhereRecord, "");
        }
        let rules = [
            name_rule.map(|rule| rule.to_string()),
            value.rule.map(|rule| rule.to_string()),
        ];
        let rules = rules.into_iter().flatten().collect::<Vec<_>>().join("; ");
        if !rules.is_empty() {
            let topic = if value.fits_zone {
                Topic::Rule
            } else {
                Topic::NotInZone
            };
            line(topic, &format!(": {rules}"));
        }
        let ends = Timestamp::from_millis(old.expires_at);
        let last_notified = old.last_notified.map(Timestamp::from_millis);
        let (expires_at, notified_at) = match import::classify_expiry(ends, last_notified, now) {
            ImportedExpiry::NotNotified => (ends, None),
            ImportedExpiry::Notified(at) => (ends, Some(at)),
            ImportedExpiry::Expired => {
                line(Topic::Ended, &format!(", ended {}", ends.date()));
                (now.plus(EXPIRED_AT_IMPORT_GRACE_MS), None)
            }
        };
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        let record = ImportedRecord {
            id: old.id,
            rtype,
            input: old.content,
            presentation: value.presentation,
            hash,
            ports: filled(old.ports),
            course: filled(old.course),
            description: filled(old.description),
            created_at: Timestamp::from_millis(old.created_at),
            updated_at: Timestamp::from_millis(old.updated_at),
            expires_at,
            notified_at,
            refusal: (!value.fits_zone).then_some(rules),
        };
        PlannedRecord {
            user,
            record,
            lines,
        }
    }
}
