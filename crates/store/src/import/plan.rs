//! What becomes of every row: people and records. Reads both databases and writes neither.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sea_orm::{ConnectionTrait, FromQueryResult};
use starchart_domain::import::{self, Account, BACKLOG_MS, Deal, Life, NameRead};
use starchart_domain::names::Label;
use starchart_domain::record::{RecordType, content_hash};
use starchart_domain::time::Timestamp;
use starchart_domain::user::{Groups, Subject};

use super::certificates::{self, PlannedCertificate};
use super::ledger::{Entry, Kind, Ledger};
use super::read::{OldRecord, OldUser};
use super::report::{Counts, Line, Report, Topic};
use super::{ImportError, Options, Original, state};
use crate::records::moved::MovedRecord;
use crate::{Error, Store, sql};

/// Everything that is to be done.
pub(super) struct Plan {
    /// When the import was begun, or would be: what has ended is judged by it.
    pub(super) started: Timestamp,
    /// Everybody who is or comes here.
    pub(super) people: Vec<Person>,
    /// Names that come here, in their order.
    pub(super) names: Vec<PlannedName>,
    pub(super) certificates: Vec<PlannedCertificate>,
    /// Rows of which only a note is kept.
    pub(super) left_out: Vec<Entry>,
    pub(super) report: Report,
}

/// Somebody of the original.
pub(super) struct Person {
    pub(super) subject: Subject,
    /// What the original says; of several accounts the oldest.
    pub(super) account: OldUser,
    pub(super) groups: Groups,
    pub(super) deal: Deal,
    /// The row here, where there is one.
    pub(super) id: Option<i64>,
    /// What is to be noted of each account; empty: it was dealt with.
    pub(super) entries: Vec<Entry>,
}

impl Person {
    /// The label that the person has here, or will have.
    pub(super) fn label(&self) -> Option<&Label> {
        match &self.deal {
            Deal::Keeps(label) | Deal::Has(label) => Some(label),
            _ => None,
        }
    }
}

/// A name with its records.
pub(super) struct PlannedName {
    pub(super) fqdn: String,
    /// Whose name it becomes: the person whose domain it is in, else that of the oldest record.
    pub(super) owner: usize,
    pub(super) records: Vec<PlannedRecord>,
}

pub(super) struct PlannedRecord {
    /// Whose it is, in [`Plan::people`].
    pub(super) person: usize,
    pub(super) record: MovedRecord,
    pub(super) lines: Vec<Line>,
}

/// A person who is here.
#[derive(FromQueryResult)]
struct Here {
    id: i64,
    subject: String,
    label: Option<String>,
    deleted_at: Option<i64>,
}

pub(super) async fn plan(store: &Store, original: &Original, options: &Options<'_>) -> Result<Plan, ImportError> {
    let db = store.reader();
    let started = match state::started(db).await? {
        Some(at) => at,
        None => store.now().await?,
    };
    let ledger = Ledger::read(db).await?;
    let here: Vec<Here> =
        sql::all(db, "SELECT id, subject, label, deleted_at FROM users", vec![]).await.map_err(ImportError::Db)?;
    let mut plan = Plan {
        started,
        people: Vec::new(),
        names: Vec::new(),
        certificates: Vec::new(),
        left_out: Vec::new(),
        report: Report::default(),
    };
    let owners = plan.add_people(original.users().await?, here, options, &ledger);
    let taken = Taken::read(db).await?;
    plan.add_records(original.records().await?, &owners, options, &ledger, &taken);
    certificates::add(&mut plan, store, original, &owners, options, &ledger).await?;
    let people: usize = plan.people.iter().map(|person| person.entries.len()).sum();
    let Counts { new_records, .. } = plan.report.counts;
    plan.report.counts.to_do = people + new_records + plan.certificates.len() + plan.left_out.len();
    Ok(plan)
}

/// Where the rows of user names went.
pub(super) type Owners = HashMap<String, usize>;

impl Plan {
    /// Notes what was found out about a row earlier; true: it was dealt with.
    pub(super) fn is_done(&mut self, ledger: &Ledger, kind: Kind, source: &str) -> bool {
        let Some(entry) = ledger.get(kind, source) else { return false };
        self.report.counts.done += 1;
        self.report.lines.extend(entry.lines.iter().cloned());
        true
    }

