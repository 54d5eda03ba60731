//! Plans the import of users and records. Reads both databases and writes neither.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::{ConnectionTrait, FromQueryResult};
use starchart_domain::fault::NameFault;
use starchart_domain::import::{
    self, EXPIRED_AT_IMPORT_GRACE_MS, ImportedExpiry, ImportedName, ImportedValue,
};
use starchart_domain::record::{RecordType, value_hash};
use starchart_domain::time::Timestamp;

use super::certificates::{self, PlannedCertificate};
use super::ledger::{Entry, Kind, Ledger};
use super::read::OldRecord;
use super::report::{Counts, Line, Report, Topic};
use super::users::{self, PlannedUser};
use super::write_records::ImportedRecord;
use super::{ImportError, Options, Original, state};
use crate::{Error, Store, sql};

/// Everything that the import will write.
pub(super) struct Plan {
    /// When the import began, or now if it has not: expiry is determined at this time.
    pub(super) started: Timestamp,
    /// All users of the original's database that are not deleted.
    pub(super) users: Vec<PlannedUser>,
    /// The names to import, sorted.
    pub(super) names: Vec<PlannedName>,
    pub(super) certificates: Vec<PlannedCertificate>,
    /// The rows that are not imported, with the reasons.
    pub(super) left_out: Vec<Entry>,
    pub(super) report: Report,
}

/// A name with its records.
pub(super) struct PlannedName {
    pub(super) fqdn: String,
    /// The user who will own the name: the one whose domain contains it, or else the owner of the
    /// oldest record.
    pub(super) owner: usize,
    pub(super) records: Vec<PlannedRecord>,
}

impl PlannedName {
    /// Why a younger record cannot stand beside those that are here.
    fn excludes(&self, rtype: RecordType, hash: [u8; 32]) -> Option<String> {
        self.records
            .iter()
            .map(|planned| &planned.record)
            .find_map(|there| {
                if (there.rtype, there.hash) == (rtype, hash) {
                    return Some(format!("the older record #{} says the same", there.id));
                }
                let alone = there.rtype == RecordType::Cname || rtype == RecordType::Cname;
                alone.then(|| {
                    format!(
                        "a CNAME stands alone, and #{} {} is older",
                        there.id, there.rtype
                    )
                })
            })
    }
}

pub(super) struct PlannedRecord {
    /// The index of the owner in [`Plan::users`].
    pub(super) person: usize,
    pub(super) record: ImportedRecord,
    pub(super) lines: Vec<Line>,
}

pub(super) async fn plan(
    store: &Store,
    original: &Original,
    options: &Options<'_>,
) -> Result<Plan, ImportError> {
    let db = store.reader();
    let begun = state::started(db).await?;
    let started = match begun {
        Some(at) => at,
        None => store.now().await?,
    };
    let ledger = Ledger::read(db).await?;
    let here = users::here(db).await?;
    let mut plan = Plan {
        started,
        users: Vec::new(),
        names: Vec::new(),
        certificates: Vec::new(),
        left_out: Vec::new(),
        report: Report::default(),
    };
    let owners = plan.add_people(original.users().await?, here, options, &ledger);
    let taken = Taken::read(db).await?;
    let records = original.records().await?;
    let collide = records
        .iter()
        .filter(|record| taken.ids.contains(&record.id))
        .count();
    if begun.is_none() && collide > 0 {
        return Err(ImportError::NotEmpty(collide));
    }
    plan.add_records(records, &owners, options, &ledger, &taken);
    certificates::add(&mut plan, store, original, &owners, options, &ledger).await?;
    let users: usize = plan.users.iter().map(|user| user.entries.len()).sum();
    let Counts { new_records, .. } = plan.report.counts;
    plan.report.counts.to_do = users + new_records + plan.certificates.len() + plan.left_out.len();
    Ok(plan)
}

/// The index of each user name in [`Plan::users`].
pub(super) type Owners = HashMap<String, usize>;

impl Plan {
    /// Notes what was found out about a row earlier; true: it was dealt with.
    pub(super) fn is_done(&mut self, ledger: &Ledger, kind: Kind, source: &str) -> bool {
        let Some(entry) = ledger.get(kind, source) else {
            return false;
        };
        self.report.counts.done += 1;
        self.report.lines.extend(entry.lines.iter().cloned());
        true
    }

    /// Leaves a row out, for good.
    pub(super) fn leave_out(&mut self, kind: Kind, source: String, lines: Vec<Line>) {
        self.report.lines.extend(lines.iter().cloned());
        self.left_out.push(Entry {
            kind,
            source,
            target: None,
            lines,
        });
    }

