//! Plans the import of users.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::iter;

use sea_orm::{ConnectionTrait, DerivePartialModel, EntityTrait};
use starchart_domain::import::{self, ImportedAccount, LabelAssignment};
use starchart_domain::names::Label;
use starchart_domain::time::Timestamp;
use starchart_domain::user::Subject;

use super::model::{Owners, Plan, PlannedUser};
use crate::Error;
use crate::entity::user;
use crate::import::Options;
use crate::import::ledger::{Kind, Ledger, LedgerEntry};
use crate::import::read::OldUser;
use crate::import::report::{Line, Topic};

/// A user of this database.
#[derive(DerivePartialModel)]
#[sea_orm(entity = "user::Entity")]
pub(super) struct ExistingUser {
    id: i64,
    subject: String,
    label: Option<String>,
    deleted_at: Option<i64>,
}

impl ExistingUser {
    fn label(&self) -> Option<Label> {
        Label::parse(self.label.as_deref()?).ok()
    }
}

/// Lists all users of this database, also deleted ones.
pub(super) async fn list_existing(on: &impl ConnectionTrait) -> Result<Vec<ExistingUser>, Error> {
    Ok(user::Entity::find().into_partial_model().all(on).await?)
}

/// The accounts of one subject, and the id of the user who exists already.
struct Accounts {
    subject: Subject,
    oldest: OldUser,
    newer: Vec<OldUser>,
    id: Option<i64>,
}

/// Plans all users, and returns the index of each user name in the plan.
pub(super) fn add(
    plan: &mut Plan,
    users: Vec<OldUser>,
    existing: Vec<ExistingUser>,
    options: &Options<'_>,
    ledger: &Ledger,
) -> Owners {
    plan.report.counts.users = users.len();
    let mut existing: HashMap<String, ExistingUser> = existing
        .into_iter()
        .map(|row| (row.subject.clone(), row))
        .collect();
    let mut kept = Vec::new();
    let mut accounts = Vec::new();
    for (subject, users) in by_subject(plan, users, ledger) {
        let row = existing.remove(subject.as_str());
        if row.as_ref().is_some_and(|row| row.deleted_at.is_some()) {
            for user in users {
                let why = format!("{}: this user was deleted here", user.username);
                leave_out(plan, ledger, user.username, why);
            }
            continue;
        }
        let mut users = users.into_iter();
        let Some(oldest) = users.next() else {
            continue;
        };
        accounts.push(ImportedAccount {
            username: oldest.username.clone(),
            created_at: Timestamp::from_millis(oldest.created_at),
            existing_label: row.as_ref().and_then(ExistingUser::label),
        });
        kept.push(Accounts {
            subject,
            oldest,
            newer: users.collect(),
            id: row.map(|row| row.id),
        });
    }
    // The rest are users that the original's database does not have.
    let taken: BTreeSet<Label> = existing.values().filter_map(ExistingUser::label).collect();
    let assignments = import::assign_labels(&accounts, &taken, options.reserved);
    let mut owners = Owners::new();
    for (accounts, assignment) in kept.into_iter().zip(assignments) {
        let at = plan.users.len();
        let users = iter::once(&accounts.oldest).chain(&accounts.newer);
        let usernames = users.map(|user| user.username.clone());
        owners.extend(usernames.map(|username| (username, at)));
        let user = plan_user(plan, accounts, assignment, options, ledger);
        plan.users.push(user);
    }
    owners
}

/// Groups accounts by the user who signs in to them, the oldest account first.
fn by_subject(
    plan: &mut Plan,
    mut users: Vec<OldUser>,
    ledger: &Ledger,
) -> BTreeMap<Subject, Vec<OldUser>> {
    users.sort_by(|a, b| (a.created_at, &a.username).cmp(&(b.created_at, &b.username)));
    let mut by_subject: BTreeMap<Subject, Vec<OldUser>> = BTreeMap::new();
    for user in users {
        match Subject::parse(&user.username) {
            Ok(subject) => by_subject.entry(subject).or_default().push(user),
            Err(_) => {
                let why = format!(
                    "{:?}: nobody can sign in with this user name",
                    user.username
                );
                leave_out(plan, ledger, user.username, why);
            }
        }
    }
    by_subject
}

/// Leaves an account out, unless an earlier import is done with it.
fn leave_out(plan: &mut Plan, ledger: &Ledger, username: String, text: String) {
    if !plan.is_done(ledger, Kind::User, &username) {
        let line = Line {
            topic: Topic::AccountLeftOut,
            text,
        };
        plan.leave_out(Kind::User, username, vec![line]);
    }
}

fn plan_user(
    plan: &mut Plan,
    accounts: Accounts,
    assignment: LabelAssignment,
    options: &Options<'_>,
    ledger: &Ledger,
) -> PlannedUser {
    let Accounts {
        subject,
        oldest,
        newer,
        id,
    } = accounts;
    let mut entries = Vec::new();
    for user in iter::once(&oldest).chain(&newer) {
        if plan.is_done(ledger, Kind::User, &user.username) {
            continue;
        }
        let mut lines = Vec::new();
        if user.username != oldest.username {
            lines.push(Line {
                topic: Topic::SharedSubject,
                text: format!("{} goes on as {}", user.username, oldest.username),
            });
        } else if !matches!(assignment, LabelAssignment::FromUsername(_)) {
            lines.push(Line {
                topic: Topic::NoName,
                text: format!("{}: {assignment}", oldest.username),
            });
        }
        plan.report.lines.extend(lines.iter().cloned());
        entries.push(LedgerEntry {
            kind: Kind::User,
            source: user.username.clone(),
            target: None,
            lines,
        });
    }
    plan.report.counts.new_users += usize::from(id.is_none());
    let listed: Vec<String> = oldest
        .listed
        .split(',')
        .map(|group| group.trim().to_owned())
        .collect();
    PlannedUser {
        subject,
        groups: options.groups.groups_of(&listed),
        account: oldest,
        assignment,
        id,
        entries,
    }
}
