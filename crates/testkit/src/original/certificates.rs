//! The certificates of the original's database, issued by a generated CA, with their keys.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    PKCS_RSA_SHA256,
};
use sqlx::{MySqlConnection, QueryBuilder};
use time::OffsetDateTime;

use super::random::SeededRandom;
use super::users::OriginalUser;
use super::{DAY_MS, datetime};

/// How many RSA keys are generated. They take long, so certificates share them.
const RSA_KEYS: usize = 4;
/// How many rows one INSERT has; each row has some thousand characters.
const BATCH: usize = 100;

/// A row of `Certificate`; its id is its position, from 1.
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

/// The CA, and the RSA keys that certificates share.
struct Issuer {
    authority: CertifiedIssuer<'static, KeyPair>,
    rsa: Vec<KeyPair>,
}

impl Issuer {
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
        let p256 = key();
        // The original created RSA keys for a long time: half of the certificates have one.
        let key = if nth.is_multiple_of(2) {
            &p256
        } else {
            &self.rsa[nth % RSA_KEYS]
        };
        let names = vec![format!("*.{}", row.domain), row.domain.clone()];
        let mut params =
            CertificateParams::new(names).unwrap_or_else(|error| panic!("a certificate: {error}"));
        params.distinguished_name = DistinguishedName::new();
        params.not_before = moment(from);
        params.not_after = moment(to);
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

/// Generates the certificates: 40 % of the users have a valid one, and a fifth of these an older
/// one as well; 6 % have a pending request, 4 % a failed one, and 5 % an expired certificate.
pub(super) fn generate(
    users: &[OriginalUser],
    root: &str,
    now: i64,
    random: &mut SeededRandom,
) -> Vec<Row> {
    if users.is_empty() {
        return Vec::new();
    }
    let issuer = Issuer::new();
    let mut rows = Vec::new();
    for (n, user) in users.iter().enumerate() {
        let blank = Row {
            username: user.username.clone(),
            domain: format!("{}.{root}", user.label()),
            ..Row::default()
        };
        let mut add = |mut row: Row| {
            row.order_url = format!("https://authority.example/order/{}", rows.len() + 1);
            rows.push(row);
        };
        // The first users have one of each kind, however small the database is.
        let chance = if n < 6 {
            [0, 10, 0, 50, 45, 0][n]
        } else {
            random.below(100)
        };
        if chance < 40 {
            let left = if n == 0 {
                60
            } else {
                random.days(1, 89) / DAY_MS
            };
            if n == 0 || random.percent(20) {
                let mut older = blank.clone();
                let end = now + left * DAY_MS - 30 * DAY_MS;
                issuer.issue(&mut older, n + 1, end - 90 * DAY_MS, end);
                add(older);
            }
            let mut row = blank;
            let end = now + left * DAY_MS;
            issuer.issue(&mut row, n, end - 90 * DAY_MS, end);
            row.last_notified = (left < 29).then_some(now - (29 - left) * DAY_MS);
            // A private key that does not match its certificate.
            if n == 2 || random.below(1_000) == 0 {
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
            let mut expired = blank;
            issuer.issue(&mut expired, n, now - 200 * DAY_MS, now - 110 * DAY_MS);
            add(expired);
        }
    }
    rows
}

pub(super) async fn insert(db: &mut MySqlConnection, rows: &[Row]) -> Result<(), sqlx::Error> {
    for batch in rows.chunks(BATCH) {
        let mut insert = QueryBuilder::new(
            "INSERT INTO Certificate (username, domain, orderUrl, status, privateKey, \
             certificate, chain, validFrom, validTo, lastNotified) ",
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