    fn add_records(
        &mut self,
        mut records: Vec<OldRecord>,
        owners: &Owners,
        options: &Options<'_>,
        ledger: &Ledger,
        taken: &Taken,
    ) {
        self.report.counts.records = records.len();
        // Of two that exclude each other the older stays.
        records.sort_by_key(|record| (record.created_at, record.id));
        let mut names: BTreeMap<String, PlannedName> = BTreeMap::new();
        for record in records {
            if self.is_done(ledger, Kind::Record, &record.id.to_string()) {
                continue;
            }
            let id = record.id;
            match self.judge(record, owners, options, taken, &names) {
                Ok((fqdn, planned)) => {
                    self.report.lines.extend(planned.lines.iter().cloned());
                    self.report.counts.new_records += 1;
                    let is_theirs = self.domain_of(planned.person, &fqdn, options);
                    let owner = planned.person;
                    let name = names.entry(fqdn.clone()).or_insert_with(|| PlannedName {
                        fqdn,
                        owner,
                        records: Vec::new(),
                    });
                    if is_theirs {
                        name.owner = owner;
                    }
                    name.records.push(planned);
                }
                Err(line) => self.leave_out(Kind::Record, id.to_string(), vec![line]),
            }
        }
        self.names = names.into_values().collect();
    }

    /// Whether the name is in the domain that the person has here.
    fn domain_of(&self, person: usize, fqdn: &str, options: &Options<'_>) -> bool {
        self.users[person]
            .label()
            .is_some_and(|label| options.root.base(label).relative(fqdn).is_some())
    }

    /// The record with its name, or why it is left out.
    fn judge(
        &self,
        old: OldRecord,
        owners: &Owners,
        options: &Options<'_>,
        taken: &Taken,
        names: &BTreeMap<String, PlannedName>,
    ) -> Result<(String, PlannedRecord), Line> {
        let short: String = old.content.chars().take(60).collect();
        let what = |name: &str| format!("#{} {name} {} {short}", old.id, old.rtype);
        let out = |name: &str, why: &str| Line {
            topic: Topic::RecordLeftOut,
            text: format!("{}: {why}", what(name)),
        };
        let Some((username, person)) = old
            .owner
            .as_ref()
            .and_then(|owner| Some((owner, *owners.get(owner)?)))
        else {
            return Err(out(&old.subdomain, "its account is missing or left out"));
        };
        let Some(rtype) = RecordType::parse(&old.rtype) else {
            return Err(out(
                &old.subdomain,
                "there are no records of this type here",
            ));
        };
        let (fqdn, name_rule) =
            match import::import_name(&old.subdomain, username, options.root, rtype) {
                ImportedName::Kept { fqdn, rule } => (fqdn, rule),
                ImportedName::Impossible { fqdn } => {
                    return Err(out(&fqdn, "no zone holds such a name"));
                }
                ImportedName::Challenge { fqdn } => {
                    return Err(Line {
                        topic: Topic::Challenge,
                        text: format!("{} of {username}", what(&fqdn)),
                    });
                }
            };
        if old.challenge_id.is_some() {
            return Err(Line {
                topic: Topic::Challenge,
                text: format!("{} of {username}", what(&fqdn)),
            });
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
        let is_theirs = self.domain_of(person, &fqdn, options);
        let kept = Kept {
            old,
            person,
            is_theirs,
            rtype,
            name_rule,
            value,
            hash,
        };
        Ok((fqdn, kept.planned(&about, self.started)))
    }
}

/// A record that comes here.
struct Kept {
    old: OldRecord,
    person: usize,
    /// Whether its name is in the domain that its person has here.
    is_theirs: bool,
    rtype: RecordType,
    name_rule: Option<NameFault>,
    value: ImportedValue,
    hash: [u8; 32],
}

impl Kept {
    fn planned(self, about: &str, now: Timestamp) -> PlannedRecord {
        let Self {
            old,
            person,
            is_theirs,
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
        if !is_theirs {
            line(Topic::ElsewhereRecord, "");
        }
        let rules = [
            name_rule.map(|rule| rule.to_string()),
            value.rule.map(|rule| rule.to_string()),
        ];
        let rules = rules.into_iter().flatten().collect::<Vec<_>>().join("; ");
        if !rules.is_empty() {
            line(
                if value.fits_zone {
                    Topic::Rule
                } else {
                    Topic::NotInZone
                },
                &format!(": {rules}"),
            );
        }
        let ends = Timestamp::from_millis(old.expires_at);
        let (expires_at, notified_at) =
            match import::classify_expiry(ends, old.last_notified.map(Timestamp::from_millis), now)
            {
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
            preference: value.preference,
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
            person,
            record,
            lines,
        }
    }
}

/// What stands here already and is in the way of what would come.
struct Taken {
    ids: HashSet<i64>,
    names: HashSet<String>,
}

impl Taken {
    async fn read(on: &impl ConnectionTrait) -> Result<Self, Error> {
        #[derive(FromQueryResult)]
        struct Id {
            id: i64,
        }
        #[derive(FromQueryResult)]
        struct Name {
            fqdn: String,
        }
        let ids: Vec<Id> = sql::all(
            on,
            "SELECT id FROM dns_records UNION SELECT record_id AS id FROM record_history",
            vec![],
        )
        .await?;
        let names: Vec<Name> = sql::all(on, "SELECT fqdn FROM names", vec![]).await?;
        Ok(Self {
            ids: ids.into_iter().map(|row| row.id).collect(),
            names: names.into_iter().map(|row| row.fqdn).collect(),
        })
    }
}
