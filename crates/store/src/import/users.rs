//! Plans the import of users. Reads the existing users and writes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sea_orm::{ConnectionTrait, FromQueryResult};
use starchart_domain::import::{self, ImportedAccount, LabelAssignment};
use starchart_domain::names::Label;
use starchart_domain::time::Timestamp;
use starchart_domain::user::{Groups, Subject};

use super::Options;
use super::ledger::{Entry, Kind, Ledger};
use super::plan::{Owners, Plan};
use super::read::OldUser;
use super::report::{Line, Topic};
use crate::{Error, sql};

/// A user of the original's database.
pub(super) struct PlannedUser {
    pub(super) subject: Subject,
    /// The account in the original's database; of several accounts the oldest.
    pub(super) account: OldUser,
    pub(super) groups: Groups,
    pub(super) deal: LabelAssignment,
    /// The id of the existing user; none if the import creates one.
    pub(super) id: Option<i64>,
    /// The results to record, one per account; empty if all are done.
    pub(super) entries: Vec<Entry>,
}

impl PlannedUser {
    /// Returns the label that the user has or will get.
    pub(super) fn label(&self) -> Option<&Label> {
        match &self.deal {
            LabelAssignment::FromUsername(label) | LabelAssignment::AlreadyAssigned(label) => {
                Some(label)
            }
            _ => None,
        }
    }
}

/// An existing user.
#[derive(FromQueryResult)]
pub(super) struct Here {
    id: i64,
    subject: String,
    label: Option<String>,
    deleted_at: Option<i64>,
}

/// Reads all existing users, also deleted ones.
pub(super) async fn here(on: &impl ConnectionTrait) -> Result<Vec<Here>, Error> {
    sql::all(
        on,
        "SELECT id, subject, label, deleted_at FROM users",
        vec![],
    )
    .await
}

impl Plan {
    /// Plans all users, and returns the index of each user name in the plan.
    pub(super) fn add_people(
        &mut self,
        mut users: Vec<OldUser>,
        here: Vec<Here>,
        options: &Options<'_>,
        ledger: &Ledger,
    ) -> Owners {
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
                    self.leave_out(
                        Kind::User,
                        username,
                        vec![Line {
                            topic: Topic::PersonLeftOut,
                            text,
                        }],
                    );
                }
            }
        }
        let mut here: HashMap<String, Here> = here
            .into_iter()
            .map(|row| (row.subject.clone(), row))
            .collect();
        let (mut kept, mut accounts) = (Vec::new(), Vec::new());
        for (subject, users) in by_subject {
            let row = here.remove(subject.as_str());
            if row.as_ref().is_some_and(|row| row.deleted_at.is_some()) {
                for user in users {
                    if !self.is_done(ledger, Kind::User, &user.username) {
                        let text = format!("{}: this person was deleted here", user.username);
                        self.leave_out(
                            Kind::User,
                            user.username,
                            vec![Line {
                                topic: Topic::PersonLeftOut,
                                text,
                            }],
                        );
                    }
                }
                continue;
            }
            accounts.push(ImportedAccount {
                username: users[0].username.clone(),
                created_at: Timestamp::from_millis(users[0].created_at),
                existing_label: row
                    .as_ref()
                    .and_then(|row| row.label.as_deref())
                    .and_then(|label| Label::parse_assigned(label).ok()),
            });
            kept.push((subject, users, row.map(|row| row.id)));
        }
        // The rest are users that the original's database does not have.
        let taken: BTreeSet<Label> = here
            .values()
            .filter_map(|row| row.label.as_deref())
            .filter_map(|label| Label::parse_assigned(label).ok())
            .collect();
        let deals = import::assign_labels(&accounts, &taken);
        let mut owners = Owners::new();
        for ((subject, users, id), deal) in kept.into_iter().zip(deals) {
            let at = self.users.len();
            owners.extend(users.iter().map(|user| (user.username.clone(), at)));
            let person = self.person(subject, users, id, deal, options, ledger);
            self.users.push(person);
        }
        owners
    }

    fn person(
        &mut self,
        subject: Subject,
        users: Vec<OldUser>,
        id: Option<i64>,
        deal: LabelAssignment,
        options: &Options<'_>,
        ledger: &Ledger,
    ) -> PlannedUser {
        let oldest = users[0].username.clone();
        let mut entries = Vec::new();
        for user in &users {
            if self.is_done(ledger, Kind::User, &user.username) {
                continue;
            }
            let mut lines = Vec::new();
            if user.username != oldest {
                let text = format!("{} goes on as {oldest}", user.username);
                lines.push(Line {
                    topic: Topic::OnePerson,
                    text,
                });
            } else if !matches!(deal, LabelAssignment::FromUsername(_)) {
                lines.push(Line {
                    topic: Topic::NoName,
                    text: format!("{oldest}: {deal}"),
                });
            }
            self.report.lines.extend(lines.iter().cloned());
            entries.push(Entry {
                kind: Kind::User,
                source: user.username.clone(),
                target: None,
                lines,
            });
        }
        self.report.counts.new_people += usize::from(id.is_none());
        let account = users
            .into_iter()
            .next()
            .unwrap_or_else(|| unreachable!("a subject comes from a row"));
        let listed: Vec<String> = account
            .listed
            .split(',')
            .map(|group| group.trim().to_owned())
            .collect();
        PlannedUser {
            subject,
            groups: options.groups.groups_of(&listed),
            account,
            deal,
            id,
            entries,
        }
    }
}
