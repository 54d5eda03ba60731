//! The lock on a name, which is the only way to change what stands at it.

use std::collections::BTreeSet;

use sea_orm::sea_query::{Expr, Func};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, Set};
use starchart_domain::record::{NameClass, RecordType};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use super::RecordError;
use crate::entity::name::{self, Column};
use crate::error::busy_if_taken;
use crate::tx::Tx;
use crate::{Error, sql};

/// A name that this transaction has locked and whose generation it has bumped.
///
/// Every function that changes what `dns_records` or `challenge_values` say wants one of these, and
/// [`touch`] (or [`touch_all`], for many) alone makes them: so nothing changes there without its
/// name becoming dirty (invariant I5).
pub(crate) struct TouchedName {
    fqdn: String,
    class: String,
}

/// Locks the name, bumps its generation, and makes its row when it is new. The caller holds the
/// owner's row already, and touches several names in sorted order.
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
            class: Set(class.as_str().to_owned()),
            generation: Set(1),
            unpublished_since: Set(Some(at)),
            created_at: Set(at),
            updated_at: Set(at),
            ..Default::default()
        };
        name::Entity::insert(new)
            .exec_without_returning(tx.db())
            .await
            .map_err(busy_if_taken)?;
        return Ok(TouchedName {
            fqdn: fqdn.to_owned(),
            class: class.as_str().to_owned(),
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
    };
    if row.user_id != owner.0 {
        touched.share(tx, owner).await?;
    }
    Ok(touched)
}

/// Names that this transaction has locked and whose generations it has bumped, all at once.
pub(super) struct TouchedNames<'a>(BTreeSet<&'a str>);

/// Locks names that have records, in their order, and bumps their generations. The caller holds
/// their owners' rows already.
pub(super) async fn touch_all<'a>(
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
    pub(super) fn has(&self, fqdn: &str) -> bool {
        self.0.contains(fqdn)
    }
}

impl TouchedName {
    pub(crate) fn fqdn(&self) -> &str {
        &self.fqdn
    }

    /// Lets a person at a name that is another's: one who has a record there too, as people who
    /// shared a domain before they came here do; or anybody whose domain it is in, once nothing
    /// stands there any more.
    async fn share(&self, tx: &Tx, owner: UserId) -> Result<(), RecordError> {
        let own = "SELECT COUNT(*) AS n FROM dns_records WHERE fqdn = ? AND user_id = ?";
        if sql::number(tx.db(), own, vec![self.fqdn().into(), owner.0.into()])
            .await?
            .is_some_and(|n| n > 0)
        {
            return Ok(());
        }
        if !self.types_present(tx).await?.is_empty() {
            return Err(RecordError::NameTaken);
        }
        let take = name::Entity::update_many().col_expr(Column::UserId, Expr::value(owner.0));
        take.filter(Column::Fqdn.eq(self.fqdn()))
            .exec(tx.db())
            .await
            .map_err(Error::from)?;
        Ok(())
    }

    /// Gives the name the class, unless something of the other class stands there.
    pub(super) async fn become_class(
        &self,
        tx: &Tx,
        wanted: RecordType,
    ) -> Result<(), RecordError> {
        let class = wanted.class();
        let present = self.types_present(tx).await?;
        // The one type that tolerates nothing, not even its own.
        let conflict = match class {
            NameClass::Cname => present.first(),
            NameClass::Other => present.iter().find(|rtype| **rtype == RecordType::Cname),
        };
        if let Some(with) = conflict {
            return Err(RecordError::CnameConflict { with: *with });
        }
        if self.class != class.as_str() {
            let change =
                name::Entity::update_many().col_expr(Column::Class, Expr::value(class.as_str()));
            change
                .filter(Column::Fqdn.eq(self.fqdn.as_str()))
                .exec(tx.db())
                .await
                .map_err(Error::from)?;
        }
        Ok(())
    }

    async fn types_present(&self, tx: &Tx) -> Result<Vec<RecordType>, Error> {
        #[derive(FromQueryResult)]
        struct Present {
            rtype: String,
        }
        // As text, because it is one answer from two tables.
        let look = "SELECT type AS rtype FROM dns_records WHERE fqdn = ? \
             UNION SELECT 'TXT' AS rtype FROM challenge_values WHERE fqdn = ? ORDER BY rtype";
        let rows: Vec<Present> = sql::all(
            tx.db(),
            look,
            vec![self.fqdn.as_str().into(), self.fqdn.as_str().into()],
        )
        .await?;
        rows.iter()
            .map(|row| super::read_type(&row.rtype))
            .collect()
    }
}
