//! Locks names: the only way to change the records and challenge values of a name (I5).

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::{Alias, Expr, Func, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    SelectExt, Set,
};
use starchart_domain::certificate::CHALLENGE_TYPE;
use starchart_domain::record::{NameClass, RecordType};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use super::RecordError;
use crate::Error;
use crate::entity::class::Class;
use crate::entity::name::{self, Column};
use crate::entity::{client_challenge, dns_record};
use crate::error::busy_if_duplicate;
use crate::tx::Tx;

/// Proof that this transaction locked the name and incremented its generation.
///
/// Every function that changes rows of `dns_records`, `challenge_values` or `client_challenges`
/// takes one, and only [`touch`] and [`touch_all`] create it. So no such row changes without its
/// name becoming unpublished (I5).
pub(crate) struct TouchedName {
    fqdn: String,
    class: Class,
    is_new: bool,
}

/// Locks the name and increments its generation, or inserts its row. The caller has locked the
/// owner's row and touches several names in sorted order.
pub(crate) async fn touch(
    tx: &Tx,
    owner: UserId,
    fqdn: &str,
    class: NameClass,
    now: Timestamp,
) -> Result<TouchedName, RecordError> {
    let at = now.as_millis();
    let since = Func::coalesce([Expr::col(Column::UnpublishedSince), Expr::value(at)]);
    let bump = name::Entity::update_many()
        .col_expr(Column::UnpublishedSince, since.into())
        .col_expr(Column::Generation, Expr::col(Column::Generation).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(at))
        .filter(Column::Fqdn.eq(fqdn));
    if bump.exec(tx.db()).await.map_err(Error::from)?.rows_affected == 0 {
        let new = name::ActiveModel {
            fqdn: Set(fqdn.to_owned()),
            user_id: Set(owner.0),
            class: Set(class.into()),
            generation: Set(1),
            unpublished_since: Set(Some(at)),
            created_at: Set(at),
            updated_at: Set(at),
            ..Default::default()
        };
        name::Entity::insert(new)
            .exec_without_returning(tx.db())
            .await
            .map_err(busy_if_duplicate)?;
        return Ok(TouchedName {
            fqdn: fqdn.to_owned(),
            class: class.into(),
            is_new: true,
        });
    }
    let row = name::Entity::find_by_id(fqdn)
        .one(tx.db())
        .await
        .map_err(Error::from)?;
    let row = row.ok_or_else(|| Error::Corrupt(format!("{fqdn} vanished under its lock")))?;
    let touched = TouchedName {
        fqdn: row.fqdn,
        class: row.class,
        is_new: false,
    };
    if row.user_id != owner.0 {
        touched.share(tx, owner).await?;
    }
    Ok(touched)
}

/// Finds a name among those that the transaction has locked.
pub(super) fn find<'n>(
    touched: &'n BTreeMap<String, TouchedName>,
    fqdn: &str,
) -> Result<&'n TouchedName, Error> {
    touched
        .get(fqdn)
        .ok_or_else(|| Error::Corrupt(format!("{fqdn} is not locked")))
}

/// Proof that this transaction locked these names and incremented their generations.
pub(crate) struct TouchedNames<'a>(BTreeSet<&'a str>);

/// Locks names that have rows, in sorted order, and increments their generations. The caller has
/// locked the rows of their owners.
pub(crate) async fn touch_all<'a>(
    tx: &Tx,
    fqdns: BTreeSet<&'a str>,
    now: Timestamp,
) -> Result<TouchedNames<'a>, Error> {
    let at = now.as_millis();
    let since = Func::coalesce([Expr::col(Column::UnpublishedSince), Expr::value(at)]);
    let bump = name::Entity::update_many()
        .col_expr(Column::UnpublishedSince, since.into())
        .col_expr(Column::Generation, Expr::col(Column::Generation).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(at))
        .filter(Column::Fqdn.is_in(fqdns.iter().copied()));
    let found = bump.exec(tx.db()).await?.rows_affected;
    if found != fqdns.len() as u64 {
        return Err(Error::Corrupt(format!(
            "{} of {} names have rows",
            found,
            fqdns.len()
        )));
    }
    Ok(TouchedNames(fqdns))
}

