//! Records names that the zone refused.

use std::collections::BTreeMap;

use sea_orm::sea_query::{CaseStatement, Expr, Func};
use sea_orm::{ColumnTrait, DerivePartialModel, EntityTrait, ExprTrait, QueryFilter, Value};
use starchart_domain::plan::RefusedName;
use starchart_domain::record::RecordType;
use starchart_domain::time::Timestamp;

use super::registry::{self, lock_names};
use crate::entity::name::{self, Column};
use crate::lease::{Lease, assert_lease};
use crate::tx::Tx;
use crate::{Error, Store, sql};

const MINUTE_MS: i64 = 60 * 1_000;
/// Waits before a refused name is retried, by how often it was refused.
const BACK_OFF_MS: [i64; 4] = [MINUTE_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 120 * MINUTE_MS];
/// Names in one statement of [`quarantine`], which compares each row with all of them.
const BATCH: usize = 100;
/// The longest refusal that is stored, in characters.
const REFUSAL_LEN: usize = 2_000;

/// Records refusals for the owners to see and retries the names after 1 minute, then 5, 30, and 2
/// hours, or at their next change. What this lease intended at these names is withdrawn: nothing of
/// it is in the zone. Returns false when the lease was lost.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn quarantine(
    store: &Store,
    lease: &Lease,
    refusals: &[RefusedName],
) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            let Some(now) = assert_lease(&tx, lease, 0).await? else {
                return Ok(false);
            };
            let by_name: BTreeMap<&str, &RefusedName> = refusals
                .iter()
                .map(|refusal| (refusal.name.as_str(), refusal))
                .collect();
            let refusals: Vec<&RefusedName> = by_name.into_values().collect();
            for refusals in refusals.chunks(BATCH) {
                let fqdns: Vec<String> = refusals.iter().map(|name| name.name.clone()).collect();
                lock_names(&tx, &fqdns).await?;
                refuse_generations(&tx, refusals, &fqdns, now).await?;
                let mut entries = registry::list(tx.db(), Some(&fqdns)).await?;
                for entry in &mut entries {
                    entry.withdraw(lease.fence);
                }
                registry::put_all(&tx, entries, now).await?;
            }
            Ok(true)
        })
        .await
}

/// The columns of a name about earlier refusals.
#[derive(DerivePartialModel)]
#[sea_orm(entity = "name::Entity")]
struct Refused {
    fqdn: String,
    attempts: i32,
    refused_generation: Option<i64>,
    applied_generation: i64,
}

impl Refused {
    /// How often this generation was refused. A changed name begins with none; its other RRsets may
    /// have been confirmed a moment ago.
    fn attempts_at(&self, generation: i64) -> i32 {
        let refused = self.refused_generation.unwrap_or(self.applied_generation);
        if refused == generation {
            self.attempts
        } else {
            0
        }
    }
}

async fn refuse_generations(
    tx: &Tx,
    refusals: &[&RefusedName],
    fqdns: &[String],
    now: Timestamp,
) -> Result<(), Error> {
    let before: Vec<Refused> = name::Entity::find()
        .filter(Column::Fqdn.is_in(fqdns))
        .into_partial_model()
        .all(tx.db())
        .await?;
    let before: BTreeMap<String, Refused> = before
        .into_iter()
        .map(|name| (name.fqdn.clone(), name))
        .collect();
    let attempts = |refusal: &RefusedName| {
        let name = before.get(&refusal.name);
        name.map_or(0, |name| name.attempts_at(refusal.generation))
    };
    let next_attempt_at = |refusal: &RefusedName| {
        let wait = usize::try_from(attempts(refusal))
            .ok()
            .and_then(|n| BACK_OFF_MS.get(n))
            .unwrap_or(&BACK_OFF_MS[3]);
        now.plus(*wait).as_millis()
    };
    let by_name = |value: &dyn Fn(&RefusedName) -> Value| -> Expr {
        let mut case = CaseStatement::new();
        for refusal in refusals {
            case = case.case(
                Column::Fqdn.eq(refusal.name.as_str()),
                Expr::value(value(refusal)),
            );
        }
        case.into()
    };
    // Something of the name is unpublished, also where its other RRsets were just confirmed.
    let most = by_name(&|refusal| (refusal.generation - 1).into());
    let applied = CaseStatement::new()
        .case(
            Expr::col(Column::AppliedGeneration).lt(most.clone()),
            Expr::col(Column::AppliedGeneration),
        )
        .finally(most);
    let since = Func::coalesce([
        Expr::col(Column::UnpublishedSince),
        Expr::value(now.as_millis()),
    ]);
    let update = name::Entity::update_many()
        .col_expr(Column::AppliedGeneration, applied.into())
        .col_expr(Column::UnpublishedSince, since.into())
        .col_expr(
            Column::RefusedGeneration,
            by_name(&|refusal| refusal.generation.into()),
        )
        .col_expr(
            Column::Refusal,
            by_name(&|refusal| sql::cut(&refusal.reason, REFUSAL_LEN).into()),
        )
        .col_expr(
            Column::RefusalType,
            by_name(&|refusal| refusal.rtype.map(RecordType::as_str).into()),
        )
        .col_expr(
            Column::Attempts,
            by_name(&|refusal| attempts(refusal).saturating_add(1).into()),
        )
        .col_expr(
            Column::NextAttemptAt,
            by_name(&|refusal| next_attempt_at(refusal).into()),
        );
    update
        .filter(Column::Fqdn.is_in(fqdns))
        .exec(tx.db())
        .await?;
    Ok(())
}
