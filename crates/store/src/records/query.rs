//! Reads records with the publish state of their names, in one statement.

use sea_orm::sea_query::{Alias, Expr, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DerivePartialModel, EntityTrait, ExprTrait, FromQueryResult,
    PartialModelTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};
use starchart_domain::publish::PublishState;
use starchart_domain::record::{RecordId, RecordType};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use super::{Record, ResourceRecord, read_ttl, read_type};
use crate::entity::dns_record::{self, Column};
use crate::entity::name;
use crate::expiry::record_notified_at;
use crate::{Error, Store};

/// The columns of a name that determine its publish state.
#[derive(Debug, DerivePartialModel)]
#[sea_orm(entity = "name::Entity")]
pub(crate) struct PublishProgress {
    generation: i64,
    applied_generation: i64,
    refused_generation: Option<i64>,
    refusal: Option<String>,
    refusal_type: Option<String>,
    sent_at: Option<i64>,
    pub(crate) in_sync_at: Option<i64>,
    answered_by: Option<i32>,
    answered_of: Option<i32>,
}

#[derive(DerivePartialModel)]
#[sea_orm(entity = "dns_record::Entity")]
struct RecordWithState {
    id: i64,
    fqdn: String,
    rtype: String,
    input: String,
    presentation: String,
    ttl: i64,
    ports: Option<String>,
    course: Option<String>,
    description: Option<String>,
    created_at: i64,
    updated_at: i64,
    expires_at: i64,
    #[sea_orm(from_expr = "record_notified_at()")]
    notified_at: Option<i64>,
    #[sea_orm(nested)]
    progress: PublishProgress,
    #[sea_orm(from_expr = "paused_at()")]
    paused_at: Option<i64>,
}

/// The time since when publishing is paused, as a scalar subquery: the table has one row at most.
fn paused_at() -> Expr {
    let pause = Query::select()
        .column(Alias::new("paused_at"))
        .from(Alias::new("zone_control"))
        .and_where(Expr::col(Alias::new("id")).eq(1))
        .to_owned();
    Expr::SubQuery(None, Box::new(pause.into()))
}

fn records_of(owner: UserId) -> Select<dns_record::Entity> {
    dns_record::Entity::find()
        .inner_join(name::Entity)
        .filter(Column::UserId.eq(owner.0))
}

fn in_order(records: Select<dns_record::Entity>) -> Select<dns_record::Entity> {
    records
        .order_by_asc(Column::Fqdn)
        .order_by_asc(Column::Rtype)
        .order_by_asc(Column::Id)
}

/// Lists the owner's records by name, type and id.
pub(super) async fn list(on: &impl ConnectionTrait, owner: UserId) -> Result<Vec<Record>, Error> {
    let rows = in_order(records_of(owner));
    rows.into_partial_model::<RecordWithState>()
        .all(on)
        .await?
        .into_iter()
        .map(Record::try_from)
        .collect()
}

/// A record and the database's clock.
#[derive(FromQueryResult)]
struct RecordAndTime {
    #[sea_orm(nested)]
    record: RecordWithState,
    now: i64,
}

/// Lists the owner's records by name, type and id, with the database's clock, in one statement
/// unless there is none.
pub(super) async fn list_with_time(
    store: &Store,
    owner: UserId,
) -> Result<(Vec<Record>, Timestamp), Error> {
    let rows = in_order(records_of(owner)).select_only();
    let rows = RecordWithState::select_cols(rows).expr_as(Expr::cust(store.now_sql()), "now");
    let rows: Vec<RecordAndTime> = rows.into_model().all(store.reader()).await?;
    let now = match rows.first() {
        Some(row) => Timestamp::from_millis(row.now),
        None => store.now().await?,
    };
    let records = rows.into_iter().map(|row| row.record.try_into());
    Ok((records.collect::<Result<_, _>>()?, now))
}

/// Lists the owner's records without their notes, times and states.
pub(super) async fn list_resource_records(
    on: &impl ConnectionTrait,
    owner: UserId,
) -> Result<Vec<ResourceRecord>, Error> {
    let rows: Vec<(String, String, String)> = dns_record::Entity::find()
        .select_only()
        .columns([Column::Fqdn, Column::Rtype, Column::Presentation])
        .filter(Column::UserId.eq(owner.0))
        .into_tuple()
        .all(on)
        .await?;
    let read = |(name, rtype, presentation): (String, String, String)| {
        Ok(ResourceRecord {
            name,
            rtype: read_type(&rtype)?,
            presentation,
        })
    };
    rows.into_iter().map(read).collect()
}

