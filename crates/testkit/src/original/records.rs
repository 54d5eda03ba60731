//! Records, and the zone as that application left it.

use std::collections::BTreeMap;

use sqlx::{MySqlConnection, QueryBuilder};

use super::dice::Dice;
use super::people::Somebody;
use super::{BATCH, DAY_MS, datetime};
use crate::route53::Set;

const TTL: u32 = 300;
/// The number of the first record: ids begin anywhere.
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

/// The zone without its apex.
#[derive(Debug, Default)]
pub(super) struct Zone {
    pub(super) sets: Vec<Set>,
    pub(super) orphans: usize,
    pub(super) operators: usize,
}

#[derive(Default)]
struct Workshop {
    rows: Vec<Row>,
    sets: BTreeMap<(String, &'static str), Set>,
}

impl Workshop {
    /// A record, and its value in the zone; none: the zone does not have it.
    fn add(
        &mut self,
        somebody: &Somebody,
        what: (&str, &'static str, &str),
        zone: Option<&str>,
        root: &str,
        life: Life,
    ) {
        let (subdomain, rtype, value) = what;
        self.rows.push(Row {
            id: FIRST_ID + i64::try_from(self.rows.len()).unwrap_or_default(),
            username: somebody.username.clone(),
            subdomain: subdomain.to_owned(),
            rtype,
            value: value.to_owned(),
            note: self
                .rows
                .len()
                .is_multiple_of(3)
                .then(|| format!("course{}", self.rows.len() % 40)),
            created_at: life.created_at,
            expires_at: life.expires_at,
            last_notified: life.last_notified,
        });
        if let Some(value) = zone {
            let name = format!("{}.{}.{root}", subdomain.to_lowercase(), somebody.label());
            let set = self
                .sets
                .entry((name.clone(), rtype))
                .or_insert_with(|| Set::new::<String>(&name, rtype, TTL, []));
            set.values.insert(value.to_owned());
        }
    }
}

#[derive(Clone, Copy)]
struct Life {
    created_at: i64,
    expires_at: i64,
    last_notified: Option<i64>,
}

/// One in twenty has ended, and one in twelve ends soon, of which half were told.
fn life(now: i64, dice: &mut Dice) -> Life {
    let left = match dice.below(100) {
        0..5 => dice.days(-40, 0),
        5..13 => dice.days(1, 28),
        _ => dice.days(31, 180),
    };
    let expires_at = now + left;
    let told = left < 30 * DAY_MS && (left <= 0 || dice.percent(50));
    Life {
        created_at: expires_at - 182 * DAY_MS,
        expires_at,
        last_notified: told.then_some((expires_at - 30 * DAY_MS).min(now - DAY_MS)),
    }
}

/// A number in two letters that spell nothing.
fn letters(number: usize) -> String {
    format!("{number:b}").replace('0', "m").replace('1', "n")
}

pub(super) fn make(
    people: &[Somebody],
    root: &str,
    count: usize,
    now: i64,
    dice: &mut Dice,
) -> (Vec<Row>, Zone) {
    let mut work = Workshop::default();
    if let Some(first) = people.first() {
        odd(&mut work, first, root, now);
    }
    if let [.., eighth, ninth] = people.get(..9).unwrap_or_default() {
        shared(&mut work, eighth, ninth, root, now);
    }
    for n in 0..count {
        let Some(somebody) = people.get(n % people.len().max(1)) else {
            break;
        };
        // Where two share a domain, they would write over each other's names.
        let subdomain = format!(
            "{}-{}",
            if somebody.username.contains('.') {
                "lab"
            } else {
                "host"
            },
            letters(n)
        );
        let (a, b) = (dice.below(250), dice.below(250) + 1);
        let life = life(now, dice);
        let (rtype, value, zone) = match dice.below(100) {
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
        work.add(
            somebody,
            (&subdomain, rtype, &value),
            Some(&zone),
            root,
            life,
        );
    }
    let mut zone = Zone {
        sets: work.sets.into_values().collect(),
        ..Zone::default()
    };
    leftovers(&mut zone, people, root, count);
    (work.rows, zone)
}

/// What a newer rule refuses, what means the same, and what cannot stand together.
fn odd(work: &mut Workshop, somebody: &Somebody, root: &str, now: i64) {
    let life = |days: i64| Life {
        created_at: now - days * DAY_MS,
        expires_at: now + 90 * DAY_MS,
        last_notified: None,
    };
    let long = "x".repeat(191);
    let quoted = format!("\"{long}\"");
    for (what, zone) in [
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
        work.add(somebody, what, zone, root, life(80));
    }
    // Told of an end that an edit has put off since; and told of the end that comes.
    let told = |left: i64, days: i64| Life {
        created_at: now - 100 * DAY_MS,
        expires_at: now + left * DAY_MS,
        last_notified: Some(now - days * DAY_MS),
    };
    work.add(
        somebody,
        ("edited", "A", "192.168.1.4"),
        Some("192.168.1.4"),
        root,
        told(150, 30),
    );
    work.add(
        somebody,
        ("soon", "A", "192.168.1.5"),
        Some("192.168.1.5"),
        root,
        told(10, 20),
    );
    work.add(
        somebody,
        ("over", "A", "192.168.1.6"),
        Some("192.168.1.6"),
        root,
        told(-3, 33),
    );
    work.add(
        somebody,
        ("untold", "A", "192.168.1.7"),
        Some("192.168.1.7"),
        root,
        Life {
            last_notified: None,
            ..told(10, 0)
        },
    );
}

/// Two people with one domain, also at one name.
fn shared(work: &mut Workshop, one: &Somebody, other: &Somebody, root: &str, now: i64) {
    let life = Life {
        created_at: now - 50 * DAY_MS,
        expires_at: now + 90 * DAY_MS,
        last_notified: None,
    };
    work.add(
        one,
        ("shared", "A", "10.30.0.1"),
        Some("10.30.0.1"),
        root,
        life,
    );
    work.add(
        other,
        ("shared", "A", "10.30.0.2"),
        Some("10.30.0.2"),
        root,
        life,
    );
    work.add(
        other,
        ("theirs", "A", "10.30.0.3"),
        Some("10.30.0.3"),
        root,
        life,
    );
}

/// One in twenty sets more that no row explains any more, and the operators' own.
fn leftovers(zone: &mut Zone, people: &[Somebody], root: &str, count: usize) {
    let people: Vec<String> = people.iter().map(Somebody::label).collect();
    let base = |n: usize| {
        people
            .get(n % people.len().max(1))
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
    for n in 0..people.len().min(200).div_ceil(10) {
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
            "INSERT INTO DnsRecord (id, username, subdomain, type, value, course, createdAt, updatedAt, expiresAt, lastNotified) ",
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
    // What the program itself put there for a certificate.
    super::execute(
        db,
        "INSERT INTO DnsRecord (username, subdomain, type, value, challengeId, createdAt, updatedAt, expiresAt) \
         SELECT c.username, '_acme-challenge', 'TXT', h.challengeKey, h.id, NOW(3), NOW(3), NOW(3) + INTERVAL 180 DAY \
         FROM Challenge h JOIN Certificate c ON c.id = h.certificateId",
    )
    .await
}
