//! The original's rows, taken over. Its database is always MySQL, and so is ours then.

mod accounts;
mod course;
mod rows;

use starchart_domain::names::{ReservedLabels, RootDomain};
use starchart_domain::record::RecordId;
use starchart_domain::secret::Secret;
use starchart_domain::time::Timestamp;
use starchart_domain::user::{GroupNames, UserId};
use starchart_domain::words::{NameLists, NameRules};
use starchart_store::expiry::{self, ExpiryStep};
use starchart_store::import::{
    self, ImportError, IssuedCertificate, Options, Original, Progress, Report, Topic,
};
use starchart_store::records::{self, RecordError};
use starchart_store::{certificates, users, zone};
use starchart_testkit::mariadb::TestDb;
use starchart_testkit::original::OriginalDatabase;

use crate::world::{DAY_MS, TestUser, World, identity, root};

/// A database in the original's schema with these rows; each statement ends in a semicolon.
async fn original(rows: &str) -> TestDb {
    let db = TestDb::create().await;
    OriginalDatabase::empty().build(&db.url()).await.unwrap();
    if !rows.is_empty() {
        db.run(rows).await;
    }
    db
}

/// Inserts users, the oldest first.
fn user_rows(usernames: &[&str]) -> String {
    let row = |(n, username): (usize, &&str)| {
        format!(
            "('{username}', 'Student {n}', '{n}@school.example', 'mycustomdomain-students, \
             mycustomdomain-admins-not', '2025-01-{:02} 10:00:00.123', '2025-02-01 10:00:00')",
            n + 1
        )
    };
    let rows: Vec<String> = usernames.iter().enumerate().map(row).collect();
    format!("INSERT INTO `User` VALUES {};", rows.join(", "))
}

/// A record that ends in `days`; `notified`: how many days ago its user was notified.
fn record(
    id: i64,
    username: &str,
    what: (&str, &str, &str),
    days: i64,
    notified: Option<i64>,
) -> String {
    let (subdomain, rtype, value) = what;
    let notified = notified.map_or("NULL".to_owned(), |ago| {
        format!("UTC_TIMESTAMP(3) - INTERVAL {ago} DAY")
    });
    format!(
        "INSERT INTO DnsRecord (id, username, subdomain, type, value, course, createdAt, \
         updatedAt, expiresAt, lastNotified) VALUES ({id}, '{username}', '{subdomain}', \
         '{rtype}', '{value}', 'course1', '2025-03-01 08:00:00', '2025-03-01 08:00:00', \
         UTC_TIMESTAMP(3) + INTERVAL {days} DAY, {notified});"
    )
}

/// A certificate that ends in `days`, as [`read_certificate`] reads it.
fn certificate(id: i64, username: &str, domain: &str, days: i64, status: &str) -> String {
    format!(
        "INSERT INTO Certificate (id, username, domain, orderUrl, privateKey, certificate, chain, \
         status) VALUES ({id}, '{username}', '{domain}', 'url{id}', 'key{id}', 'certificate{id} \
         {days}', 'chain', '{status}');"
    )
}

/// Certificates here are `certificateN DAYS` and fit the key `keyN`.
fn read_certificate(
    key: &Secret,
    certificate: &str,
    chain: &str,
) -> Result<IssuedCertificate, String> {
    let (name, days) = certificate.split_once(' ').ok_or("no certificate")?;
    if key.expose().strip_prefix("key") != name.strip_prefix("certificate") {
        return Err("the private key is another certificate's".to_owned());
    }
    let today = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let end = Timestamp::from_millis(
        i64::try_from(today).unwrap() + days.parse::<i64>().unwrap() * DAY_MS,
    );
    Ok(IssuedCertificate {
        certificate: name.to_owned(),
        chain: chain.to_owned(),
        not_before: end.plus(-90 * DAY_MS),
        not_after: end,
    })
}

struct Rules {
    root: RootDomain,
    groups: GroupNames,
    reserved: ReservedLabels,
}

impl Rules {
    fn new() -> Self {
        Self {
            root: root(),
            groups: GroupNames::with_prefix("mycustomdomain"),
            reserved: NameRules::new(&NameLists::built_in(), [], None).reserved,
        }
    }

    fn options(&self) -> Options<'_> {
        Options {
            root: &self.root,
            groups: &self.groups,
            reserved: &self.reserved,
            certificate: &read_certificate,
        }
    }
}

async fn apply(world: &World, db: &TestDb) -> Result<Report, ImportError> {
    let original = Original::open(&Secret::new(db.url())).await.unwrap();
    let report = import::apply(&world.store, &original, &Rules::new().options()).await;
    original.close().await;
    report
}

async fn look(world: &World, db: &TestDb) -> Result<Report, ImportError> {
    let original = Original::open(&Secret::new(db.url())).await.unwrap();
    let report = import::preview(&world.store, &original, &Rules::new().options()).await;
    original.close().await;
    report
}

fn lines(report: &Report, topic: Topic) -> Vec<String> {
    let mut lines: Vec<String> = report.by_topic().get(&topic).map_or(Vec::new(), |lines| {
        lines.iter().map(|line| (*line).to_owned()).collect()
    });
    lines.sort();
    lines
}

/// How many rows each of our tables has that an import writes.
async fn sizes(world: &World) -> Vec<i64> {
    let mut sizes = Vec::new();
    for table in [
        "users",
        "names",
        "dns_records",
        "certificates",
        "certificate_orders",
        "outbox",
        "import_rows",
        "zone_control",
    ] {
        sizes.push(world.number(&format!("SELECT COUNT(*) FROM {table}")).await);
    }
    sizes
}

async fn user(world: &World, username: &str) -> UserId {
    UserId(
        world
            .number(&format!(
                "SELECT id FROM users WHERE subject = '{}'",
                username.to_lowercase()
            ))
            .await,
    )
}

/// Signs a user in and claims the label.
async fn sign_in(world: &World, username: &str, label: &str) -> TestUser {
    let id = user(world, username).await;
    let label = starchart_domain::names::Label::parse(label).unwrap();
    let context = starchart_store::trail::AuditContext {
        actor: id,
        on_behalf_of: None,
        token: None,
        request_id: "request",
    };
    TestUser {
        id,
        base: root().base(&label),
        context,
    }
}
