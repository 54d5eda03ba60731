//! What follows an accepted change: in sync at the provider, then answered by the name servers.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DerivePartialModel, EntityTrait, ExprTrait,
    QueryFilter, QueryOrder, QuerySelect, Select,
};
use starchart_domain::record::RecordType;
use starchart_domain::rrset::Rrset;
use starchart_domain::time::Timestamp;

use super::registry::lock_names;
use super::work::list_desired;
use crate::entity::name::{self, Column, is_unpublished};
use crate::entity::record_history::{self, HistoryAction};
use crate::entity::{dns_record, zone_change};
use crate::records::read_type;
use crate::{Error, Store};

/// A change that the provider has not yet called in sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentChange {
    /// The provider's id of the change.
    pub id: String,
    /// When it was accepted.
    pub sent_at: Timestamp,
}

/// A name that is in sync and not yet answered by every name server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameToCheck {
    /// The owner name, as an fqdn.
    pub fqdn: String,
    /// The generation that is in the zone.
    pub generation: i64,
    /// What the servers should answer.
    pub desired: Vec<Rrset>,
    /// The types of records that have ended: the servers should answer with none.
    pub absent: Vec<RecordType>,
}

/// How many name servers answered for a name as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameAnswers {
    /// The owner name, as an fqdn.
    pub fqdn: String,
    /// The generation that was asked about.
    pub generation: i64,
    /// Servers that answered so.
    pub by: u32,
    /// Servers that were asked.
    pub of: u32,
}

/// Changes of one list.
const CHANGES: u64 = 1_000;

/// Lists changes to ask the provider about, oldest first, at most a thousand.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn list_unsynced_changes(store: &Store) -> Result<Vec<SentChange>, Error> {
    let rows = zone_change::Entity::find()
        .filter(zone_change::Column::InSyncAt.is_null())
        .order_by_asc(zone_change::Column::SentAt)
        .order_by_asc(zone_change::Column::Id)
        .limit(CHANGES)
        .all(store.reader())
        .await?;
    let change = |row: zone_change::Model| SentChange {
        id: row.id,
        sent_at: Timestamp::from_millis(row.sent_at),
    };
    Ok(rows.into_iter().map(change).collect())
}

/// Records that the provider calls the change in sync, or no longer knows it.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn mark_in_sync(store: &Store, change_id: &str) -> Result<(), Error> {
    store
        .write(|tx| async move {
            let now = tx.now().await?.as_millis();
            name::Entity::update_many()
                .col_expr(Column::InSyncAt, Expr::value(now))
                .filter(Column::ChangeId.eq(change_id))
                .filter(Column::InSyncAt.is_null())
                .exec(tx.db())
                .await?;
            zone_change::Entity::update_many()
                .col_expr(zone_change::Column::InSyncAt, Expr::value(now))
                .filter(zone_change::Column::Id.eq(change_id))
                .filter(zone_change::Column::InSyncAt.is_null())
                .exec(tx.db())
                .await?;
            Ok(())
        })
        .await
}

/// The servers are asked for types of records that have ended within this time, in milliseconds.
const ENDED_MS: i64 = 24 * 60 * 60 * 1_000;

/// Names are checked for this long after they came in sync, in milliseconds.
pub(super) const PROPAGATION_CHECK_MS: i64 = 60 * 60 * 1_000;

/// Names in sync for less than an hour and not answered by all servers. A refused RRset does not
/// keep the others of its name from being checked.
fn to_check(store: &Store) -> Select<name::Entity> {
    let since = Expr::cust(format!("{} - {PROPAGATION_CHECK_MS}", store.now_sql()));
    let is_settled = Condition::any().add(is_unpublished().not()).add(
        Condition::all()
            .add(Expr::col(Column::RefusedGeneration).equals(Column::Generation))
            .add(Column::RefusalType.is_not_null()),
    );
    let is_unanswered = Condition::any()
        .add(Column::AnsweredBy.is_null())
        .add(Expr::col(Column::AnsweredBy).lt(Expr::col(Column::AnsweredOf)));
    name::Entity::find()
        .filter(Expr::col(Column::InSyncAt).gt(since))
        .filter(is_settled)
        .filter(is_unanswered)
}

/// Whether [`list_names_to_check`] lists any name.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn has_names_to_check(store: &Store) -> Result<bool, Error> {
    let first: Option<String> = to_check(store)
        .select_only()
        .column(Column::Fqdn)
        .limit(1)
        .into_tuple()
        .one(store.reader())
        .await?;
    Ok(first.is_some())
}

