//! Reads the original's tables, and never writes them.

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

/// The columns that are read, by table.
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

/// Rows of users and records that one statement reads.
const PAGE: u32 = 5_000;
/// Rows of certificates that one statement reads.
const PEM_PAGE: u32 = 250;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Milliseconds since 1970 of a DATETIME(3) in UTC, whatever the session's time zone.
macro_rules! millis {
    ($column:literal) => {
        concat!(
            "CAST(TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', ",
            $column,
            ") DIV 1000 AS SIGNED)"
        )
    };
}

// The original's tables have no entities, and sea-query has neither TIMESTAMPDIFF nor DIV. The
// casts give the same types whatever the columns' own types are.

/// A page of users, after the user name in the first value.
const SELECT_USERS: &str = concat!(
    "SELECT CAST(u.username AS CHAR) AS username, CAST(u.displayName AS CHAR) AS display_name, ",
    "CAST(u.email AS CHAR) AS email, CAST(u.`group` AS CHAR) AS listed, ",
    millis!("u.createdAt"),
    " AS created_at FROM `User` u WHERE u.username > ? ORDER BY u.username LIMIT ?"
);

/// A page of records, after the id in the first value.
const SELECT_RECORDS: &str = concat!(
    "SELECT CAST(r.id AS SIGNED) AS id, CAST(u.username AS CHAR) AS owner, ",
    "CAST(r.subdomain AS CHAR) AS subdomain, CAST(r.type AS CHAR) AS rtype, ",
    "CAST(r.value AS CHAR) AS content, CAST(r.description AS CHAR) AS description, ",
    "CAST(r.course AS CHAR) AS course, CAST(r.ports AS CHAR) AS ports, ",
    "CAST(r.challengeId AS SIGNED) AS challenge_id, ",
    millis!("r.createdAt"),
    " AS created_at, ",
    millis!("r.updatedAt"),
    " AS updated_at, ",
    millis!("r.expiresAt"),
    " AS expires_at, ",
    millis!("r.lastNotified"),
    " AS last_notified FROM DnsRecord r LEFT JOIN `User` u ON u.username = r.username ",
    "WHERE r.id > ? ORDER BY r.id LIMIT ?"
);

/// A page of certificates and requests, after the id in the first value.
const SELECT_CERTIFICATES: &str = concat!(
    "SELECT CAST(c.id AS SIGNED) AS id, CAST(u.username AS CHAR) AS owner, ",
    "CAST(c.domain AS CHAR) AS domain, CAST(c.status AS CHAR) AS status, ",
    "c.privateKey AS private_key, c.certificate AS certificate, c.chain AS chain, ",
    millis!("c.lastNotified"),
    " AS last_notified FROM Certificate c LEFT JOIN `User` u ON u.username = c.username ",
    "WHERE c.id > ? ORDER BY c.id LIMIT ?"
);

/// Whether one of the original's tables is there. It reads the server's own tables.
const COUNT_USER_TABLES: &str = "SELECT COUNT(*) AS n FROM information_schema.TABLES \
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ('User', 'user')";

/// Zero if the server distinguishes the case of table names. It reads a variable of the server.
const SELECT_LOWER_CASE: &str = "SELECT CAST(@@lower_case_table_names AS SIGNED) AS n";

/// The original's database, as it was at the first read.
pub struct Original {
    tx: DatabaseTransaction,
}

impl std::fmt::Debug for Original {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Original").finish_non_exhaustive()
    }
}

/// A row of `User`.
#[derive(Debug, Clone, FromQueryResult)]
pub(super) struct OldUser {
    pub(super) username: String,
    pub(super) display_name: String,
    pub(super) email: String,
    /// The groups, separated by commas.
    pub(super) listed: String,
    pub(super) created_at: i64,
}

/// A row of `DnsRecord`.
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

/// A row of `Certificate`: a certificate, or a request for one.
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

