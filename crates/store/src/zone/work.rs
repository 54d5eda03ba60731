//! What has to be published.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, FromQueryResult};
use starchart_domain::plan::{NameToPublish, OwnedRrset};
use starchart_domain::record::RecordType;
use starchart_domain::rrset::{Rrset, RrsetData, TTL};
use starchart_domain::time::Timestamp;
use starchart_domain::txt;

use super::registry;
use crate::records::read_type;
use crate::{Error, Store, sql};

/// A name that the zone does not show as wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnpublishedName {
    /// The full name.
    pub fqdn: String,
    /// Its generation when it was read.
    pub generation: i64,
}

/// Names to publish now, those that wait longest first. A refused name comes back when its time has
/// come or it changed, and a name for which a lost send may still come, when it is time to look. A
/// set of ours whose name has no row comes last, once [`super::mark_drift`] asked for it.
pub async fn list_unpublished(store: &Store, limit: u64) -> Result<Vec<UnpublishedName>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        fqdn: String,
        generation: i64,
    }
    let sql = format!(
        "SELECT fqdn, generation FROM names WHERE (is_unpublished = 1 AND (next_attempt_at IS NULL \
         OR next_attempt_at <= {now} OR refused_generation IS NULL OR generation > refused_generation)) \
         OR fqdn IN (SELECT fqdn FROM zone_rrset WHERE look_at <= {now}) \
         ORDER BY is_unpublished DESC, unpublished_since, fqdn LIMIT {limit}",
        now = store.now_sql()
    );
    let mut rows: Vec<Row> = sql::all(store.reader(), &sql, vec![]).await?;
    let left = limit.saturating_sub(rows.len() as u64);
    if left > 0 {
        let nameless = format!(
            "SELECT DISTINCT r.fqdn AS fqdn, 0 AS generation FROM zone_rrset r LEFT JOIN names n ON n.fqdn = r.fqdn \
             WHERE r.look_at <= {} AND n.fqdn IS NULL ORDER BY r.fqdn LIMIT {left}",
            store.now_sql()
        );
        rows.extend(sql::all::<Row>(store.reader(), &nameless, vec![]).await?);
    }
    Ok(rows
        .into_iter()
        .map(|row| UnpublishedName {
            fqdn: row.fqdn,
            generation: row.generation,
        })
        .collect())
}

/// How much is not in the zone as wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnpublishedCounts {
    /// Names that wait to be published, without those that the zone refused.
    pub waiting: u64,
    /// Since when the oldest of them has waited.
    pub oldest: Option<Timestamp>,
    /// Names that the zone refused as they are.
    pub refused: u64,
}

/// Counts what is not in the zone as wanted.
pub async fn count_unpublished(store: &Store) -> Result<UnpublishedCounts, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        dirty: i64,
        refused: i64,
        oldest: Option<i64>,
    }
    let sql = "SELECT COUNT(*) AS dirty, COUNT(CASE WHEN refused_generation = generation THEN 1 END) AS refused, \
         MIN(CASE WHEN refused_generation = generation THEN NULL ELSE unpublished_since END) AS oldest \
         FROM names WHERE is_unpublished = 1";
    let row: Option<Row> = sql::one(store.reader(), sql, vec![]).await?;
    Ok(
        row.map_or_else(UnpublishedCounts::default, |row| UnpublishedCounts {
            waiting: u64::try_from(row.dirty - row.refused).unwrap_or_default(),
            oldest: row.oldest.map(Timestamp::from_millis),
            refused: u64::try_from(row.refused).unwrap_or_default(),
        }),
    )
}

/// When the next dirty name is due; the moment may have passed. `None`: nothing is owed.
pub async fn next_due(store: &Store) -> Result<Option<Timestamp>, Error> {
    let sql = "SELECT MIN(CASE WHEN next_attempt_at IS NULL OR refused_generation IS NULL \
         OR generation > refused_generation THEN 0 ELSE next_attempt_at END) AS n FROM names WHERE is_unpublished = 1";
    Ok(sql::number(store.reader(), sql, vec![])
        .await?
        .map(Timestamp::from_millis))
}

/// The names with their sets, from one snapshot. A name without a row wants nothing; it is left out
/// unless something of ours stands there.
pub async fn read_work(store: &Store, fqdns: &[String]) -> Result<Vec<NameToPublish>, Error> {
    if fqdns.is_empty() {
        return Ok(Vec::new());
    }
    #[derive(FromQueryResult)]
    struct Generation {
        fqdn: String,
        generation: i64,
    }
    let snapshot = store.snapshot().await?;
    let (list, values) = (
        sql::places(fqdns.len()),
        sql::texts(fqdns.iter().map(String::as_str)),
    );
    // The generation comes first: what is read after it is at least as new, even where a snapshot
    // is not one.
    let select = format!("SELECT fqdn, generation FROM names WHERE fqdn IN ({list}) ORDER BY fqdn");
    let names: Vec<Generation> = sql::all(&snapshot, &select, values).await?;
    let mut desired = desired_of(&snapshot, Some(fqdns)).await?;
    let mut owned: BTreeMap<String, Vec<OwnedRrset>> = BTreeMap::new();
    for entry in registry::list(&snapshot, Some(fqdns)).await? {
        owned
            .entry(entry.fqdn.clone())
            .or_default()
            .push(entry.into_set());
    }
    snapshot.commit().await?;
    let work = |name: Generation| NameToPublish {
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

/// The sets that rows want, by name: records and challenge values together. `None`: of all names.
pub(super) async fn desired_of(
    on: &impl ConnectionTrait,
    fqdns: Option<&[String]>,
) -> Result<BTreeMap<String, Vec<Rrset>>, Error> {
    #[derive(FromQueryResult)]
    struct Record {
        fqdn: String,
        rtype: String,
        presentation: String,
        ttl: i32,
    }
    #[derive(FromQueryResult)]
    struct Challenge {
        fqdn: String,
        value: String,
    }
    let (filter, values) = sql::at_names(fqdns);
    let records = format!("SELECT fqdn, type AS rtype, presentation, ttl FROM dns_records{filter}");
    let records: Vec<Record> = sql::all(on, &records, values.clone()).await?;
    let challenges = format!("SELECT fqdn, value FROM challenge_values{filter}");
    let challenges: Vec<Challenge> = sql::all(on, &challenges, values).await?;

    let mut bodies: BTreeMap<(String, RecordType), RrsetData> = BTreeMap::new();
    let mut add = |fqdn: String, rtype: RecordType, ttl: u32, content: String| {
        let body = bodies.entry((fqdn, rtype)).or_insert_with(|| RrsetData {
            ttl,
            values: BTreeSet::new(),
        });
        body.ttl = body.ttl.min(ttl);
        body.values.insert(content);
    };
    for row in records {
        add(
            row.fqdn,
            read_type(&row.rtype)?,
            u32::try_from(row.ttl).unwrap_or(TTL),
            row.presentation,
        );
    }
    for row in challenges {
        add(row.fqdn, RecordType::Txt, TTL, txt::encode(&row.value));
    }
    let mut sets: BTreeMap<String, Vec<Rrset>> = BTreeMap::new();
    for ((name, rtype), body) in bodies {
        sets.entry(name.clone())
            .or_default()
            .push(Rrset { name, rtype, body });
    }
    Ok(sets)
}
