//! People: created and renewed at sign-in; one label each.

use std::collections::HashMap;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, NotSet, QueryFilter, QuerySelect, Set, UpdateMany,
};
use starchart_domain::names::Label;
use starchart_domain::time::Timestamp;
use starchart_domain::user::{Groups, Identity, Subject, UserId};

use crate::entity::user::{self, Column};
use crate::error::{Refusal, busy_if_taken, is_taken};
use crate::tx::Tx;
use crate::{Error, Store, sql};

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The row.
    pub id: UserId,
    /// The immutable key from the identity provider.
    pub subject: Subject,
    /// The subject as the identity provider wrote it.
    pub username: String,
    /// The name to greet by.
    pub display_name: String,
    /// Where mail goes; not unique.
    pub email: String,
    /// The groups at the last sign-in.
    pub groups: Groups,
    /// The person's own label; none until it is chosen.
    pub label: Option<Label>,
    /// The first sign-in.
    pub created_at: Timestamp,
}

/// Why somebody may not sign in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// An admin has suspended this person.
    #[error("suspended")]
    Suspended,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] Error),
}

/// Why a label was not given.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Somebody else has or had it.
    #[error("this name is taken")]
    Taken,
    /// The person has a label already, maybe from another browser window a moment ago.
    #[error("a name was chosen already")]
    AlreadyHas,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] Error),
}

/// Creates the person at the first sign-in, renews name, mail and groups at every other. A person
/// who was deleted and comes back gets the tombstone's row and label again.
pub async fn sign_in(store: &Store, identity: &Identity) -> Result<User, SignInError> {
    store.write(|tx| sign_in_within(tx, identity)).await
}

async fn sign_in_within(tx: Tx, identity: &Identity) -> Result<User, SignInError> {
    let now = tx.now().await?.as_millis();
    let subject = identity.subject.as_str();
    let seen = user::ActiveModel {
        username: Set(sql::cut(&identity.username, 191)),
        display_name: Set(sql::cut(&identity.display_name, 255)),
        email: Set(sql::cut(&identity.email, 320)),
        is_student: Set(identity.groups.student),
        is_faculty: Set(identity.groups.faculty),
        is_admin: Set(identity.groups.admin),
        updated_at: Set(now),
        deleted_at: Set(None),
        ..Default::default()
    };
    let renew = locking_update()
        .set(seen.clone())
        .filter(Column::Subject.eq(subject));
    if renew
        .exec(tx.db())
        .await
        .map_err(Error::from)?
        .rows_affected
        == 0
    {
        let new = user::ActiveModel {
            subject: Set(subject.to_owned()),
            created_at: Set(now),
            ..seen
        };
        // The same person signs in twice at once: the next try finds the row.
        user::Entity::insert(new)
            .exec_without_returning(tx.db())
            .await
            .map_err(busy_if_taken)?;
    }
    let row = user::Entity::find()
        .filter(Column::Subject.eq(subject))
        .one(tx.db())
        .await
        .map_err(Error::from)?;
    let row = row.ok_or_else(|| Error::Corrupt(format!("no row for subject {subject}")))?;
    if row.suspended_at.is_some() {
        return Err(SignInError::Suspended);
    }
    Ok(row.try_into()?)
}

/// The person, unless deleted or suspended.
pub async fn get(store: &Store, id: UserId) -> Result<Option<User>, Error> {
    let active = Column::DeletedAt
        .is_null()
        .and(Column::SuspendedAt.is_null());
    let row = user::Entity::find_by_id(id.0)
        .filter(active)
        .one(store.reader())
        .await?;
    row.map(User::try_from).transpose()
}

/// The person of this subject, unless deleted.
pub(crate) async fn by_subject(store: &Store, subject: &Subject) -> Result<Option<User>, Error> {
    let of_subject = user::Entity::find().filter(Column::Subject.eq(subject.as_str()));
    let row = of_subject
        .filter(Column::DeletedAt.is_null())
        .one(store.reader())
        .await?;
    row.map(User::try_from).transpose()
}

/// Gives the person this label for good.
pub async fn claim_label(store: &Store, id: UserId, label: &Label) -> Result<(), ClaimError> {
    store.write(|tx| claim_within(tx, id, label)).await
}

