//! Certificates that an authority of our own issued, with their keys.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    PKCS_RSA_SHA256,
};
use sqlx::{MySqlConnection, QueryBuilder};
use time::OffsetDateTime;

use super::dice::Dice;
use super::people::Somebody;
use super::{DAY_MS, datetime};

/// Keys of the old kind, which take long to make, are used again.
const RSA_KEYS: usize = 4;
/// Rows of one INSERT; each has some thousand characters.
const FEW: usize = 100;

/// A row of `Certificate`; its number is its place, from 1.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    username: String,
    domain: String,
    order_url: String,
    status: &'static str,
    private_key: Option<String>,
    certificate: Option<String>,
    chain: Option<String>,
    valid: Option<(i64, i64)>,
    last_notified: Option<i64>,
}

struct Workshop {
    authority: CertifiedIssuer<'static, KeyPair>,
    rsa: Vec<KeyPair>,
}

impl Workshop {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "An authority for tests");
        let authority = CertifiedIssuer::self_signed(params, key())
            .unwrap_or_else(|error| panic!("an authority: {error}"));
        let rsa = |_| {
            KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap_or_else(|error| panic!("a key: {error}"))
        };
        Self {
            authority,
            rsa: (0..RSA_KEYS).map(rsa).collect(),
        }
    }

    fn issue(&self, row: &mut Row, nth: usize, from: i64, to: i64) {
        let made = key();
        // Half of them are of the kind that was usual.
        let key = if nth.is_multiple_of(2) {
            &made
        } else {
            &self.rsa[nth % RSA_KEYS]
        };
        let names = vec![format!("*.{}", row.domain), row.domain.clone()];
        let mut params =
            CertificateParams::new(names).unwrap_or_else(|error| panic!("a certificate: {error}"));
        params.distinguished_name = DistinguishedName::new();
        (params.not_before, params.not_after) = (moment(from), moment(to));
        let issued = params
            .signed_by(key, &self.authority)
            .unwrap_or_else(|error| panic!("a certificate: {error}"));
        row.status = "issued";
        row.private_key = Some(key.serialize_pem());
        row.certificate = Some(issued.pem());
        row.chain = Some(self.authority.pem());
        row.valid = Some((from, to));
    }
}

fn key() -> KeyPair {
    KeyPair::generate().unwrap_or_else(|error| panic!("a key: {error}"))
}

fn moment(millis: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(millis / 1_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Two in five people have one; some of these an older one, some ask for one, some failed.
pub(super) fn make(people: &[Somebody], root: &str, now: i64, dice: &mut Dice) -> Vec<Row> {
    if people.is_empty() {
        return Vec::new();
    }
    let workshop = Workshop::new();
    let mut rows = Vec::new();
    for (n, somebody) in people.iter().enumerate() {
        let blank = Row {
            username: somebody.username.clone(),
            domain: format!("{}.{root}", somebody.label()),
            ..Row::default()
        };
        let mut add = |mut row: Row| {
            row.order_url = format!("https://authority.example/order/{}", rows.len() + 1);
            rows.push(row);
        };
        // The first ones are what each school has; dice decide for the others.
        let chance = if n < 6 {
            [0, 10, 0, 50, 45, 0][n]
        } else {
            dice.below(100)
        };
        if chance < 40 {
            let left = if n == 0 {
                60
            } else {
                dice.days(1, 89) / DAY_MS
            };
            if n == 0 || dice.percent(20) {
                let mut older = blank.clone();
                let end = now + left * DAY_MS - 30 * DAY_MS;
                workshop.issue(&mut older, n + 1, end - 90 * DAY_MS, end);
                add(older);
            }
            let mut row = blank;
            let end = now + left * DAY_MS;
            workshop.issue(&mut row, n, end - 90 * DAY_MS, end);
            row.last_notified = (left < 29).then_some(now - (29 - left) * DAY_MS);
            if n == 2 || dice.below(1_000) == 0 {
                row.private_key = Some(key().serialize_pem());
            }
            add(row);
        } else if chance < 46 {
            add(Row {
                status: "pending",
                ..blank
            });
        } else if chance < 50 {
            add(Row {
                status: "failed",
                ..blank
            });
        } else if chance < 55 {
            let mut ended = blank;
            workshop.issue(&mut ended, n, now - 200 * DAY_MS, now - 110 * DAY_MS);
            add(ended);
        }
    }
    rows
}

pub(super) async fn insert(db: &mut MySqlConnection, rows: &[Row]) -> Result<(), sqlx::Error> {
    for batch in rows.chunks(FEW) {
        let mut insert = QueryBuilder::new(
            "INSERT INTO Certificate (username, domain, orderUrl, status, privateKey, certificate, chain, validFrom, validTo, \
             lastNotified) ",
        );
        insert.push_values(batch, |mut line, row| {
            line.push_bind(&row.username)
                .push_bind(&row.domain)
                .push_bind(&row.order_url)
                .push_bind(row.status)
                .push_bind(&row.private_key)
                .push_bind(&row.certificate)
                .push_bind(&row.chain)
                .push_bind(row.valid.map(|(from, _)| datetime(from)))
                .push_bind(row.valid.map(|(_, to)| datetime(to)))
                .push_bind(row.last_notified.map(datetime));
        });
        insert.build().execute(&mut *db).await?;
    }
    super::execute(
        db,
        "INSERT INTO Challenge (domain, challengeKey, certificateId) \
         SELECT domain, CONCAT('key-', id), id FROM Certificate WHERE status = 'pending'",
    )
    .await
}
