//! Users: created and updated at sign-in, each with at most one label.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect, Set, UpdateMany};
use starchart_domain::names::Label;
use starchart_domain::time::Timestamp;
use starchart_domain::user::{Groups, Identity, Subject, UserId};

use crate::entity::user::{self, Column};
use crate::error::{TransactionError, busy_if_duplicate, is_unique_violation};
use crate::tx::Tx;
use crate::{Error, Store, sql};

/// A user, created at the first sign-in or by an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The key of the user's row.
    pub id: UserId,
    /// The immutable key from the identity provider.
    pub subject: Subject,
    /// The subject as the identity provider spells it.
    pub username: String,
    /// The full name, used in greetings.
    pub display_name: String,
    /// The address that mail goes to; not unique.
    pub email: String,
    /// The groups at the last sign-in.
    pub groups: Groups,
    /// The label of the user's base domain; none until it is assigned.
    pub label: Option<Label>,
    /// The time of the first sign-in.
    pub created_at: Timestamp,
}

/// Why a sign-in was refused.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// An operator has suspended the user, in the database.
    #[error("the user is suspended")]
    Suspended,
    /// The database failed to read or write the rows.
    #[error(transparent)]
    Db(#[from] Error),
}

/// Why a label was not assigned.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Another user, maybe a deleted one, has the label.
    #[error("this name is taken")]
    Taken,
    /// The user has a label, possibly since a moment ago in another browser window.
    #[error("a name was chosen already")]
    AlreadyHas,
    /// The database failed to read or write the rows.
    #[error(transparent)]
    Db(#[from] Error),
}

/// Creates the user at the first sign-in and updates name, e-mail and groups at every later one. A
/// deleted user who signs in again gets the tombstone's row and label.
pub async fn sign_in(store: &Store, identity: &Identity) -> Result<User, SignInError> {
    store
        .write(|tx| async move {
            let now = tx.now().await?.as_millis();
            let subject = identity.subject.as_str();
            let current = user::ActiveModel {
                username: Set(sql::cut(&identity.username, 191)),
                display_name: Set(sql::cut(&identity.display_name, 255)),
                email: Set(sql::cut(&identity.email, 320)),
                is_student: Set(identity.groups.student),
                is_faculty: Set(identity.groups.faculty),
                is_admin: Set(identity.groups.admin),
                groups_not_sent: Set(identity.groups.not_sent),
                updated_at: Set(now),
                deleted_at: Set(None),
                ..Default::default()
            };
            let update = locking_update()
                .set(current.clone())
                .filter(Column::Subject.eq(subject));
            if update
                .exec(tx.db())
                .await
                .map_err(Error::from)?
                .rows_affected
                == 0
            {
                let new = user::ActiveModel {
                    subject: Set(subject.to_owned()),
                    created_at: Set(now),
                    ..current
                };
                // A concurrent sign-in of the same user inserted the row: the retry finds it.
                user::Entity::insert(new)
                    .exec_without_returning(tx.db())
                    .await
                    .map_err(busy_if_duplicate)?;
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
        })
        .await
}

/// Finds the user, unless deleted or suspended.
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

/// Finds the user with this subject, unless deleted.
pub(crate) async fn find_by_subject(
    store: &Store,
    subject: &Subject,
) -> Result<Option<User>, Error> {
    let of_subject = user::Entity::find().filter(Column::Subject.eq(subject.as_str()));
    let row = of_subject
        .filter(Column::DeletedAt.is_null())
        .one(store.reader())
        .await?;
    row.map(User::try_from).transpose()
}

/// Finds the user with this subject or, if there is none, with this label, unless deleted. For
/// commands of an operator, who types either.
pub async fn find_by_name(store: &Store, name: &str) -> Result<Option<User>, Error> {
    let by_subject = match Subject::parse(name) {
        Ok(subject) => find_by_subject(store, &subject).await?,
        Err(_) => None,
    };
    let Some(label) = Label::parse(name).ok().filter(|_| by_subject.is_none()) else {
        return Ok(by_subject);
    };
    let of_label = user::Entity::find().filter(Column::Label.eq(label.as_str()));
    let row = of_label
        .filter(Column::DeletedAt.is_null())
        .one(store.reader())
        .await?;
    row.map(User::try_from).transpose()
}

/// Assigns the label to the user; it never changes afterwards.
pub async fn claim_label(store: &Store, id: UserId, label: &Label) -> Result<(), ClaimError> {
    store
        .write(|tx| async move {
            let claim = locking_update()
                .col_expr(Column::Label, Expr::value(label.as_str()))
                .filter(Column::Id.eq(id.0))
                .filter(Column::Label.is_null());
            match claim.exec(tx.db()).await {
                Ok(done) if done.rows_affected == 1 => Ok(()),
                Ok(_) => Err(ClaimError::AlreadyHas),
                Err(fault) if is_unique_violation(&fault) => Err(ClaimError::Taken),
                Err(fault) => Err(Error::from(fault).into()),
            }
        })
        .await
}

/// Returns the labels that no user has or had, in the same order.
pub async fn filter_free_labels(store: &Store, labels: &[Label]) -> Result<Vec<Label>, Error> {
    let assigned =
        user::Entity::find().filter(Column::Label.is_in(labels.iter().map(Label::as_str)));
    let taken: Vec<String> = assigned
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

/// Locks the user's row, the first lock of every transaction on the user's rows. Returns false if
/// there is no such user.
pub(crate) async fn lock(tx: &Tx, id: UserId) -> Result<bool, Error> {
    let lock = locking_update()
        .filter(Column::Id.eq(id.0))
        .filter(Column::DeletedAt.is_null());
    Ok(lock.exec(tx.db()).await?.rows_affected == 1)
}

/// Turns the user, whose row is locked, into a tombstone: subject, user name and label stay, the
/// other personal data are erased.
pub(crate) async fn tombstone(tx: &Tx, id: UserId, now: Timestamp) -> Result<Subject, Error> {
    let tombstone = user::ActiveModel {
        display_name: Set(String::new()),
        email: Set(String::new()),
        is_student: Set(false),
        is_faculty: Set(false),
        is_admin: Set(false),
        groups_not_sent: Set(false),
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

/// Locks these users' rows in the order of their ids, including tombstones.
pub(crate) async fn lock_all(tx: &Tx, ids: &[UserId]) -> Result<(), Error> {
    locking_update()
        .filter(Column::Id.is_in(ids.iter().map(|id| id.0)))
        .exec(tx.db())
        .await?;
    Ok(())
}

/// Builds an UPDATE that increments `lock_version`, which locks the row whatever else it sets.
pub(crate) fn locking_update() -> UpdateMany<user::Entity> {
    user::Entity::update_many().col_expr(Column::LockVersion, Expr::col(Column::LockVersion).add(1))
}

impl TryFrom<user::Model> for User {
    type Error = Error;

    fn try_from(row: user::Model) -> Result<Self, Error> {
        let id = row.id;
        let label = row.label.as_deref().map(Label::parse).transpose();
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
                not_sent: row.groups_not_sent,
            },
            label: label.map_err(|_| Error::Corrupt(format!("label of user {id}")))?,
            created_at: Timestamp::from_millis(row.created_at),
        })
    }
}

impl TransactionError for SignInError {
    fn store_error(&self) -> Option<&Error> {
        match self {
            Self::Db(fault) => Some(fault),
            Self::Suspended => None,
        }
    }
}

impl TransactionError for ClaimError {
    fn store_error(&self) -> Option<&Error> {
        match self {
            Self::Db(fault) => Some(fault),
            Self::Taken | Self::AlreadyHas => None,
        }
    }
}
