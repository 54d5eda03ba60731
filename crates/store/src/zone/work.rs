//! Reads of what has to be published.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DerivePartialModel, EntityTrait, ExprTrait,
    FromQueryResult, Order, QueryFilter, QueryOrder, QuerySelect,
};
use starchart_domain::certificate::{CHALLENGE_TYPE, CLIENT_VALUE_TTL};
use starchart_domain::plan::{NameToPublish, OwnedRrset};
use starchart_domain::record::RecordType;
use starchart_domain::rrset::{Rrset, RrsetData};
use starchart_domain::time::Timestamp;
use starchart_domain::ttl::Ttl;
use starchart_domain::txt;

use super::registry;
use crate::entity::name::{self, Column, is_unpublished};
use crate::entity::{challenge_value, client_challenge, dns_record, zone_rrset};
use crate::records::{read_ttl, read_type};
use crate::{Error, Store};

/// Lists names to publish now, at most `limit`, those first that have been unpublished longest.
///
/// A refused name comes back when its next attempt is due or it changed. After the unpublished
/// names come those for which a lost send may still arrive, when the zone is to be read for it; an
/// RRset of ours whose name has no row comes last.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn list_unpublished(store: &Store, limit: u64) -> Result<Vec<String>, Error> {
    let now = Expr::cust(store.now_sql());
    let is_due = Condition::any()
        .add(Column::NextAttemptAt.is_null())
        .add(Expr::col(Column::NextAttemptAt).lte(now.clone()))
        .add(Column::RefusedGeneration.is_null())
        .add(Expr::col(Column::Generation).gt(Expr::col(Column::RefusedGeneration)));
    // Both columns of the order are in one index, so that no more than `limit` rows are read.
    let mut names: Vec<String> = name::Entity::find()
        .select_only()
        .column(Column::Fqdn)
        .filter(is_unpublished())
        .filter(is_due)
        .order_by_asc(Column::UnpublishedSince)
        .order_by_asc(Column::Fqdn)
        .limit(limit)
        .into_tuple()
        .all(store.reader())
        .await?;
    if (names.len() as u64) < limit {
        let listed: BTreeSet<String> = names.iter().cloned().collect();
        let lost = list_with_lost_sends(store, limit, now).await?;
        let lost = lost.into_iter().filter(|name| !listed.contains(name));
        names.extend(lost);
        names.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    Ok(names)
}

/// Lists names for which a lost send may still arrive and whose time to be read has come, those
/// without a row last.
async fn list_with_lost_sends(store: &Store, limit: u64, now: Expr) -> Result<Vec<String>, Error> {
    let named = (name::Entity, Column::Fqdn);
    let rrset = |column| Expr::col((zone_rrset::Entity, column));
    Ok(zone_rrset::Entity::find()
        .select_only()
        .column(zone_rrset::Column::Fqdn)
        .left_join(name::Entity)
        .filter(rrset(zone_rrset::Column::LookAt).lte(now))
        .group_by(rrset(zone_rrset::Column::Fqdn))
        .group_by(Expr::col(named))
        .order_by(Expr::col(named).is_null(), Order::Asc)
        .order_by(rrset(zone_rrset::Column::Fqdn), Order::Asc)
        .limit(limit)
        .into_tuple()
        .all(store.reader())
        .await?)
}

/// How many names have changes that are not in the zone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NameCounts {
    /// Unpublished names, without those that the zone refused.
    pub unpublished: u64,
    /// When the oldest of them became unpublished.
    pub oldest_unpublished_at: Option<Timestamp>,
    /// Names that the zone refused as they are.
    pub refused: u64,
}

/// Counts the names that are not in the zone as wanted.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn count_unpublished(store: &Store) -> Result<NameCounts, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        unpublished: i64,
        refused: i64,
        oldest: Option<i64>,
    }
    let is_refused = || Expr::col(Column::RefusedGeneration).equals(Column::Generation);
    let refused = Expr::case(is_refused(), Expr::value(1));
    let since = Expr::case(is_refused(), Expr::value(None::<i64>))
        .finally(Expr::col(Column::UnpublishedSince));
    let row: Option<Row> = name::Entity::find()
        .select_only()
        .expr_as(Expr::col(Column::Fqdn).count(), "unpublished")
        .expr_as(Expr::expr(refused).count(), "refused")
        .expr_as(Expr::expr(since).min(), "oldest")
        .filter(is_unpublished())
        .into_model()
        .one(store.reader())
        .await?;
    Ok(row.map_or_else(NameCounts::default, |row| NameCounts {
        unpublished: u64::try_from(row.unpublished - row.refused).unwrap_or_default(),
        oldest_unpublished_at: row.oldest.map(Timestamp::from_millis),
        refused: u64::try_from(row.refused).unwrap_or_default(),
    }))
}

