//! What came of the last audit, and the sets under people's labels that nobody here made.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{FromQueryResult, Value};
use starchart_domain::time::Timestamp;

use crate::tx::Tx;
use crate::{Error, Store, sql};

/// How an audit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditOutcome {
    /// The zone is as rows want, but for what others work on.
    Clean,
    /// What had drifted was marked for publish.
    Repaired,
    /// Nothing was done: an operator has to approve the plan.
    Refused,
    /// Nothing was done, because publishing is paused.
    Paused,
    /// An operator let the plan be done.
    Approved,
}

impl AuditOutcome {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Repaired => "repaired",
            Self::Refused => "refused",
            Self::Paused => "paused",
            Self::Approved => "approved",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [
            Self::Clean,
            Self::Repaired,
            Self::Refused,
            Self::Paused,
            Self::Approved,
        ]
        .into_iter()
        .find(|outcome| outcome.as_str() == text)
    }
}

/// What an audit found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditResult {
    /// How it ended.
    pub outcome: AuditOutcome,
    /// The plan's SHA-256, in hex.
    pub plan_hash: String,
    /// Sets in the zone.
    pub listed: u64,
    /// Sets of ours by the registry.
    pub owned: u64,
    /// Sets that the plan creates.
    pub creates: u64,
    /// Sets that it deletes.
    pub deletes: u64,
    /// Sets that it changes.
    pub replaces: u64,
    /// Sets that stand as rows want and are not known as ours.
    pub unclaimed: u64,
    /// Sets that are not ours, orphans among them.
    pub foreign: u64,
    /// Sets under people's labels that no row explains and that are not ours.
    pub orphans: u64,
    /// Differences that this audit marked for publish.
    pub repaired: u64,
    /// Why the plan waits for an approval.
    pub refused_because: Option<String>,
}

/// The one row about audits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// When the last audit came to its end, and what it found; none while there was none.
    pub last: Option<(Timestamp, AuditResult)>,
    /// Differences marked for publish by all audits since the database was made.
    pub repaired_total: u64,
    /// Audits that refused their plan, since the database was made.
    pub refused_total: u64,
    /// Since when the plan is refused.
    pub refused_since: Option<Timestamp>,
    /// Why the last try did not come to its end, and when.
    pub problem: Option<(Timestamp, String)>,
}

/// What came of the audits; none when none was ever tried.
pub async fn find_audit(store: &Store) -> Result<Option<AuditRow>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        at: Option<i64>,
        outcome: Option<String>,
        plan_hash: Option<String>,
        listed: i64,
        owned: i64,
        creates: i64,
        deletes: i64,
        replaces: i64,
        unclaimed: i64,
        foreign_sets: i64,
        orphans: i64,
        repaired: i64,
        repaired_total: i64,
        refused_total: i64,
        refused_since: Option<i64>,
        refused_because: Option<String>,
        problem: Option<String>,
        problem_at: Option<i64>,
    }
    let sql = "SELECT at, outcome, plan_hash, listed, owned, creates, deletes, replaces, unclaimed, foreign_sets, orphans, repaired, \
         repaired_total, refused_total, refused_since, refused_because, problem, problem_at FROM zone_audits WHERE id = 1";
    let Some(row) = sql::one::<Row>(store.reader(), sql, vec![]).await? else {
        return Ok(None);
    };
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    let outcome = row.outcome.as_deref().and_then(AuditOutcome::parse);
    let last = row.at.zip(outcome).map(|(at, outcome)| {
        let result = AuditResult {
            outcome,
            plan_hash: row.plan_hash.unwrap_or_default(),
            listed: count(row.listed),
            owned: count(row.owned),
            creates: count(row.creates),
            deletes: count(row.deletes),
            replaces: count(row.replaces),
            unclaimed: count(row.unclaimed),
            foreign: count(row.foreign_sets),
            orphans: count(row.orphans),
            repaired: count(row.repaired),
            refused_because: row.refused_because,
        };
        (Timestamp::from_millis(at), result)
    });
    Ok(Some(AuditRow {
        last,
        repaired_total: count(row.repaired_total),
        refused_total: count(row.refused_total),
        refused_since: row.refused_since.map(Timestamp::from_millis),
        problem: row.problem_at.map(Timestamp::from_millis).zip(row.problem),
    }))
}

/// Keeps what an audit found and did.
pub async fn record_audit(store: &Store, result: &AuditResult) -> Result<(), Error> {
    store.write(|tx| note_within(tx, result)).await
}

async fn note_within(tx: Tx, result: &AuditResult) -> Result<(), Error> {
    let now = tx.now().await?.as_millis();
    make_row(&tx).await?;
    let count = |n: u64| Value::from(i64::try_from(n).unwrap_or(i64::MAX));
    let refused = result.outcome == AuditOutcome::Refused;
    let sql = "UPDATE zone_audits SET at = ?, outcome = ?, plan_hash = ?, listed = ?, owned = ?, creates = ?, deletes = ?, replaces = ?, \
         unclaimed = ?, foreign_sets = ?, orphans = ?, repaired = ?, repaired_total = repaired_total + ?, \
         refused_total = refused_total + ?, refused_since = CASE WHEN ? = 1 THEN COALESCE(refused_since, ?) ELSE NULL END, \
         refused_because = ?, problem = NULL, problem_at = NULL WHERE id = 1";
    let values = vec![
        now.into(),
        result.outcome.as_str().into(),
        result.plan_hash.as_str().into(),
        count(result.listed),
        count(result.owned),
        count(result.creates),
        count(result.deletes),
        count(result.replaces),
        count(result.unclaimed),
        count(result.foreign),
        count(result.orphans),
        count(result.repaired),
        count(result.repaired),
        i64::from(refused).into(),
        i64::from(refused).into(),
        now.into(),
        result.refused_because.clone().into(),
    ];
    sql::touch(tx.db(), sql, values).await.map(drop)
}