impl TouchedNames<'_> {
    pub(super) fn contains(&self, fqdn: &str) -> bool {
        self.0.contains(fqdn)
    }
}

impl TouchedName {
    pub(crate) fn fqdn(&self) -> &str {
        &self.fqdn
    }

    /// Returns whether the name had no row before, so that no record is at it.
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Permits a user to change a name that another user owns: a user with a record or a value at
    /// it (imported users may share a domain), or, once the name has neither, a user whose base
    /// domain contains it. The latter becomes the owner.
    async fn share(&self, tx: &Tx, owner: UserId) -> Result<(), RecordError> {
        let own = dns_record::Entity::find()
            .filter(dns_record::Column::Fqdn.eq(self.fqdn()))
            .filter(dns_record::Column::UserId.eq(owner.0));
        if own.exists(tx.db()).await.map_err(Error::from)? {
            return Ok(());
        }
        let answering = self.answering(tx).await?;
        if answering.contains(&owner) {
            return Ok(());
        }
        if !answering.is_empty() || !self.types_present(tx).await?.is_empty() {
            return Err(RecordError::NameTaken);
        }
        let take = name::Entity::update_many().col_expr(Column::UserId, Expr::value(owner.0));
        take.filter(Column::Fqdn.eq(self.fqdn()))
            .exec(tx.db())
            .await
            .map_err(Error::from)?;
        Ok(())
    }

    /// Sets the class of the name to that of `wanted`, unless a record of the other class exists.
    pub(crate) async fn set_class(&self, tx: &Tx, wanted: RecordType) -> Result<(), RecordError> {
        let class = wanted.class();
        let present = self.types_present(tx).await?;
        // A CNAME excludes every record, also another CNAME.
        let conflict = match class {
            NameClass::Cname => present.first(),
            NameClass::Other => present
                .iter()
                .find(|rtype| rtype.class() == NameClass::Cname),
        };
        if let Some(with) = conflict {
            return Err(RecordError::CnameConflict { with: *with });
        }
        if class == NameClass::Cname && !self.answering(tx).await?.is_empty() {
            return Err(RecordError::AnswersChallenges);
        }
        let class = Class::from(class);
        if self.class != class {
            let change = name::Entity::update_many().col_expr(Column::Class, Expr::value(class));
            change
                .filter(Column::Fqdn.eq(self.fqdn.as_str()))
                .exec(tx.db())
                .await
                .map_err(Error::from)?;
        }
        Ok(())
    }

    /// Lists the users whose ACME clients answer challenges at the name.
    async fn answering(&self, tx: &Tx) -> Result<Vec<UserId>, Error> {
        let owners: Vec<i64> = client_challenge::Entity::find()
            .select_only()
            .column(client_challenge::Column::UserId)
            .distinct()
            .filter(client_challenge::Column::Fqdn.eq(self.fqdn()))
            .into_tuple()
            .all(tx.db())
            .await?;
        Ok(owners.into_iter().map(UserId).collect())
    }

    /// Lists the types of the records, and of the values of our orders, at the name.
    async fn types_present(&self, tx: &Tx) -> Result<Vec<RecordType>, Error> {
        let types: Vec<String> = dns_record::Entity::find()
            .select_only()
            .column(dns_record::Column::Rtype)
            .distinct()
            .filter(dns_record::Column::Fqdn.eq(self.fqdn()))
            .order_by_asc(dns_record::Column::Rtype)
            .into_tuple()
            .all(tx.db())
            .await?;
        let mut types: Vec<RecordType> = types
            .iter()
            .map(|rtype| super::read_type(rtype))
            .collect::<Result<_, _>>()?;
        let challenge = Query::select()
            .column(Alias::new("id"))
            .from(Alias::new("challenge_values"))
            .and_where(Expr::col(Alias::new("fqdn")).eq(self.fqdn()))
            .limit(1)
            .to_owned();
        if tx.db().query_one(&challenge).await?.is_some() {
            types.push(CHALLENGE_TYPE);
        }
        Ok(types)
    }
}
