//! The lists of words and labels: what admins add and remove, and whose names have the words.

use std::collections::BTreeMap;

use sea_orm::{
    ColumnTrait, EntityTrait, JoinType, NotSet, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, RelationDef, RelationTrait, Set,
};
use starchart_domain::names::RootDomain;
use starchart_domain::names::idn::to_unicode;
use starchart_domain::time::Timestamp;
use starchart_domain::words::{ListKind, WordFilter};

use super::Admin;
use crate::entity::listed_word::{ActiveModel, Column, Entity, Kind, Relation, Scope};
use crate::entity::{dns_record, name, user};
use crate::error::busy_if_duplicate;
use crate::trail::Action;
use crate::{Error, Store, trail};

/// How many entries admins can add. A list that is longer belongs into a file.
pub const ADDED_WORDS_MAX: u64 = 1_000;

/// An entry that an admin added to a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedWord {
    /// The id of its row.
    pub id: i64,
    /// The list that it is on.
    pub kind: ListKind,
    /// The word, phrase or label.
    pub entry: String,
    /// The user name of the admin.
    pub added_by: String,
    /// When it was added.
    pub added_at: Timestamp,
}

/// What came of adding an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addition {
    /// The entry holds now.
    Added,
    /// The entry was on this list already, and nothing was changed.
    Listed(ListKind),
    /// There are [`ADDED_WORDS_MAX`] entries already.
    Full,
}

/// A name in use that has a refused word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameInUse {
    /// The full name, without a trailing dot.
    pub fqdn: String,
    /// The user name of its owner.
    pub username: String,
    /// How many records it has.
    pub records: u64,
    /// The word as it is in the list.
    pub word: String,
}

/// Lists the entries that admins added, by list and entry.
pub async fn list_words(store: &Store, _: &Admin) -> Result<Vec<ListedWord>, Error> {
    type Row = (i64, Kind, String, String, i64);
    let rows: Vec<Row> = Entity::find()
        .select_only()
        .column(Column::Id)
        .column(Column::Kind)
        .column(Column::Entry)
        .column(user::Column::Username)
        .column(Column::AddedAt)
        .join(JoinType::InnerJoin, Relation::AddedBy.def())
        .order_by_asc(Column::Kind)
        .order_by_asc(Column::Entry)
        .into_tuple()
        .all(store.reader())
        .await?;
    let word = |(id, kind, entry, added_by, added_at): Row| ListedWord {
        id,
        kind: kind.into(),
        entry,
        added_by,
        added_at: Timestamp::from_millis(added_at),
    };
    Ok(rows.into_iter().map(word).collect())
}

/// Adds an entry to a list. A word is never both refused and allowed.
pub async fn add_word(
    store: &Store,
    admin: &Admin,
    kind: ListKind,
    entry: &str,
    request_id: &str,
) -> Result<Addition, Error> {
    store
        .write(|tx| async move {
            let same = Entity::find()
                .filter(Column::Scope.eq(Scope::from(kind)))
                .filter(Column::Entry.eq(entry))
                .one(tx.db())
                .await?;
            if let Some(row) = same {
                return Ok(Addition::Listed(row.kind.into()));
            }
            if Entity::find().count(tx.db()).await? >= ADDED_WORDS_MAX {
                return Ok(Addition::Full);
            }
            let row = ActiveModel {
                id: NotSet,
                scope: Set(kind.into()),
                kind: Set(kind.into()),
                entry: Set(entry.to_owned()),
                added_by: Set(admin.id().0),
                added_at: Set(tx.now().await?.as_millis()),
            };
            let insert = Entity::insert(row).exec_without_returning(tx.db());
            insert.await.map_err(busy_if_duplicate)?;
            let context = admin.audit_context(request_id);
            trail::write(&tx, &context, Action::WordAdd, entry, kind.as_str()).await?;
            Ok(Addition::Added)
        })
        .await
}

/// Removes an entry, and returns it as it was; `None` when another admin has removed it.
pub async fn remove_word(
    store: &Store,
    admin: &Admin,
    id: i64,
    request_id: &str,
) -> Result<Option<(ListKind, String)>, Error> {
    store
        .write(|tx| async move {
            let Some(row) = Entity::find_by_id(id).one(tx.db()).await? else {
                return Ok(None);
            };
            let deleted = Entity::delete_by_id(id).exec(tx.db()).await?;
            if deleted.rows_affected == 0 {
                return Ok(None);
            }
            let kind = ListKind::from(row.kind);
            let context = admin.audit_context(request_id);
            trail::write(&tx, &context, Action::WordRemove, &row.entry, kind.as_str()).await?;
            Ok(Some((kind, row.entry)))
        })
        .await
}

/// Lists the names with records in which `words` finds a word: they stay, and a new record cannot
/// have such a name.
pub async fn list_names_in_use(
    store: &Store,
    _: &Admin,
    root: &RootDomain,
    words: &WordFilter,
) -> Result<Vec<NameInUse>, Error> {
    let owner: RelationDef = name::Entity::belongs_to(user::Entity)
        .from(name::Column::UserId)
        .to(user::Column::Id)
        .into();
    let rows: Vec<(String, String, i64)> = name::Entity::find()
        .select_only()
        .column(name::Column::Fqdn)
        .column(user::Column::Username)
        .column_as(dns_record::Column::Id.count(), "records")
        .join(JoinType::InnerJoin, owner)
        .join(JoinType::InnerJoin, dns_record::Relation::Name.def().rev())
        .group_by(name::Column::Fqdn)
        .group_by(user::Column::Username)
        .order_by_asc(name::Column::Fqdn)
        .into_tuple()
        .all(store.reader())
        .await?;
    let found = rows.into_iter().filter_map(|(fqdn, username, records)| {
        let base = root.base(&root.label_of(&fqdn)?);
        let relative = base.relative(&fqdn)?;
        let shown = to_unicode(relative);
        let found = words.find_in(shown.as_deref().unwrap_or(relative))?;
        Some(NameInUse {
            username,
            records: u64::try_from(records).unwrap_or_default(),
            word: found.word,
            fqdn,
        })
    });
    Ok(found.collect())
}

/// Lists the users who have one of these labels, unless deleted: the user name by label.
pub async fn list_label_holders(
    store: &Store,
    _: &Admin,
    labels: &[&str],
) -> Result<BTreeMap<String, String>, Error> {
    if labels.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(String, String)> = user::Entity::find()
        .select_only()
        .column(user::Column::Label)
        .column(user::Column::Username)
        .filter(user::Column::Label.is_in(labels.iter().copied()))
        .filter(user::Column::DeletedAt.is_null())
        .into_tuple()
        .all(store.reader())
        .await?;
    Ok(rows.into_iter().collect())
}
