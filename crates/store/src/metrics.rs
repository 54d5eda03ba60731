//! What monitoring asks for: how much waits, and for how long. Few statements, each on an index.

use sea_orm::FromQueryResult;
use starchart_domain::time::Timestamp;

use crate::outbox;
use crate::zone::{self, UnpublishedCounts};
use crate::{Error, Store, sql};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Everything that is counted, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsSnapshot {
    /// The database's clock when it was read.
    pub now: Timestamp,
    /// Names on their way into the zone.
    pub backlog: UnpublishedCounts,
    /// Whether publishing is paused.
    pub is_paused: bool,
    /// What came of the audits of the zone; none when none was tried.
    pub audit: Option<zone::AuditRow>,
    /// OrderMetrics for certificates.
    pub orders: OrderMetrics,
    /// CertificateMetrics.
    pub certificates: CertificateMetrics,
    /// Mails.
    pub mails: outbox::MailCounts,
    /// Every lease that was ever taken, by name.
    pub leases: Vec<LeaseMetrics>,
}

/// OrderMetrics for certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderMetrics {
    /// On their way.
    pub live: u64,
    /// That ended without a certificate in the last 24 hours.
    pub failed_today: u64,
    /// When the oldest of those on their way was asked for.
    pub oldest: Option<Timestamp>,
    /// When the step that waits longest was due; it may be yet to come.
    pub oldest_due: Option<Timestamp>,
}

/// CertificateMetrics in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateMetrics {
    /// How many.
    pub active: u64,
    /// When the next of them ends.
    pub next_end: Option<Timestamp>,
    /// How many end within 7 days.
    pub ending_in_7_days: u64,
    /// How many end within 30 days.
    pub ending_in_30_days: u64,
    /// How many ended within the last 7 days, of people who got no other since.
    pub ended_in_7_days: u64,
}

/// Who holds a lease, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseMetrics {
    /// What it is for: `publish`.
    pub name: String,
    /// Milliseconds for which the present holder has it; 0 when nobody does.
    pub held_ms: i64,
}

/// Reads all of it.
pub async fn read_snapshot(store: &Store) -> Result<MetricsSnapshot, Error> {
    let now = store.now().await?;
    Ok(MetricsSnapshot {
        now,
        backlog: zone::count_unpublished(store).await?,
        is_paused: zone::pause_reason(store).await?.is_some(),
        audit: zone::find_audit(store).await?,
        orders: orders(store, now).await?,
        certificates: certificates(store, now).await?,
        mails: outbox::count_mails(store).await?,
        leases: leases(store, now).await?,
    })
}

async fn orders(store: &Store, now: Timestamp) -> Result<OrderMetrics, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        live: i64,
        oldest: Option<i64>,
        due: Option<i64>,
    }
    let live = "SELECT COUNT(*) AS live, MIN(created_at) AS oldest, MIN(next_step_at) AS due FROM certificate_orders \
         WHERE finished_at IS NULL";
    let live: Option<Row> = sql::one(store.reader(), live, vec![]).await?;
    let failed =
        "SELECT COUNT(*) AS n FROM certificate_orders WHERE finished_at > ? AND step = 'failed'";
    let failed = sql::number(
        store.reader(),
        failed,
        vec![now.plus(-DAY_MS).as_millis().into()],
    )
    .await?;
    Ok(OrderMetrics {
        live: unsigned(live.as_ref().map(|row| row.live)),
        failed_today: unsigned(failed),
        oldest: live
            .as_ref()
            .and_then(|row| row.oldest)
            .map(Timestamp::from_millis),
        oldest_due: live.and_then(|row| row.due).map(Timestamp::from_millis),
    })
}

async fn certificates(store: &Store, now: Timestamp) -> Result<CertificateMetrics, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        weeks: i64,
        months: i64,
    }
    let at = |days: i64| now.plus(days * DAY_MS).as_millis();
    let active = sql::number(
        store.reader(),
        "SELECT COUNT(active_slot) AS n FROM certificates",
        vec![],
    )
    .await?;
    let next = "SELECT not_after AS n FROM certificates WHERE state = 'active' AND not_after > ? ORDER BY not_after LIMIT 1";
    let next = sql::number(store.reader(), next, vec![at(0).into()]).await?;
    let ending = "SELECT COUNT(CASE WHEN not_after <= ? THEN 1 END) AS weeks, COUNT(*) AS months FROM certificates \
         WHERE state = 'active' AND not_after > ? AND not_after <= ?";
    let ending: Option<Row> = sql::one(
        store.reader(),
        ending,
        vec![at(7).into(), at(0).into(), at(30).into()],
    )
    .await?;
    // One that its person deleted, or that another replaced, is missed by nobody.
    let ended = "SELECT COUNT(*) AS n FROM certificates c WHERE c.state IN ('active', 'expired') AND c.not_after > ? \
         AND c.not_after <= ? AND NOT EXISTS (SELECT 1 FROM certificates s WHERE s.user_id = c.user_id AND s.not_after > ?)";
    let ended = sql::number(
        store.reader(),
        ended,
        vec![at(-7).into(), at(0).into(), at(0).into()],
    )
    .await?;
    Ok(CertificateMetrics {
        active: unsigned(active),
        next_end: next.map(Timestamp::from_millis),
        ending_in_7_days: unsigned(ending.as_ref().map(|row| row.weeks)),
        ending_in_30_days: unsigned(ending.as_ref().map(|row| row.months)),
        ended_in_7_days: unsigned(ended),
    })
}

async fn leases(store: &Store, now: Timestamp) -> Result<Vec<LeaseMetrics>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        name: String,
        expires_at: i64,
        taken_at: Option<i64>,
    }
    let rows: Vec<Row> = sql::all(
        store.reader(),
        "SELECT name, expires_at, taken_at FROM leases ORDER BY name",
        vec![],
    )
    .await?;
    let age = |row: Row| {
        let taken = row
            .taken_at
            .filter(|_| row.expires_at > now.as_millis())
            .map(Timestamp::from_millis);
        LeaseMetrics {
            name: row.name,
            held_ms: taken.map_or(0, |taken| now.since(taken).max(0)),
        }
    };
    Ok(rows.into_iter().map(age).collect())
}

fn unsigned(n: Option<i64>) -> u64 {
    n.and_then(|n| u64::try_from(n).ok()).unwrap_or_default()
}
