//! Questions to the authority about when to renew (RFC 9773): which are due, and what came of them.
//!
//! Only an active certificate that has not expired has a next question (`ari_check_at`), as section
//! 4.3.2 demands: leaving the active state ends the questions.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, DerivePartialModel, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    Select, SelectExt, Set,
};
use starchart_domain::certificate::Validity;
use starchart_domain::certificate::renewal_info::{RenewalPlan, RenewalState, RenewalWindow};
use starchart_domain::notice::{NoticeItem, NoticeKind};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use crate::entity::certificate::{self, Column, State};
use crate::entity::user;
use crate::lease::{Lease, assert_lease};
use crate::outbox::{Digest, queue_digests};
use crate::tx::Tx;
use crate::{Error, Store, sql, users};

/// Admins see a problem after this many failures in a row.
const SHOWN_FAILURES: i32 = 3;
/// Characters of a problem that are stored.
const PROBLEM_LENGTH: usize = 500;

/// A certificate about which the authority is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueCheck {
    /// The id of its row.
    pub id: i64,
    /// The base domain of its owner.
    pub domain: String,
    /// The certificate of the domain, PEM.
    pub certificate: String,
    /// What is known about its renewal.
    pub state: RenewalState,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// The id of the certificate's row.
    pub id: i64,
    /// The base domain of its owner.
    pub domain: String,
    /// The answer, or why there is none.
    pub outcome: CheckOutcome,
}

/// The answer to a question, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckOutcome {
    /// The authority answered with a window.
    Answered {
        /// The window that it suggests.
        window: RenewalWindow,
        /// What follows from it.
        plan: RenewalPlan,
        /// A web page that explains the window.
        explanation_url: Option<String>,
    },
    /// There is no usable answer.
    Failed {
        /// When to ask again.
        check_at: Timestamp,
        /// Why there was no answer.
        problem: String,
    },
}

#[derive(Debug, Clone, DerivePartialModel)]
#[sea_orm(entity = "certificate::Entity")]
struct CheckRow {
    id: i64,
    domain: String,
    certificate: String,
    not_before: i64,
    not_after: i64,
    renew_at: i64,
    ari_window_start: Option<i64>,
    ari_window_end: Option<i64>,
    ari_failures: i32,
}

impl From<CheckRow> for DueCheck {
    fn from(row: CheckRow) -> Self {
        let at = Timestamp::from_millis;
        let window = match (row.ari_window_start, row.ari_window_end) {
            (Some(start), Some(end)) => Some(RenewalWindow {
                start: at(start),
                end: at(end),
            }),
            _ => None,
        };
        Self {
            id: row.id,
            domain: row.domain,
            certificate: row.certificate,
            state: RenewalState {
                validity: Validity::new(at(row.not_before), at(row.not_after)),
                renew_at: at(row.renew_at),
                window,
                failures: u32::try_from(row.ari_failures).unwrap_or_default(),
            },
        }
    }
}

fn due(now: Expr) -> Select<certificate::Entity> {
    certificate::Entity::find()
        .filter(Expr::col(Column::AriCheckAt).lte(now.clone()))
        .filter(Column::State.eq(State::Active))
        .filter(Expr::col(Column::NotAfter).gt(now))
}

/// Whether the authority is to be asked about any certificate now.
pub async fn has_due(store: &Store) -> Result<bool, Error> {
    let now = Expr::cust(store.now_sql());
    Ok(due(now).exists(store.reader()).await?)
}

/// Lists up to `limit` certificates about which the authority is to be asked now, longest due
/// first.
pub async fn list_due(store: &Store, limit: u64) -> Result<Vec<DueCheck>, Error> {
    let rows: Vec<CheckRow> = due(Expr::cust(store.now_sql()))
        .order_by_asc(Column::AriCheckAt)
        .order_by_asc(Column::Id)
        .limit(limit)
        .into_partial_model()
        .all(store.reader())
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Records what came of some questions, and queues a mail to every admin about the renewals that
/// the authority brought forward. Returns false, and records nothing, when the lease was lost.
pub async fn record(store: &Store, lease: &Lease, results: &[CheckResult]) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            let Some(now) = assert_lease(&tx, lease, 0).await? else {
                return Ok(false);
            };
            let forward: Vec<NoticeItem> = results.iter().filter_map(brought_forward).collect();
            let admins = if forward.is_empty() {
                Vec::new()
            } else {
                lock_admins(&tx).await?
            };
            for result in results {
                record_one(&tx, result, now).await?;
            }
            let digest: Digest = admins
                .into_iter()
                .map(|admin| (admin, forward.clone()))
                .collect();
            queue_digests(&tx, NoticeKind::RenewalBroughtForward, &digest, now).await?;
            Ok(true)
        })
        .await
}

/// Returns how a mail names a renewal that the authority brought forward.
fn brought_forward(result: &CheckResult) -> Option<NoticeItem> {
    let CheckOutcome::Answered {
        plan,
        explanation_url,
        ..
    } = &result.outcome
    else {
        return None;
    };
    plan.is_brought_forward.then(|| NoticeItem {
        name: format!("*.{}", result.domain),
        what: None,
        on: Some(plan.renew_at.ceil_minute().to_minute()),
        reason: explanation_url.clone(),
    })
}

