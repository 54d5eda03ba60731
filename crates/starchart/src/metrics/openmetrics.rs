//! Encodes the metrics as OpenMetrics text. Operators' alerts rely on the names and units, which
//! docs/monitoring.md lists.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use starchart_domain::time::Timestamp;
use starchart_store::Pool;
use starchart_store::machines::MachineCounts;
use starchart_store::metrics::{CertificateMetrics, LeaseMetrics, MetricsSnapshot};
use starchart_store::zone::AuditRow;

use super::{Metrics, Readings};
use crate::build;

type Real = Gauge<f64, AtomicU64>;
type Label = [(&'static str, String); 1];

/// Encodes all metrics. Values that are unknown now are omitted, so that no outdated value is
/// scraped.
pub(super) fn render(metrics: &Metrics, readings: &Readings) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::default();
    process(&mut registry, metrics.started_s);
    let ours = registry.sub_registry_with_prefix("starchart");
    // A gauge, because scrapers without OpenMetrics support do not know the info type.
    let build = Family::<[(&str, &str); 2], Gauge>::default();
    build
        .get_or_create(&[("version", build::VERSION), ("commit", build::COMMIT)])
        .set(1);
    ours.register("build_info", "Version and commit of this process", build);
    metrics.requests.register(ours);
    let readiness = &metrics.health.readiness;
    let draining = readiness.draining.load(Ordering::SeqCst);
    flag(
        ours,
        "ready",
        "Whether this process accepts requests",
        readiness.is_alive() && !draining && readings.rows.is_some(),
    );
    flag(
        ours,
        "database_up",
        "Whether the database answered",
        readings.rows.is_some(),
    );
    if let Some(reached) = metrics.counters.reaches_redis() {
        flag(ours, "redis_up", "Whether Redis answers", reached);
    }
    if let Some(pool) = readings.pool {
        connections(ours, pool);
    }
    if let Some(ping) = readings.ping {
        let help = "Time to acquire a connection and run a trivial query";
        seconds(ours, "database_ping", help, ping.as_secs_f64());
    }
    if let Some(rows) = &readings.rows {
        publishing(ours, rows);
        if let Some(row) = &rows.audit {
            audits(ours, row, rows.now);
        }
        queues(ours, rows);
        certificates(ours, &rows.certificates, rows.now);
        machines(ours, rows.machines);
        leases(ours, &rows.leases);
    }
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

/// Registers the conventional `process_*` metrics.
fn process(registry: &mut Registry, started_s: i64) {
    let process = registry.sub_registry_with_prefix("process");
    if let Some(bytes) = resident_bytes() {
        let gauge = Gauge::<i64>::default();
        gauge.set(bytes);
        process.register_with_unit("resident_memory", "Resident memory", Unit::Bytes, gauge);
    }
    let gauge = Gauge::<i64>::default();
    gauge.set(started_s);
    process.register_with_unit(
        "start_time",
        "Start of the process in seconds since 1970",
        Unit::Seconds,
        gauge,
    );
}

/// Reads the resident memory from /proc; `None` where there is none.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim()
        .strip_suffix("kB")?
        .trim()
        .parse::<i64>()
        .ok()?
        .checked_mul(1_024)
}

fn connections(registry: &mut Registry, pool: Pool) {
    let states = [
        ("idle", u64::from(pool.idle)),
        ("used", u64::from(pool.open.saturating_sub(pool.idle))),
    ];
    counts(
        registry,
        "database_connections",
        "Connections to the database",
        "state",
        &states,
    );
    number(
        registry,
        "database_connections_max",
        "Maximum of connections to the database",
        u64::from(pool.max),
    );
}

fn publishing(registry: &mut Registry, rows: &MetricsSnapshot) {
    let lag = age(rows.now, rows.names.oldest_unpublished_at);
    seconds(
        registry,
        "publish_lag",
        "Age of the oldest unpublished change, without refused ones",
        lag,
    );
    number(
        registry,
        "names_unpublished",
        "Names with changes that are not in the zone yet",
        rows.names.unpublished,
    );
    number(
        registry,
        "names_refused",
        "Names that the DNS provider refused",
        rows.names.refused,
    );
    flag(
        registry,
        "publishing_paused",
        "Whether publishing is paused",
        rows.is_paused,
    );
}

/// Registers the result of the last audit, and the totals since the database was created.
fn audits(registry: &mut Registry, row: &AuditRow, now: Timestamp) {
    flag(
        registry,
        "audit_needs_approval",
        "Whether the last audit found a plan that needs approval",
        row.needs_approval_since.is_some(),
    );
    flag(
        registry,
        "audit_failed",
        "Whether the last audit failed",
        row.problem.is_some(),
    );
    let needing_approval = Counter::<u64>::default();
    needing_approval.inc_by(row.needing_approval_total);
    registry.register(
        "audits_needing_approval",
        "Audits with a plan that needs approval",
        needing_approval,
    );
    let repaired = Counter::<u64>::default();
    repaired.inc_by(row.repaired_total);
    registry.register(
        "drift_repaired",
        "RRsets that drifted in the zone and were repaired",
        repaired,
    );
    let Some((at, last)) = &row.last else { return };
    seconds(
        registry,
        "audit_age",
        "Time since the last audit of the zone",
        age(now, Some(*at)),
    );
    let kinds = [
        ("create", last.creates),
        ("delete", last.deletes),
        ("replace", last.replaces),
        ("unclaimed", last.unclaimed),
    ];
    counts(
        registry,
        "audit_differences",
        "Differences that the last audit found",
        "kind",
        &kinds,
    );
    let kinds = [
        ("all", last.listed),
        ("owned", last.owned),
        ("foreign", last.foreign),
        ("orphan", last.orphans),
    ];
    counts(
        registry,
        "zone_rrsets",
        "RRsets that the last audit listed",
        "kind",
        &kinds,
    );
}

fn queues(registry: &mut Registry, rows: &MetricsSnapshot) {
    number(
        registry,
        "certificate_orders_pending",
        "Pending certificate orders",
        rows.orders.pending,
    );
    let help = "Certificate orders that failed in the last 24 hours";
    number(
        registry,
        "certificate_orders_failed_24h",
        help,
        rows.orders.failed_24h,
    );
    seconds(
        registry,
        "certificate_oldest_order_age",
        "Age of the oldest pending certificate order",
        age(rows.now, rows.orders.oldest_created_at),
    );
    let help = "Time since the most overdue step of a certificate order was due";
    seconds(
        registry,
        "certificate_step_overdue",
        help,
        age(rows.now, rows.orders.oldest_step_due_at),
    );
    number(
        registry,
        "mails_pending",
        "Mails to send",
        rows.mails.pending,
    );
    number(
        registry,
        "mails_failed",
        "Mails that were given up and are kept",
        rows.mails.failed,
    );
    seconds(
        registry,
        "mail_oldest_pending_age",
        "Age of the oldest mail to send",
        age(rows.now, rows.mails.oldest_pending_at),
    );
}

fn certificates(registry: &mut Registry, certificates: &CertificateMetrics, now: Timestamp) {
    number(
        registry,
        "certificates_active",
        "Active certificates",
        certificates.active,
    );
    if let Some(end) = certificates.next_expiry {
        let left = Duration::from_millis(u64::try_from(end.since(now)).unwrap_or_default());
        seconds(
            registry,
            "certificate_next_expiry",
            "Time until the next active certificate expires",
            left.as_secs_f64(),
        );
    }
    let expiring = [
        ("quarter", certificates.with_quarter_left),
        ("sixth", certificates.with_sixth_left),
    ];
    counts(
        registry,
        "certificates_expiring",
        "Active certificates with at most this share of their life left",
        "left",
        &expiring,
    );
    let help = "Certificates that expired within the last 7 days without a successor";
    number(
        registry,
        "certificates_expired",
        help,
        certificates.expired_last_7_days,
    );
}

fn machines(registry: &mut Registry, machines: MachineCounts) {
    number(
        registry,
        "certificate_machines",
        "Machines that were seen to fetch their certificate on several days",
        machines.regular,
    );
    let help = "Those that have not fetched for a quarter of the certificate's life";
    number(
        registry,
        "certificate_machines_stopped",
        help,
        machines.stopped,
    );
}

fn leases(registry: &mut Registry, leases: &[LeaseMetrics]) {
    let family = Family::<Label, Real>::default();
    for lease in leases {
        family
            .get_or_create(&[("lease", lease.name.clone())])
            .set(in_seconds(lease.held_ms));
    }
    let help = "How long the current holder has held the lease; 0 when it is free";
    registry.register_with_unit("lease_held", help, Unit::Seconds, family);
}

fn flag(registry: &mut Registry, name: &str, help: &str, is: bool) {
    number(registry, name, help, u64::from(is));
}

fn number(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let gauge = Gauge::<i64>::default();
    gauge.set(signed(value));
    registry.register(name, help, gauge);
}

/// Registers one gauge for each value of a label.
fn counts(
    registry: &mut Registry,
    name: &str,
    help: &str,
    label: &'static str,
    values: &[(&str, u64)],
) {
    let family = Family::<Label, Gauge>::default();
    for (value, count) in values {
        family
            .get_or_create(&[(label, (*value).to_owned())])
            .set(signed(*count));
    }
    registry.register(name, help, family);
}

fn seconds(registry: &mut Registry, name: &str, help: &str, value: f64) {
    let gauge = Real::default();
    gauge.set(value);
    registry.register_with_unit(name, help, Unit::Seconds, gauge);
}

/// Returns the seconds since a time; 0 when there is none, or it is in the future.
fn age(now: Timestamp, since: Option<Timestamp>) -> f64 {
    since.map_or(0.0, |since| in_seconds(now.since(since).max(0)))
}

fn in_seconds(millis: i64) -> f64 {
    Duration::from_millis(u64::try_from(millis).unwrap_or_default()).as_secs_f64()
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