async fn claim_within(tx: Tx, id: UserId, label: &Label) -> Result<(), ClaimError> {
    let claim = locking_update()
        .col_expr(Column::Label, Expr::value(label.as_str()))
        .filter(Column::Id.eq(id.0))
        .filter(Column::Label.is_null());
    match claim.exec(tx.db()).await {
        Ok(done) if done.rows_affected == 1 => Ok(()),
        Ok(_) => Err(ClaimError::AlreadyHas),
        Err(fault) if is_taken(&fault) => Err(ClaimError::Taken),
        Err(fault) => Err(Error::from(fault).into()),
    }
}

/// Those of the labels that nobody has or had, in the same order.
pub async fn free_of(store: &Store, labels: &[Label]) -> Result<Vec<Label>, Error> {
    let of_somebody =
        user::Entity::find().filter(Column::Label.is_in(labels.iter().map(Label::as_str)));
    let taken: Vec<String> = of_somebody
        .select_only()
        .column(Column::Label)
        .into_tuple()
        .all(store.reader())
        .await?;
    Ok(labels
        .iter()
        .filter(|label| !taken.iter().any(|taken| taken == label.as_str()))
        .cloned()
        .collect())
}

/// A person who comes from another application's database.
pub(crate) struct MovedUser<'a> {
    pub(crate) subject: &'a str,
    pub(crate) username: &'a str,
    pub(crate) display_name: &'a str,
    pub(crate) email: &'a str,
    pub(crate) groups: Groups,
    /// The label to give.
    pub(crate) label: Option<&'a Label>,
    pub(crate) created_at: i64,
}

/// A moved person's row.
pub(crate) struct MovedRow {
    pub(crate) id: UserId,
    /// Whether it has a label.
    pub(crate) has_label: bool,
}

/// Writes people, in one statement, and gives their rows in the same order. Whoever is here stays
/// as they are, but gets the label if they have none. A label that somebody has or had stays with
/// them.
pub(crate) async fn put_users(
    tx: &Tx,
    people: &[MovedUser<'_>],
    now: Timestamp,
) -> Result<Vec<MovedRow>, Error> {
    let wanted = people
        .iter()
        .filter_map(|person| person.label)
        .map(Label::as_str);
    let of_somebody = user::Entity::find()
        .filter(Column::Label.is_in(wanted))
        .select_only()
        .column(Column::Label);
    let taken: Vec<String> = of_somebody.into_tuple().all(tx.db()).await?;
    let here = moved_rows(tx, people).await?;
    let new: Vec<user::ActiveModel> = people
        .iter()
        .filter(|person| !here.contains_key(person.subject))
        .map(|person| user::ActiveModel {
            id: NotSet,
            subject: Set(person.subject.to_owned()),
            username: Set(sql::cut(person.username, 191)),
            display_name: Set(sql::cut(person.display_name, 255)),
            email: Set(sql::cut(person.email, 320)),
            is_student: Set(person.groups.student),
            is_faculty: Set(person.groups.faculty),
            is_admin: Set(person.groups.admin),
            label: Set(free(person, &taken).map(str::to_owned)),
            lock_version: Set(0),
            created_at: Set(person.created_at),
            updated_at: Set(now.as_millis()),
            suspended_at: Set(None),
            deleted_at: Set(None),
        })
        .collect();
    if !new.is_empty() {
        user::Entity::insert_many(new)
            .exec_without_returning(tx.db())
            .await
            .map_err(busy_if_taken)?;
    }
    for person in people.iter().filter(|person| {
        here.get(person.subject)
            .is_some_and(|(_, label)| label.is_none())
    }) {
        if let Some(label) = free(person, &taken) {
            let give = locking_update()
                .col_expr(Column::Label, Expr::value(label))
                .filter(Column::Subject.eq(person.subject));
            give.filter(Column::Label.is_null())
                .exec(tx.db())
                .await
                .map_err(busy_if_taken)?;
        }
    }
    let rows = moved_rows(tx, people).await?;
    let row = |person: &MovedUser<'_>| match rows.get(person.subject) {
        Some((id, label)) => Ok(MovedRow {
            id: UserId(*id),
            has_label: label.is_some(),
        }),
        None => Err(Error::Corrupt(format!(
            "no row for subject {}",
            person.subject
        ))),
    };
    people.iter().map(row).collect()
}