/// Keeps why an audit could not be made. What the last one found stays.
pub async fn record_failed_audit(store: &Store, problem: &str) -> Result<(), Error> {
    store.write(|tx| failed_within(tx, problem)).await
}

async fn failed_within(tx: Tx, problem: &str) -> Result<(), Error> {
    let now = tx.now().await?.as_millis();
    make_row(&tx).await?;
    let sql = "UPDATE zone_audits SET problem = ?, problem_at = ? WHERE id = 1";
    sql::touch(
        tx.db(),
        sql,
        vec![sql::cut(problem, 2_000).into(), now.into()],
    )
    .await
    .map(drop)
}

async fn make_row(tx: &Tx) -> Result<(), Error> {
    if sql::touch(
        tx.db(),
        "UPDATE zone_audits SET id = 1 WHERE id = 1",
        vec![],
    )
    .await?
        == 0
    {
        sql::touch(tx.db(), "INSERT INTO zone_audits (id) VALUES (1)", vec![]).await?;
    }
    Ok(())
}

/// A set under a person's label that no row explains and that is not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrphanRow {
    /// The full name.
    pub fqdn: String,
    /// The type.
    pub rtype: String,
    /// What it holds, for people to read.
    pub target: String,
    /// When an audit first saw it.
    pub first_seen_at: Timestamp,
}

/// The orphans of the last audit, by name.
pub async fn list_orphans(store: &Store) -> Result<Vec<OrphanRow>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        fqdn: String,
        rtype: String,
        target: String,
        first_seen_at: i64,
    }
    let sql =
        "SELECT fqdn, type AS rtype, target, first_seen_at FROM zone_orphans ORDER BY fqdn, type";
    let rows: Vec<Row> = sql::all(store.reader(), sql, vec![]).await?;
    let orphan = |row: Row| OrphanRow {
        fqdn: row.fqdn,
        rtype: row.rtype,
        target: row.target,
        first_seen_at: Timestamp::from_millis(row.first_seen_at),
    };
    Ok(rows.into_iter().map(orphan).collect())
}

/// Rows that one statement takes.
const MANY: usize = 500;

/// Makes these (name, type, what it holds) the orphans; those known before keep the time when they
/// were first seen.
pub async fn record_orphans(
    store: &Store,
    found: &[(String, String, String)],
) -> Result<(), Error> {
    let known: BTreeMap<(String, String), String> = list_orphans(store)
        .await?
        .into_iter()
        .map(|row| ((row.fqdn, row.rtype), row.target))
        .collect();
    let seen: BTreeSet<(&str, &str)> = found
        .iter()
        .map(|(name, rtype, _)| (name.as_str(), rtype.as_str()))
        .collect();
    let gone: Vec<&(String, String)> = known
        .keys()
        .filter(|(name, rtype)| !seen.contains(&(name.as_str(), rtype.as_str())))
        .collect();
    let key = |(name, rtype, _): &(String, String, String)| (name.clone(), rtype.clone());
    let new: Vec<&(String, String, String)> = found
        .iter()
        .filter(|orphan| !known.contains_key(&key(orphan)))
        .collect();
    let changed = found.iter().filter(|orphan| {
        known
            .get(&key(orphan))
            .is_some_and(|target| *target != orphan.2)
    });
    for chunk in gone.chunks(MANY) {
        let sql = format!(
            "DELETE FROM zone_orphans WHERE {}",
            vec!["(fqdn = ? AND type = ?)"; chunk.len()].join(" OR ")
        );
        let values = sql::texts(
            chunk
                .iter()
                .flat_map(|(name, rtype)| [name.as_str(), rtype.as_str()]),
        );
        run(store, &sql, values).await?;
    }
    for chunk in new.chunks(MANY) {
        let row = format!("(?, ?, ?, {})", store.now_sql());
        let rows = vec![row; chunk.len()].join(", ");
        let sql =
            format!("INSERT INTO zone_orphans (fqdn, type, target, first_seen_at) VALUES {rows}");
        let values =
            sql::texts(chunk.iter().flat_map(|(name, rtype, target)| {
                [name.as_str(), rtype.as_str(), target.as_str()]
            }));
        run(store, &sql, values).await?;
    }
    for (name, rtype, target) in changed {
        let sql = "UPDATE zone_orphans SET target = ? WHERE fqdn = ? AND type = ?";
        run(
            store,
            sql,
            sql::texts([target.as_str(), name.as_str(), rtype.as_str()]),
        )
        .await?;
    }
    Ok(())
}

async fn run(store: &Store, sql: &str, values: Vec<Value>) -> Result<(), Error> {
    store.write(|tx| run_within(tx, sql, values.clone())).await
}

async fn run_within(tx: Tx, sql: &str, values: Vec<Value>) -> Result<(), Error> {
    sql::touch(tx.db(), sql, values).await.map(drop)
}
