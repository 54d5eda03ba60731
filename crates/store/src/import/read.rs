//! The original's tables, read and never written.

use std::collections::BTreeSet;
use std::time::Duration;

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseTransaction, FromQueryResult, IsolationLevel,
    TransactionTrait, Value,
};
use starchart_domain::secret::Secret;

use super::ImportError;
use crate::connect::Endpoint;
use crate::{ConnectError, Error, sql};

/// What is read of each table. The table's name first.
const NEEDED: [(&str, &[&str]); 3] = [
    (
        "User",
        &[
            "username",
            "displayName",
            "email",
            "group",
            "createdAt",
            "updatedAt",
        ],
    ),
    (
        "DnsRecord",
        &[
            "id",
            "username",
            "subdomain",
            "type",
            "value",
            "description",
            "course",
            "ports",
            "challengeId",
            "createdAt",
            "updatedAt",
            "expiresAt",
            "lastNotified",
        ],
    ),
    (
        "Certificate",
        &[
            "id",
            "username",
            "domain",
            "privateKey",
            "certificate",
            "chain",
            "validFrom",
            "validTo",
            "lastNotified",
            "status",
        ],
    ),
];

/// Rows of people and records that one statement reads.
const PAGE: usize = 5_000;
/// Rows of certificates that one statement reads.
const PEM_PAGE: usize = 250;
const WAIT: Duration = Duration::from_secs(10);

/// The original's database, seen as it was when it was first read.
pub struct Original {
    tx: DatabaseTransaction,
}

impl std::fmt::Debug for Original {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Original").finish_non_exhaustive()
    }
}

/// Somebody who had an account.
#[derive(Debug, Clone, FromQueryResult)]
pub(super) struct OldUser {
    pub(super) username: String,
    pub(super) display_name: String,
    pub(super) email: String,
    pub(super) listed: String,
    pub(super) created_at: i64,
}

/// A record.
#[derive(Debug, Clone, FromQueryResult)]
pub(super) struct OldRecord {
    pub(super) id: i64,
    /// The user name as its own row has it; none when there is no such row.
    pub(super) owner: Option<String>,
    pub(super) subdomain: String,
    pub(super) rtype: String,
    pub(super) content: String,
    pub(super) description: Option<String>,
    pub(super) course: Option<String>,
    pub(super) ports: Option<String>,
    pub(super) challenge_id: Option<i64>,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    pub(super) expires_at: i64,
    pub(super) last_notified: Option<i64>,
}

/// A certificate, or an order for one.
#[derive(FromQueryResult)]
pub(super) struct OldCertificate {
    pub(super) id: i64,
    pub(super) owner: Option<String>,
    pub(super) domain: String,
    pub(super) status: String,
    pub(super) private_key: Option<String>,
    pub(super) certificate: Option<String>,
    pub(super) chain: Option<String>,
    pub(super) last_notified: Option<i64>,
}

/// Milliseconds since 1970 of a DATETIME(3) that is in UTC, whatever the session's time zone.
fn millis(column: &str) -> String {
    format!("CAST(TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', {column}) DIV 1000 AS SIGNED)")
}

impl Original {
    /// Connects, and begins the one transaction that everything is read in.
    ///
    /// # Errors
    /// The database does not answer, or is not the original's.
    pub async fn open(url: &Secret) -> Result<Self, ImportError> {
        let endpoint = Endpoint::read(url).map_err(ImportError::Connect)?;
        if !matches!(endpoint, Endpoint::MySql(_)) {
            let reason = "the original's is a MySQL database: mysql://…".to_owned();
            return Err(ImportError::Connect(ConnectError::Invalid(reason)));
        }
        endpoint.probe(WAIT).await.map_err(ImportError::Connect)?;
        let pool = endpoint.pool(1, WAIT);
        let begun = pool
            .begin_with_config(
                Some(IsolationLevel::RepeatableRead),
                Some(AccessMode::ReadOnly),
            )
            .await;
        let original = Self {
            tx: begun.map_err(|fault| ImportError::Read(fault.into()))?,
        };
        match missing(&original.tx).await.map_err(ImportError::Read)? {
            None => Ok(original),
            Some(lacks) => Err(ImportError::NotTheOriginal(lacks)),
        }
    }

    /// Ends the transaction, so that the original's database keeps nothing for it.
    pub async fn close(self) {
        if let Err(fault) = self.tx.rollback().await {
            tracing::debug!(error = %fault, "the connection to the original's database ends by itself");
        }
    }

    /// Everybody, in the order of the user names.
    pub(super) async fn users(&self) -> Result<Vec<OldUser>, ImportError> {
        let select = format!(
            "SELECT CAST(u.username AS CHAR) AS username, CAST(u.displayName AS CHAR) AS display_name, \
             CAST(u.email AS CHAR) AS email, CAST(u.`group` AS CHAR) AS listed, {} AS created_at FROM `User` u \
             WHERE u.username > ? ORDER BY u.username LIMIT {PAGE}",
            millis("u.createdAt")
        );
        self.pages(&select, String::new(), |user: &OldUser| {
            user.username.clone()
        })
        .await
    }