fn free<'a>(person: &MovedUser<'a>, taken: &[String]) -> Option<&'a str> {
    person
        .label
        .map(Label::as_str)
        .filter(|label| !taken.iter().any(|taken| taken == label))
}

/// The rows of those who are here: by subject, the id and the label.
async fn moved_rows(
    tx: &Tx,
    people: &[MovedUser<'_>],
) -> Result<HashMap<String, (i64, Option<String>)>, Error> {
    let look = user::Entity::find()
        .filter(Column::Subject.is_in(people.iter().map(|person| person.subject)))
        .select_only();
    let look = look
        .column(Column::Subject)
        .column(Column::Id)
        .column(Column::Label);
    let rows: Vec<(String, i64, Option<String>)> = look.into_tuple().all(tx.db()).await?;
    Ok(rows
        .into_iter()
        .map(|(subject, id, label)| (subject, (id, label)))
        .collect())
}

/// Locks the person's row, the anchor of everything that writes below it; false: no such person.
pub(crate) async fn lock(tx: &Tx, id: UserId) -> Result<bool, Error> {
    let lock = locking_update()
        .filter(Column::Id.eq(id.0))
        .filter(Column::DeletedAt.is_null());
    Ok(lock.exec(tx.db()).await?.rows_affected == 1)
}

/// Makes a tombstone of the person, whose row is locked: user name and label stay taken, what else
/// was known is forgotten.
pub(crate) async fn bury(tx: &Tx, id: UserId, now: Timestamp) -> Result<Subject, Error> {
    let tombstone = user::ActiveModel {
        display_name: Set(String::new()),
        email: Set(String::new()),
        is_student: Set(false),
        is_faculty: Set(false),
        is_admin: Set(false),
        updated_at: Set(now.as_millis()),
        deleted_at: Set(Some(now.as_millis())),
        ..Default::default()
    };
    user::Entity::update_many()
        .set(tombstone)
        .filter(Column::Id.eq(id.0))
        .exec(tx.db())
        .await?;
    let row = user::Entity::find_by_id(id.0).one(tx.db()).await?;
    let row = row.ok_or_else(|| Error::Corrupt(format!("user {id} vanished")))?;
    Subject::parse(&row.subject).map_err(|_| Error::Corrupt(format!("subject of user {id}")))
}

/// Locks these people's rows, in the order of their ids, whether they are still there or gone.
pub(crate) async fn lock_all(tx: &Tx, ids: &[UserId]) -> Result<(), Error> {
    locking_update()
        .filter(Column::Id.is_in(ids.iter().map(|id| id.0)))
        .exec(tx.db())
        .await?;
    Ok(())
}

/// An UPDATE that counts up `lock_version`, and so locks its row whatever else it changes.
fn locking_update() -> UpdateMany<user::Entity> {
    user::Entity::update_many().col_expr(Column::LockVersion, Expr::col(Column::LockVersion).add(1))
}

impl TryFrom<user::Model> for User {
    type Error = Error;

    fn try_from(row: user::Model) -> Result<Self, Error> {
        let id = row.id;
        let label = row.label.as_deref().map(Label::parse_assigned).transpose();
        Ok(Self {
            id: UserId(id),
            subject: Subject::parse(&row.subject)
                .map_err(|_| Error::Corrupt(format!("subject of user {id}")))?,
            username: row.username,
            display_name: row.display_name,
            email: row.email,
            groups: Groups {
                student: row.is_student,
                faculty: row.is_faculty,
                admin: row.is_admin,
            },
            label: label.map_err(|_| Error::Corrupt(format!("label of user {id}")))?,
            created_at: Timestamp::from_millis(row.created_at),
        })
    }
}

impl Refusal for SignInError {
    fn fault(&self) -> Option<&Error> {
        match self {
            Self::Db(fault) => Some(fault),
            Self::Suspended => None,
        }
    }
}

impl Refusal for ClaimError {
    fn fault(&self) -> Option<&Error> {
        match self {
            Self::Db(fault) => Some(fault),
            Self::Taken | Self::AlreadyHas => None,
        }
    }
}
