//! The records of the original's database, and the zone as the original left it.

use std::collections::BTreeMap;

use sqlx::{MySqlConnection, QueryBuilder};

use super::random::SeededRandom;
use super::users::OriginalUser;
use super::{BATCH, DAY_MS, datetime};
use crate::route53::Set;

const TTL: u32 = 300;
/// The id of the first record, which is not 1 in a real database either.
const FIRST_ID: i64 = 101;

/// A row of `DnsRecord`.
#[derive(Debug, Clone)]
pub(super) struct Row {
    id: i64,
    username: String,
    subdomain: String,
    rtype: &'static str,
    value: String,
    note: Option<String>,
    created_at: i64,
    expires_at: i64,
    last_notified: Option<i64>,
}

/// The RRsets of the zone without those of its apex, and how many belong to no record.
#[derive(Debug, Default)]
pub(super) struct Zone {
    pub(super) sets: Vec<Set>,
    pub(super) orphans: usize,
    pub(super) operators: usize,
}

/// The rows and RRsets generated so far.
#[derive(Default)]
struct Generated {
    rows: Vec<Row>,
    sets: BTreeMap<(String, &'static str), Set>,
}

impl Generated {
    /// Adds a record (subdomain, type, value), and its value in the zone unless `zone` is `None`.
    fn add(
        &mut self,
        user: &OriginalUser,
        record: (&str, &'static str, &str),
        zone: Option<&str>,
        root: &str,
        lifetime: Lifetime,
    ) {
        let (subdomain, rtype, value) = record;
        self.rows.push(Row {
            id: FIRST_ID + i64::try_from(self.rows.len()).unwrap_or_default(),
            username: user.username.clone(),
            subdomain: subdomain.to_owned(),
            rtype,
            value: value.to_owned(),
            note: self
                .rows
                .len()
                .is_multiple_of(3)
                .then(|| format!("course{}", self.rows.len() % 40)),
            created_at: lifetime.created_at,
            expires_at: lifetime.expires_at,
            last_notified: lifetime.last_notified,
        });
        if let Some(value) = zone {
            let name = format!("{}.{}.{root}", subdomain.to_lowercase(), user.label());
            let set = self
                .sets
                .entry((name.clone(), rtype))
                .or_insert_with(|| Set::new::<String>(&name, rtype, TTL, []));
            set.values.insert(value.to_owned());
        }
    }
}

/// The times of a record, in milliseconds since 1970.
#[derive(Clone, Copy)]
struct Lifetime {
    created_at: i64,
    expires_at: i64,
    last_notified: Option<i64>,
}

/// Generates the times of a record: 5 % have expired and 8 % expire within 28 days. The users of
/// the expired and of half of the others were notified.
fn lifetime(now: i64, random: &mut SeededRandom) -> Lifetime {
    let left = match random.below(100) {
        0..5 => random.days(-40, 0),
        5..13 => random.days(1, 28),
        _ => random.days(31, 180),
    };
    let expires_at = now + left;
    let notified = left < 30 * DAY_MS && (left <= 0 || random.percent(50));
    Lifetime {
        created_at: expires_at - 182 * DAY_MS,
        expires_at,
        last_notified: notified.then_some((expires_at - 30 * DAY_MS).min(now - DAY_MS)),
    }
}

/// Writes a number in two letters, which cannot form an offensive word.
fn letters(number: usize) -> String {
    format!("{number:b}").replace('0', "m").replace('1', "n")
}

/// Generates `count` records in turn for all users, the edge cases, and the zone.
pub(super) fn generate(
    users: &[OriginalUser],
    root: &str,
    count: usize,
    now: i64,
    random: &mut SeededRandom,
) -> (Vec<Row>, Zone) {
    let mut generated = Generated::default();
    if let Some(first) = users.first() {
        add_edge_cases(&mut generated, first, root, now);
    }
    if let [.., eighth, ninth] = users.get(..9).unwrap_or_default() {
        add_shared_domain(&mut generated, eighth, ninth, root, now);
    }
    for n in 0..count {
        let Some(user) = users.get(n % users.len().max(1)) else {
            break;
        };
        // Two users who share a domain must not get the same names.
        let subdomain = format!(
            "{}-{}",
            if user.username.contains('.') {
                "lab"
            } else {
                "host"
            },
            letters(n)
        );
        let a = random.below(250);
        let b = random.below(250) + 1;
        let lifetime = lifetime(now, random);
        let (rtype, value, zone) = match random.below(100) {
            0..50 => ("A", format!("10.20.{a}.{b}"), format!("10.20.{a}.{b}")),
            50..60 => (
                "AAAA",
                format!("2001:0DB8:0:{a:x}::{b:x}"),
                format!("2001:db8:0:{a:x}::{b:x}"),
            ),
            60..80 => (
                "CNAME",
                format!("host{a}.pages.example"),
                format!("host{a}.pages.example."),
            ),
            80..85 => (
                "MX",
                format!("mail{b}.pages.example"),
                format!("10 mail{b}.pages.example."),
            ),
            _ => (
                "TXT",
                format!("verification={a}-{b}"),
                format!("\"verification={a}-{b}\""),
            ),
        };
        generated.add(
            user,
            (&subdomain, rtype, &value),
            Some(&zone),
            root,
            lifetime,
        );
    }
    let mut zone = Zone {
        sets: generated.sets.into_values().collect(),
        ..Zone::default()
    };
    add_sets_without_rows(&mut zone, users, root, count);
    (generated.rows, zone)
}

/// Adds records that today's rules refuse, equal values that are written differently, types that
/// cannot share a name, and records whose notice is missing or outdated.
fn add_edge_cases(generated: &mut Generated, user: &OriginalUser, root: &str, now: i64) {
    let unnotified = |days: i64| Lifetime {
        created_at: now - days * DAY_MS,
        expires_at: now + 90 * DAY_MS,
        last_notified: None,
    };
    let long = "x".repeat(191);
    let quoted = format!("\"{long}\"");
    for (record, zone) in [
        (("www", "A", "192.168.1.1"), Some("192.168.1.1")),
        (
            ("www", "MX", "Mail.Pages.example"),
            Some("10 mail.pages.example."),
        ),
        (
            ("WWW2", "CNAME", "Host.Pages.EXAMPLE"),
            Some("host.pages.example."),
        ),
        (("link", "AAAA", "fe80::1%eth0"), None),
        (("loop", "A", "127.0.0.1"), Some("127.0.0.1")),
        (("_web", "A", "192.168.1.2"), Some("192.168.1.2")),
        (("_dmarc", "TXT", "v=DMARC1"), Some("\"v=DMARC1\"")),
        (("long", "TXT", long.as_str()), Some(quoted.as_str())),
        (("same", "AAAA", "2001:db8::1"), Some("2001:db8::1")),
        (("same", "AAAA", "2001:0DB8:0::1"), None),
        (("both", "A", "192.168.1.3"), Some("192.168.1.3")),
        (("both", "CNAME", "host.pages.example"), None),
        (
            ("_acme-challenge", "TXT", "made-by-hand"),
            Some("\"made-by-hand\""),
        ),
    ] {
        generated.add(user, record, zone, root, unnotified(80));
    }
    // The record "edited" was renewed after the notice; "soon" was not.
    let notified = |left: i64, days: i64| Lifetime {
        created_at: now - 100 * DAY_MS,
        expires_at: now + left * DAY_MS,
        last_notified: Some(now - days * DAY_MS),
    };
    for (subdomain, address, lifetime) in [
        ("edited", "192.168.1.4", notified(150, 30)),
        ("soon", "192.168.1.5", notified(10, 20)),
        ("over", "192.168.1.6", notified(-3, 33)),
        (
            "untold",
            "192.168.1.7",
            Lifetime {
                last_notified: None,
                ..notified(10, 0)
            },
        ),
    ] {
        let record = (subdomain, "A", address);
        generated.add(user, record, Some(address), root, lifetime);
    }
}

/// Adds records of two users who share a domain, two of them at the same name.
fn add_shared_domain(
    generated: &mut Generated,
    one: &OriginalUser,
    other: &OriginalUser,
    root: &str,
    now: i64,
) {
    let lifetime = Lifetime {
        created_at: now - 50 * DAY_MS,
        expires_at: now + 90 * DAY_MS,
        last_notified: None,
    };
    for (user, subdomain, address) in [
        (one, "shared", "10.30.0.1"),
        (other, "shared", "10.30.0.2"),
        (other, "theirs", "10.30.0.3"),
    ] {
        let record = (subdomain, "A", address);
        generated.add(user, record, Some(address), root, lifetime);
    }
}

/// Adds RRsets whose records were deleted, one for 20 records, and RRsets of the operators.
fn add_sets_without_rows(zone: &mut Zone, users: &[OriginalUser], root: &str, count: usize) {
    let labels: Vec<String> = users.iter().map(OriginalUser::label).collect();
    let base = |n: usize| {
        labels
            .get(n % labels.len().max(1))
            .map(|label| format!("{label}.{root}"))
    };
    for n in 0..count.div_ceil(20) {
        let Some(base) = base(n * 7) else { break };
        let name = format!("old-{}.{base}", letters(n));
        zone.sets.push(match n % 4 {
            0 => Set::new(&name, "CNAME", TTL, ["gone.pages.example."]),
            1 => Set::new(&name, "TXT", TTL, ["\"left behind\""]),
            _ => Set::new(
                &name,
                "A",
                TTL,
                [format!("10.99.{}.{}", n / 250 % 250, n % 250 + 1)],
            ),
        });
        zone.orphans += 1;
    }
    for n in 0..labels.len().min(200).div_ceil(10) {
        let Some(base) = base(n * 10) else { break };
        zone.sets.push(Set::new(
            &base,
            "CAA",
            3_600,
            ["0 issue \"authority.example\""],
        ));
        let servers = ["ns1.lab.example.", "ns2.lab.example."];
        zone.sets
            .push(Set::new(&format!("delegated.{base}"), "NS", 3_600, servers));
        zone.operators += 2;
    }
}

pub(super) async fn insert(db: &mut MySqlConnection, rows: &[Row]) -> Result<(), sqlx::Error> {
    for batch in rows.chunks(BATCH) {
        let mut insert = QueryBuilder::new(
            "INSERT INTO DnsRecord (id, username, subdomain, type, value, course, \
             createdAt, updatedAt, expiresAt, lastNotified) ",
        );
        insert.push_values(batch, |mut line, row| {
            line.push_bind(row.id)
                .push_bind(&row.username)
                .push_bind(&row.subdomain)
                .push_bind(row.rtype)
                .push_bind(&row.value)
                .push_bind(&row.note)
                .push_bind(datetime(row.created_at))
                .push_bind(datetime(row.created_at))
                .push_bind(datetime(row.expires_at))
                .push_bind(row.last_notified.map(datetime));
        });
        insert.build().execute(&mut *db).await?;
    }
    // The original kept the challenges of its certificates as records, too.
    super::execute(
        db,
        "INSERT INTO DnsRecord (username, subdomain, type, value, challengeId, \
         createdAt, updatedAt, expiresAt) \
         SELECT c.username, '_acme-challenge', 'TXT', h.challengeKey, h.id, \
         NOW(3), NOW(3), NOW(3) + INTERVAL 180 DAY \
         FROM Challenge h JOIN Certificate c ON c.id = h.certificateId",
    )
    .await
}