    /// Leaves a row out, for good.
    pub(super) fn leave_out(&mut self, kind: Kind, source: String, lines: Vec<Line>) {
        self.report.lines.extend(lines.iter().cloned());
        self.left_out.push(Entry { kind, source, target: None, lines });
    }

    fn add_people(&mut self, mut users: Vec<OldUser>, here: Vec<Here>, options: &Options<'_>, ledger: &Ledger) -> Owners {
        self.report.counts.people = users.len();
        users.sort_by(|a, b| (a.created_at, &a.username).cmp(&(b.created_at, &b.username)));
        let mut by_subject: BTreeMap<Subject, Vec<OldUser>> = BTreeMap::new();
        for user in users {
            let username = user.username.clone();
            match Subject::parse(&username) {
                Ok(subject) => by_subject.entry(subject).or_default().push(user),
                Err(_) if self.is_done(ledger, Kind::User, &username) => {}
                Err(_) => {
                    let text = format!("{username:?}: nobody can sign in with this user name");
                    self.leave_out(Kind::User, username, vec![Line { topic: Topic::PersonLeftOut, text }]);
                }
            }
        }
        let mut here: HashMap<String, Here> = here.into_iter().map(|row| (row.subject.clone(), row)).collect();
        let (mut kept, mut accounts) = (Vec::new(), Vec::new());
        for (subject, users) in by_subject {
            let row = here.remove(subject.as_str());
            if row.as_ref().is_some_and(|row| row.deleted_at.is_some()) {
                for user in users {
                    if !self.is_done(ledger, Kind::User, &user.username) {
                        let text = format!("{}: this person was deleted here", user.username);
                        self.leave_out(Kind::User, user.username, vec![Line { topic: Topic::PersonLeftOut, text }]);
                    }
                }
                continue;
            }
            accounts.push(Account {
                username: users[0].username.clone(),
                created_at: Timestamp::from_millis(users[0].created_at),
                has: row.as_ref().and_then(|row| row.label.as_deref()).and_then(|label| Label::assigned(label).ok()),
            });
            kept.push((subject, users, row.map(|row| row.id)));
        }
        // What is left of them belongs to people whom the original does not know.
        let taken: BTreeSet<Label> =
            here.values().filter_map(|row| row.label.as_deref()).filter_map(|label| Label::assigned(label).ok()).collect();
        let deals = import::deal_labels(&accounts, &taken);
        let mut owners = Owners::new();
        for ((subject, users, id), deal) in kept.into_iter().zip(deals) {
            let at = self.people.len();
            owners.extend(users.iter().map(|user| (user.username.clone(), at)));
            let person = self.person(subject, users, id, deal, options, ledger);
            self.people.push(person);
        }
        owners
    }