    /// Every record, in the order of the ids.
    pub(super) async fn records(&self) -> Result<Vec<OldRecord>, ImportError> {
        let select = format!(
            "SELECT CAST(r.id AS SIGNED) AS id, CAST(u.username AS CHAR) AS owner, CAST(r.subdomain AS CHAR) AS subdomain, \
             CAST(r.type AS CHAR) AS rtype, CAST(r.value AS CHAR) AS content, CAST(r.description AS CHAR) AS description, \
             CAST(r.course AS CHAR) AS course, CAST(r.ports AS CHAR) AS ports, CAST(r.challengeId AS SIGNED) AS challenge_id, \
             {} AS created_at, {} AS updated_at, {} AS expires_at, {} AS last_notified \
             FROM DnsRecord r LEFT JOIN `User` u ON u.username = r.username WHERE r.id > ? ORDER BY r.id LIMIT {PAGE}",
            millis("r.createdAt"),
            millis("r.updatedAt"),
            millis("r.expiresAt"),
            millis("r.lastNotified")
        );
        self.pages(&select, i64::MIN, |record: &OldRecord| record.id)
            .await
    }

    /// Certificates with their keys, a few at a time, after the one with this id.
    pub(super) async fn certificates(
        &self,
        after: i64,
    ) -> Result<Vec<OldCertificate>, ImportError> {
        let select = format!(
            "SELECT CAST(c.id AS SIGNED) AS id, CAST(u.username AS CHAR) AS owner, CAST(c.domain AS CHAR) AS domain, \
             CAST(c.status AS CHAR) AS status, c.privateKey AS private_key, c.certificate AS certificate, c.chain AS chain, \
             {} AS last_notified FROM Certificate c LEFT JOIN `User` u ON u.username = c.username \
             WHERE c.id > ? ORDER BY c.id LIMIT {PEM_PAGE}",
            millis("c.lastNotified")
        );
        sql::all(&self.tx, &select, vec![after.into()])
            .await
            .map_err(ImportError::Read)
    }

    /// All rows of a statement that takes the key of the last row before.
    async fn pages<T, K>(
        &self,
        select: &str,
        first: K,
        key: impl Fn(&T) -> K,
    ) -> Result<Vec<T>, ImportError>
    where
        T: FromQueryResult,
        K: Into<Value> + Clone,
    {
        let (mut rows, mut after) = (Vec::new(), first);
        loop {
            let page: Vec<T> = sql::all(&self.tx, select, vec![after.clone().into()])
                .await
                .map_err(ImportError::Read)?;
            let Some(last) = page.last() else {
                return Ok(rows);
            };
            after = key(last);
            rows.extend(page);
        }
    }
}

/// The first table or column that the original has and this database lacks.
async fn missing(on: &impl ConnectionTrait) -> Result<Option<String>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        place: String,
    }
    // Names of columns are the same in any case; those of tables are where the server says so.
    let folds = folds_case(on).await?;
    let select = "SELECT CAST(CONCAT(TABLE_NAME, '.', LOWER(COLUMN_NAME)) AS CHAR) AS place FROM information_schema.COLUMNS \
         WHERE TABLE_SCHEMA = DATABASE()";
    let rows: Vec<Row> = sql::all(on, select, vec![]).await?;
    let fold = |table: &str| {
        if folds {
            table.to_lowercase()
        } else {
            table.to_owned()
        }
    };
    let there: BTreeSet<String> = rows
        .into_iter()
        .map(|row| {
            if folds {
                row.place.to_lowercase()
            } else {
                row.place
            }
        })
        .collect();
    for (table, columns) in NEEDED {
        let prefix = format!("{}.", fold(table));
        if !there.iter().any(|place| place.starts_with(&prefix)) {
            return Ok(Some(format!("the table {table}")));
        }
        let absent = columns
            .iter()
            .find(|column| !there.contains(&format!("{prefix}{}", column.to_lowercase())));
        if let Some(column) = absent {
            return Ok(Some(format!("the column {table}.{column}")));
        }
    }
    Ok(None)
}

/// Whether the original's tables stand in this database.
pub(super) async fn stands_in(on: &impl ConnectionTrait) -> Result<bool, Error> {
    // Asked at each sign-in: one table's name first, which costs the server little.
    let look = "SELECT COUNT(*) AS n FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ('User', 'user')";
    Ok(sql::number(on, look, vec![])
        .await?
        .is_some_and(|count| count > 0)
        && missing(on).await?.is_none())
}

/// Whether the server takes `User` and `user` for one table.
async fn folds_case(on: &impl ConnectionTrait) -> Result<bool, Error> {
    let look = "SELECT CAST(@@lower_case_table_names AS SIGNED) AS n";
    Ok(sql::number(on, look, vec![])
        .await?
        .is_some_and(|mode| mode != 0))
}