/// Locks the admins who may sign in.
async fn lock_admins(tx: &Tx) -> Result<Vec<UserId>, Error> {
    let ids: Vec<i64> = user::Entity::find()
        .select_only()
        .column(user::Column::Id)
        .filter(user::Column::IsAdmin.eq(true))
        .filter(user::Column::DeletedAt.is_null())
        .filter(user::Column::SuspendedAt.is_null())
        .order_by_asc(user::Column::Id)
        .into_tuple()
        .all(tx.db())
        .await?;
    let admins: Vec<UserId> = ids.into_iter().map(UserId).collect();
    users::lock_all(tx, &admins).await?;
    Ok(admins)
}

async fn record_one(tx: &Tx, result: &CheckResult, now: Timestamp) -> Result<(), Error> {
    let update = certificate::Entity::update_many();
    let update = match &result.outcome {
        CheckOutcome::Answered {
            window,
            plan,
            explanation_url,
        } => update.set(certificate::ActiveModel {
            renew_at: Set(plan.renew_at.as_millis()),
            ari_check_at: Set(Some(plan.check_at.as_millis())),
            ari_answered_at: Set(Some(now.as_millis())),
            ari_window_start: Set(Some(window.start.as_millis())),
            ari_window_end: Set(Some(window.end.as_millis())),
            ari_explanation_url: Set(explanation_url.clone()),
            ari_failures: Set(0),
            ari_problem: Set(None),
            ..Default::default()
        }),
        CheckOutcome::Failed { check_at, problem } => update
            .set(certificate::ActiveModel {
                ari_check_at: Set(Some(check_at.as_millis())),
                ari_problem: Set(Some(sql::cut(problem, PROBLEM_LENGTH))),
                ..Default::default()
            })
            .col_expr(Column::AriFailures, Expr::col(Column::AriFailures).add(1)),
    };
    update
        .filter(Column::Id.eq(result.id))
        // It may have been replaced or deleted while the authority was asked.
        .filter(Column::State.eq(State::Active))
        .exec(tx.db())
        .await?;
    Ok(())
}

/// Postpones every question that is due by this many milliseconds, because the authority offers no
/// renewal information.
pub async fn postpone_due(store: &Store, for_ms: i64) -> Result<(), Error> {
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            certificate::Entity::update_many()
                .col_expr(
                    Column::AriCheckAt,
                    Expr::value(now.plus(for_ms).as_millis()),
                )
                .filter(Column::AriCheckAt.lte(now.as_millis()))
                .exec(tx.db())
                .await?;
            Ok(())
        })
        .await
}

/// Renewals for which the authority gives the same explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedRenewals {
    /// The web page that explains them.
    pub url: String,
    /// How many active certificates they concern.
    pub certificates: u64,
    /// When the first of them is renewed.
    pub next_renewal: Timestamp,
}

/// Lists the explanations that the authority gives for active certificates, at most `limit`.
pub(crate) async fn list_explanations(
    store: &Store,
    limit: u64,
) -> Result<Vec<ExplainedRenewals>, Error> {
    let rows: Vec<(String, i64, i64)> = certificate::Entity::find()
        .select_only()
        .column(Column::AriExplanationUrl)
        .column_as(Column::Id.count(), "certificates")
        .column_as(Column::RenewAt.min(), "next_renewal")
        .filter(Column::State.eq(State::Active))
        .filter(Column::AriExplanationUrl.is_not_null())
        .group_by(Column::AriExplanationUrl)
        .order_by_asc(Expr::col("next_renewal"))
        .limit(limit)
        .into_tuple()
        .all(store.reader())
        .await?;
    let explained = |(url, certificates, next_renewal): (String, i64, i64)| ExplainedRenewals {
        url,
        certificates: u64::try_from(certificates).unwrap_or_default(),
        next_renewal: Timestamp::from_millis(next_renewal),
    };
    Ok(rows.into_iter().map(explained).collect())
}

/// Why the authority has given no renewal information for a while, and for how many active
/// certificates; the most frequent reason first.
pub(crate) async fn list_problems(store: &Store, limit: u64) -> Result<Vec<(String, u64)>, Error> {
    let rows: Vec<(String, i64)> = certificate::Entity::find()
        .select_only()
        .column(Column::AriProblem)
        .column_as(Column::Id.count(), "certificates")
        .filter(Column::State.eq(State::Active))
        .filter(Column::AriProblem.is_not_null())
        .filter(Column::AriFailures.gte(SHOWN_FAILURES))
        .group_by(Column::AriProblem)
        .order_by_desc(Expr::col("certificates"))
        .limit(limit)
        .into_tuple()
        .all(store.reader())
        .await?;
    Ok(rows
        .into_iter()
        .map(|(problem, count)| (problem, u64::try_from(count).unwrap_or_default()))
        .collect())
}