    fn person(
        &mut self,
        subject: Subject,
        users: Vec<OldUser>,
        id: Option<i64>,
        deal: Deal,
        options: &Options<'_>,
        ledger: &Ledger,
    ) -> Person {
        let oldest = users[0].username.clone();
        let mut entries = Vec::new();
        for user in &users {
            if self.is_done(ledger, Kind::User, &user.username) {
                continue;
            }
            let mut lines = Vec::new();
            if user.username != oldest {
                let text = format!("{} goes on as {oldest}", user.username);
                lines.push(Line { topic: Topic::OnePerson, text });
            } else if !matches!(deal, Deal::Keeps(_)) {
                lines.push(Line { topic: Topic::NoName, text: format!("{oldest}: {deal}") });
            }
            self.report.lines.extend(lines.iter().cloned());
            entries.push(Entry { kind: Kind::User, source: user.username.clone(), target: None, lines });
        }
        self.report.counts.new_people += usize::from(id.is_none());
        let account = users.into_iter().next().unwrap_or_else(|| unreachable!("a subject comes from a row"));
        let listed: Vec<String> = account.listed.split(',').map(|group| group.trim().to_owned()).collect();
        Person { subject, groups: options.groups.groups_of(&listed), account, deal, id, entries }
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
                    let name = names.entry(fqdn.clone()).or_insert_with(|| PlannedName { fqdn, owner, records: Vec::new() });
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
        self.people[person].label().is_some_and(|label| options.root.base(label).relative(fqdn).is_some())
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
        let out = |name: &str, why: &str| Line { topic: Topic::RecordLeftOut, text: format!("{}: {why}", what(name)) };
        let Some((username, person)) = old.owner.as_ref().and_then(|owner| Some((owner, *owners.get(owner)?))) else {
            return Err(out(&old.subdomain, "its account is missing or left out"));
        };
        let Some(rtype) = RecordType::parse(&old.rtype) else {
            return Err(out(&old.subdomain, "there are no records of this type here"));
        };
        let (fqdn, name_rule) = match import::read_name(&old.subdomain, username, options.root, rtype) {
            NameRead::Stays { fqdn, rule } => (fqdn, rule),
            NameRead::Impossible { fqdn } => return Err(out(&fqdn, "no zone holds such a name")),
            NameRead::Challenge { fqdn } => {
                return Err(Line { topic: Topic::Challenge, text: format!("{} of {username}", what(&fqdn)) });
            }
        };
        if old.challenge_id.is_some() {
            return Err(Line { topic: Topic::Challenge, text: format!("{} of {username}", what(&fqdn)) });
        }
        if taken.ids.contains(&old.id) {
            return Err(out(&fqdn, "a record made here has this number already; make this one by hand"));
        }
        if taken.names.contains(&fqdn) {
            return Err(out(&fqdn, "something was made here at this name since; make this one by hand"));
        }
        let value = import::read_value(rtype, &old.content);
        let hash = content_hash(&value.content);
        for there in names.get(&fqdn).map_or(&[][..], |name| name.records.as_slice()) {
            let there = &there.record;
            if (there.rtype, there.hash) == (rtype, hash) {
                return Err(out(&fqdn, &format!("the older record #{} says the same", there.id)));
            }
            if there.rtype == RecordType::Cname || rtype == RecordType::Cname {
                return Err(out(&fqdn, &format!("a CNAME stands alone, and #{} {} is older", there.id, there.rtype)));
            }
        }
        let mut lines = Vec::new();
        let mut line = |topic, why: &str| lines.push(Line { topic, text: format!("{} of {username}{why}", what(&fqdn)) });
        if !self.domain_of(person, &fqdn, options) {
            line(Topic::ElsewhereRecord, "");
        }
        match (&name_rule, &value.rule) {
            (_, Some(rule)) if !value.stands => line(Topic::NotInZone, &format!(": {rule}")),
            (Some(name), Some(rule)) => line(Topic::Rule, &format!(": {name}; {rule}")),
            (Some(name), None) => line(Topic::Rule, &format!(": {name}")),
            (None, Some(rule)) => line(Topic::Rule, &format!(": {rule}")),
            (None, None) => {}
        }
        let (expires_at, told) = match import::read_life(
            Timestamp::from_millis(old.expires_at),
            old.last_notified.map(Timestamp::from_millis),
            self.started,
        ) {
            Life::Untold => (Timestamp::from_millis(old.expires_at), None),
            Life::Told(at) => (Timestamp::from_millis(old.expires_at), Some(at)),
            Life::Ended => {
                line(Topic::Ended, &format!(", ended {}", Timestamp::from_millis(old.expires_at).date()));
                (self.started.plus(BACKLOG_MS), None)
            }
        };
        let refusal = (!value.stands).then(|| value.rule.map(|rule| rule.to_string()).unwrap_or_default());
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        let record = MovedRecord {
            id: old.id,
            rtype,
            typed: old.content,
            content: value.content,
            hash,
            priority: value.priority,
            ports: filled(old.ports),
            course: filled(old.course),
            description: filled(old.description),
            created_at: Timestamp::from_millis(old.created_at),
            updated_at: Timestamp::from_millis(old.updated_at),
            expires_at,
            told,
            refusal,
        };
        Ok((fqdn, PlannedRecord { person, record, lines }))
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
        let ids: Vec<Id> =
            sql::all(on, "SELECT id FROM dns_records UNION SELECT record_id AS id FROM record_history", vec![]).await?;
        let names: Vec<Name> = sql::all(on, "SELECT fqdn FROM names", vec![]).await?;
        Ok(Self { ids: ids.into_iter().map(|row| row.id).collect(), names: names.into_iter().map(|row| row.fqdn).collect() })
    }
}