/// Finds the owner's record.
pub(super) async fn find(
    on: &impl ConnectionTrait,
    owner: UserId,
    id: RecordId,
) -> Result<Option<Record>, Error> {
    let row = records_of(owner)
        .filter(Column::Id.eq(id.0))
        .into_partial_model::<RecordWithState>()
        .one(on)
        .await?;
    row.map(Record::try_from).transpose()
}

/// Finds the owner's records with these ids, in any order.
pub(super) async fn find_all(
    on: &impl ConnectionTrait,
    owner: UserId,
    ids: &[i64],
) -> Result<Vec<Record>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = records_of(owner).filter(Column::Id.is_in(ids.iter().copied()));
    rows.into_partial_model::<RecordWithState>()
        .all(on)
        .await?
        .into_iter()
        .map(Record::try_from)
        .collect()
}

/// Reads the publish progress of a name; `None` if the name was never used.
pub(crate) async fn publish_progress(
    on: &impl ConnectionTrait,
    fqdn: &str,
) -> Result<Option<PublishProgress>, Error> {
    Ok(name::Entity::find()
        .filter(name::Column::Fqdn.eq(fqdn))
        .into_partial_model::<PublishProgress>()
        .one(on)
        .await?)
}

/// How far the newest changes of several names are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameProgress {
    /// All servers of the zone have them, according to the provider.
    InSync,
    /// One is on its way, and the zone has refused none.
    Pending,
    /// The zone has refused one.
    Refused,
}

/// Returns how far the changes of these names of the owner are, deletions among them. Names that
/// were never used are left out.
pub async fn progress_of_names(
    store: &Store,
    owner: UserId,
    fqdns: &[String],
) -> Result<NameProgress, Error> {
    let rows = name::Entity::find()
        .filter(name::Column::UserId.eq(owner.0))
        .filter(name::Column::Fqdn.is_in(fqdns))
        .into_partial_model::<PublishProgress>()
        .all(store.reader())
        .await?;
    let is_refused = |row: &PublishProgress| {
        row.generation > row.applied_generation && row.refused_generation == Some(row.generation)
    };
    let is_in_sync = |row: &PublishProgress| {
        row.generation == row.applied_generation && row.in_sync_at.is_some()
    };
    Ok(if rows.iter().any(is_refused) {
        NameProgress::Refused
    } else if rows.iter().all(is_in_sync) {
        NameProgress::InSync
    } else {
        NameProgress::Pending
    })
}

impl TryFrom<RecordWithState> for Record {
    type Error = Error;

    fn try_from(row: RecordWithState) -> Result<Self, Error> {
        let rtype = read_type(&row.rtype)?;
        Ok(Self {
            id: RecordId(row.id),
            name: row.fqdn,
            rtype,
            input: row.input,
            presentation: row.presentation,
            ttl: read_ttl(row.ttl)?,
            ports: row.ports,
            course: row.course,
            description: row.description,
            created_at: Timestamp::from_millis(row.created_at),
            updated_at: Timestamp::from_millis(row.updated_at),
            expires_at: Timestamp::from_millis(row.expires_at),
            notified_at: row.notified_at.map(Timestamp::from_millis),
            state: row
                .progress
                .state(rtype)
                .while_paused(row.paused_at.is_some()),
        })
    }
}

impl PublishProgress {
    /// Returns the state of the name's RRset of this type.
    pub(crate) fn state(&self, rtype: RecordType) -> PublishState {
        if self.generation > self.applied_generation {
            match &self.refusal {
                Some(reason) if self.refused_generation == Some(self.generation) => {
                    match self.refusal_type.as_deref() {
                        // The provider refused another RRset of the name; this one was sent.
                        Some(refused) if refused != rtype.as_str() && self.sent_at.is_some() => {}
                        Some(refused) if refused != rtype.as_str() => return PublishState::Saved,
                        _ => {
                            return PublishState::Refused {
                                reason: reason.clone(),
                            };
                        }
                    }
                }
                _ => return PublishState::Saved,
            }
        }
        if self.in_sync_at.is_none() {
            return PublishState::Sent;
        }
        match (
            self.answered_by.map(u32::try_from),
            self.answered_of.map(u32::try_from),
        ) {
            (Some(Ok(by)), Some(Ok(of))) if of > 0 => PublishState::Answered { by, of },
            _ => PublishState::InSync,
        }
    }
}