/// Lists names to ask the name servers about, those first that were asked about longest ago.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn list_names_to_check(store: &Store, limit: u64) -> Result<Vec<NameToCheck>, Error> {
    #[derive(DerivePartialModel)]
    #[sea_orm(entity = "name::Entity")]
    struct Row {
        fqdn: String,
        generation: i64,
        refusal_type: Option<String>,
    }
    let snapshot = store.snapshot().await?;
    let rows: Vec<Row> = to_check(store)
        .order_by_asc(Column::AnswersCheckedAt)
        .order_by_asc(Column::Fqdn)
        .limit(limit)
        .into_partial_model()
        .all(&snapshot)
        .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let fqdns: Vec<String> = rows.iter().map(|row| row.fqdn.clone()).collect();
    let mut desired = list_desired(&snapshot, Some(&fqdns)).await?;
    let mut ended = list_ended_types(&snapshot, &fqdns, store.now_on(&snapshot).await?).await?;
    snapshot.commit().await?;
    let to_check = |row: Row| {
        let mut desired = desired.remove(&row.fqdn).unwrap_or_default();
        let mut absent = ended.remove(&row.fqdn).unwrap_or_default();
        absent.retain(|rtype| desired.iter().all(|set| set.rtype != *rtype));
        // The RRset that was refused is not in the zone.
        desired.retain(|set| row.refusal_type.as_deref() != Some(set.rtype.as_str()));
        NameToCheck {
            fqdn: row.fqdn,
            generation: row.generation,
            desired,
            absent,
        }
    };
    Ok(rows.into_iter().map(to_check).collect())
}

/// Lists the types of records that have ended at these names a short time ago, by name, without
/// those that a wildcard answers for.
async fn list_ended_types(
    on: &impl ConnectionTrait,
    fqdns: &[String],
    now: Timestamp,
) -> Result<BTreeMap<String, Vec<RecordType>>, Error> {
    use record_history::Column;
    let ended: Vec<(String, String)> = record_history::Entity::find()
        .select_only()
        .column(Column::Fqdn)
        .column(Column::Rtype)
        .distinct()
        .filter(Column::Fqdn.is_in(fqdns))
        .filter(Column::Action.is_not_in([
            HistoryAction::Create,
            HistoryAction::Restore,
            HistoryAction::Renew,
        ]))
        .filter(Column::At.gt(now.plus(-ENDED_MS).as_millis()))
        .into_tuple()
        .all(on)
        .await?;
    if ended.is_empty() {
        return Ok(BTreeMap::new());
    }
    let above: BTreeSet<String> = ended.iter().flat_map(|(fqdn, _)| wildcards(fqdn)).collect();
    let wild: Vec<(String, String)> = dns_record::Entity::find()
        .select_only()
        .column(dns_record::Column::Fqdn)
        .column(dns_record::Column::Rtype)
        .filter(dns_record::Column::Fqdn.is_in(above))
        .into_tuple()
        .all(on)
        .await?;
    let mut types: BTreeMap<String, Vec<RecordType>> = BTreeMap::new();
    for (fqdn, text) in ended {
        let is_answered = wildcards(&fqdn).any(|name| {
            let mut of_name = wild.iter().filter(|(wildcard, _)| *wildcard == name);
            of_name.any(|(_, known)| *known == text || known == RecordType::Cname.as_str())
        });
        if !is_answered {
            types.entry(fqdn).or_default().push(read_type(&text)?);
        }
    }
    Ok(types)
}

/// Returns the wildcards that may answer for a name (RFC 4592 section 3.3.1).
fn wildcards(fqdn: &str) -> impl Iterator<Item = String> {
    let parents = fqdn.match_indices('.').map(|(at, _)| &fqdn[at + 1..]);
    parents.map(|parent| format!("*.{parent}"))
}

/// Records how many servers answer for these names, except for names whose generation has changed.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn record_answers(store: &Store, answers: &[NameAnswers]) -> Result<(), Error> {
    if answers.is_empty() {
        return Ok(());
    }
    store
        .write(|tx| async move {
            let now = tx.now().await?.as_millis();
            let mut alike: BTreeMap<(i64, u32, u32), Vec<&str>> = BTreeMap::new();
            for name in answers {
                let key = (name.generation, name.by, name.of);
                alike.entry(key).or_default().push(&name.fqdn);
            }
            if alike.len() > 1 {
                let fqdns: Vec<String> = answers.iter().map(|name| name.fqdn.clone()).collect();
                lock_names(&tx, &fqdns).await?;
            }
            for ((generation, by, of), fqdns) in alike {
                let is_in_zone = Condition::any()
                    .add(Column::AppliedGeneration.eq(generation))
                    .add(Column::RefusedGeneration.eq(generation));
                name::Entity::update_many()
                    .col_expr(Column::AnsweredBy, Expr::value(i64::from(by)))
                    .col_expr(Column::AnsweredOf, Expr::value(i64::from(of)))
                    .col_expr(Column::AnswersCheckedAt, Expr::value(now))
                    .filter(Column::Fqdn.is_in(fqdns))
                    .filter(Column::Generation.eq(generation))
                    .filter(is_in_zone)
                    .exec(tx.db())
                    .await?;
            }
            Ok(())
        })
        .await
}