impl Original {
    /// Connects, and begins the one transaction in which everything is read.
    ///
    /// # Errors
    /// The database does not answer, or is not the original's.
    pub async fn open(url: &Secret) -> Result<Self, ImportError> {
        let endpoint = Endpoint::read(url).map_err(ImportError::Connect)?;
        if !matches!(endpoint, Endpoint::MySql(_)) {
            let reason = "the original's is a MySQL database: mysql://…".to_owned();
            return Err(ImportError::Connect(ConnectError::Invalid(reason)));
        }
        endpoint
            .probe(CONNECT_TIMEOUT)
            .await
            .map_err(ImportError::Connect)?;
        let pool = endpoint.pool(1, CONNECT_TIMEOUT);
        let begun = pool
            .begin_with_config(
                Some(IsolationLevel::RepeatableRead),
                Some(AccessMode::ReadOnly),
            )
            .await;
        let original = Self {
            tx: begun.map_err(|fault| ImportError::Read(fault.into()))?,
        };
        match find_missing(&original.tx)
            .await
            .map_err(ImportError::Read)?
        {
            None => Ok(original),
            Some(lacks) => Err(ImportError::NotTheOriginal(lacks)),
        }
    }

    /// Ends the transaction and releases the connection.
    pub async fn close(self) {
        if let Err(fault) = self.tx.rollback().await {
            tracing::debug!(
                error = %fault,
                "the connection to the original's database ends by itself"
            );
        }
    }

    /// Reads all users, in the order of the user names.
    pub(super) async fn users(&self) -> Result<Vec<OldUser>, ImportError> {
        let key = |user: &OldUser| user.username.clone();
        self.read_all(SELECT_USERS, String::new(), key).await
    }

    /// Reads all records, in the order of the ids.
    pub(super) async fn records(&self) -> Result<Vec<OldRecord>, ImportError> {
        let key = |record: &OldRecord| record.id;
        self.read_all(SELECT_RECORDS, i64::MIN, key).await
    }

    /// Reads a page of certificates with their keys, after the one with this id.
    pub(super) async fn certificates(
        &self,
        after: i64,
    ) -> Result<Vec<OldCertificate>, ImportError> {
        let values = vec![after.into(), PEM_PAGE.into()];
        sql::all(&self.tx, SELECT_CERTIFICATES, values)
            .await
            .map_err(ImportError::Read)
    }

    /// Reads all rows of a statement that reads the page after a key. `first` is before all keys.
    async fn read_all<T, K>(
        &self,
        select: &str,
        first: K,
        key: impl Fn(&T) -> K,
    ) -> Result<Vec<T>, ImportError>
    where
        T: FromQueryResult,
        K: Into<Value> + Clone,
    {
        let mut rows = Vec::new();
        let mut after = first;
        loop {
            let values = vec![after.clone().into(), PAGE.into()];
            let page: Vec<T> = sql::all(&self.tx, select, values)
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

/// Finds the first table or column that the original has and this database lacks.
async fn find_missing(on: &impl ConnectionTrait) -> Result<Option<String>, Error> {
    // Names of columns are the same in any case; those of tables only if the server says so.
    let folds = folds_case(on).await?;
    let fold = |table: &str| {
        if folds {
            table.to_lowercase()
        } else {
            table.to_owned()
        }
    };
    let present: BTreeSet<String> = sql::list_columns(on)
        .await?
        .iter()
        .map(|place| fold(place))
        .collect();
    for (table, columns) in NEEDED {
        let prefix = format!("{}.", fold(table));
        if !present.iter().any(|place| place.starts_with(&prefix)) {
            return Ok(Some(format!("the table {table}")));
        }
        let absent = columns
            .iter()
            .find(|column| !present.contains(&format!("{prefix}{}", column.to_lowercase())));
        if let Some(column) = absent {
            return Ok(Some(format!("the column {table}.{column}")));
        }
    }
    Ok(None)
}

/// Whether this database has the original's tables.
pub(super) async fn is_original(on: &impl ConnectionTrait) -> Result<bool, Error> {
    // Checked at each sign-in: first one table's name, which costs the server little.
    let tables = sql::number(on, COUNT_USER_TABLES, vec![]).await?;
    Ok(tables.is_some_and(|count| count > 0) && find_missing(on).await?.is_none())
}

/// Whether `User` and `user` are the same table to the server.
async fn folds_case(on: &impl ConnectionTrait) -> Result<bool, Error> {
    let mode = sql::number(on, SELECT_LOWER_CASE, vec![]).await?;
    Ok(mode.is_some_and(|mode| mode != 0))
}