/// Reads the names with their RRsets in one snapshot. A name without a row wants nothing; it is
/// left out unless the registry has something of it.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn read_work(store: &Store, fqdns: &[String]) -> Result<Vec<NameToPublish>, Error> {
    #[derive(DerivePartialModel)]
    #[sea_orm(entity = "name::Entity")]
    struct Name {
        fqdn: String,
        generation: i64,
    }
    if fqdns.is_empty() {
        return Ok(Vec::new());
    }
    let snapshot = store.snapshot().await?;
    // The generation comes first: what is read after it is at least as new, even where a snapshot
    // is not one.
    let names: Vec<Name> = name::Entity::find()
        .filter(Column::Fqdn.is_in(fqdns))
        .order_by_asc(Column::Fqdn)
        .into_partial_model()
        .all(&snapshot)
        .await?;
    let mut desired = list_desired(&snapshot, Some(fqdns)).await?;
    let mut owned: BTreeMap<String, Vec<OwnedRrset>> = BTreeMap::new();
    for entry in registry::list(&snapshot, Some(fqdns)).await? {
        let fqdn = entry.fqdn.clone();
        owned.entry(fqdn).or_default().push(entry.into_set());
    }
    snapshot.commit().await?;
    let work = |name: Name| NameToPublish {
        desired: desired.remove(&name.fqdn).unwrap_or_default(),
        owned: owned.remove(&name.fqdn).unwrap_or_default(),
        name: name.fqdn,
        generation: name.generation,
    };
    let mut all: Vec<NameToPublish> = names.into_iter().map(work).collect();
    all.extend(owned.into_iter().map(|(name, owned)| NameToPublish {
        name,
        generation: 0,
        desired: Vec::new(),
        owned,
    }));
    Ok(all)
}

/// The values of an RRset while they are collected. All rows of an RRset have its TTL, but for
/// names that imported users share.
#[derive(Default)]
struct Collected {
    lowest_ttl: Option<u32>,
    values: Vec<String>,
}

/// The RRsets that rows want, by name: of records, and of values of our orders and of clients,
/// together. `None`: of all names.
pub(super) async fn list_desired(
    on: &impl ConnectionTrait,
    fqdns: Option<&[String]>,
) -> Result<BTreeMap<String, Vec<Rrset>>, Error> {
    let mut bodies: BTreeMap<(String, RecordType), Collected> = BTreeMap::new();
    let mut add = |fqdn: String, rtype: RecordType, ttl: Option<u32>, content: String| {
        let body = bodies.entry((fqdn, rtype)).or_default();
        body.lowest_ttl = [body.lowest_ttl, ttl].into_iter().flatten().min();
        body.values.push(content);
    };
    let usual = Ttl::DEFAULT.as_seconds();
    for (fqdn, rtype, presentation, ttl) in list_records(on, fqdns).await? {
        let ttl = read_ttl(ttl)?.as_seconds();
        add(fqdn, read_type(&rtype)?, Some(ttl), presentation);
    }
    for (fqdn, value) in list_order_values(on, fqdns).await? {
        add(fqdn, CHALLENGE_TYPE, Some(usual), txt::encode(&value));
    }
    for (fqdn, value) in list_client_values(on, fqdns).await? {
        add(fqdn, CHALLENGE_TYPE, None, txt::encode(&value));
    }
    let mut sets: BTreeMap<String, Vec<Rrset>> = BTreeMap::new();
    for ((name, rtype), collected) in bodies {
        let body = RrsetData {
            ttl: collected
                .lowest_ttl
                .unwrap_or(CLIENT_VALUE_TTL.as_seconds()),
            values: collected.values.into(),
        };
        sets.entry(name.clone())
            .or_default()
            .push(Rrset { name, rtype, body });
    }
    // Most names have one RRset, and an audit holds all names.
    sets.values_mut().for_each(Vec::shrink_to_fit);
    Ok(sets)
}

/// Name, type, presentation and TTL of the records.
async fn list_records(
    on: &impl ConnectionTrait,
    fqdns: Option<&[String]>,
) -> Result<Vec<(String, String, String, i64)>, Error> {
    use dns_record::Column;
    let mut records = dns_record::Entity::find().select_only().columns([
        Column::Fqdn,
        Column::Rtype,
        Column::Presentation,
        Column::Ttl,
    ]);
    if let Some(fqdns) = fqdns {
        records = records.filter(Column::Fqdn.is_in(fqdns));
    }
    Ok(records.into_tuple().all(on).await?)
}

/// Name and value of the challenges of our orders.
async fn list_order_values(
    on: &impl ConnectionTrait,
    fqdns: Option<&[String]>,
) -> Result<Vec<(String, String)>, Error> {
    use challenge_value::Column;
    let mut values = challenge_value::Entity::find()
        .select_only()
        .columns([Column::Fqdn, Column::Value]);
    if let Some(fqdns) = fqdns {
        values = values.filter(Column::Fqdn.is_in(fqdns));
    }
    Ok(values.into_tuple().all(on).await?)
}

/// Name and value of the challenges of users' own clients.
async fn list_client_values(
    on: &impl ConnectionTrait,
    fqdns: Option<&[String]>,
) -> Result<Vec<(String, String)>, Error> {
    use client_challenge::Column;
    let mut values = client_challenge::Entity::find()
        .select_only()
        .columns([Column::Fqdn, Column::Value]);
    if let Some(fqdns) = fqdns {
        values = values.filter(Column::Fqdn.is_in(fqdns));
    }
    Ok(values.into_tuple().all(on).await?)
}
