//! The rows of two users, which are put back after each change.

use std::collections::BTreeMap;

use actix_web::http::Method;
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Row as _, SqliteConnection};

use super::model::{Cell, FOREIGN, Holds, OWNER, cells};
use super::requests::{Api, Plain};
use super::{Sender, stored_rights};

/// Tables whose rows requests change.
const TABLES: [&str; 6] = [
    "names",
    "dns_records",
    "client_challenges",
    "record_history",
    "audit_trail",
    "certificate_orders",
];

/// Lines of the database, each with the name that it is about.
const DUMP: &str = "
    SELECT fqdn, 'record ' || type || ' ' || presentation || ' ' || ttl || ' ' || updated_at
        FROM dns_records
    UNION ALL SELECT fqdn, 'answer ' || value FROM client_challenges
    UNION ALL SELECT fqdn, 'generation ' || generation FROM names
    UNION ALL SELECT fqdn, 'history ' || id || ' ' || action FROM record_history
    UNION ALL SELECT '', 'trail ' || id FROM audit_trail
    UNION ALL SELECT '', 'order ' || id || ' ' || step FROM certificate_orders
    UNION ALL SELECT '', 'token ' || id || COALESCE(ended_at, ' live') FROM tokens
    UNION ALL SELECT '', 'user ' || subject || COALESCE(label, '') FROM users
    ORDER BY 1, 2";

/// The database beside the application.
pub(super) struct World {
    database: SqliteConnection,
    /// The columns of each table that are not computed.
    columns: BTreeMap<&'static str, String>,
    /// The numbers of the records that are there at first, by the numbers of their cells.
    pub(super) ids: BTreeMap<usize, i64>,
    /// The cell whose row is missing now.
    absent: Option<Cell>,
    /// Whether the rows are those that were put there.
    is_clean: bool,
}

/// The lines of the database by name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dump(Vec<(String, String)>);

impl Dump {
    /// Returns the lines about these names, or those about all others.
    fn part(&self, names: &[String], is_about: bool) -> Vec<&(String, String)> {
        let lines = self.0.iter();
        lines
            .filter(|(name, _)| names.contains(name) == is_about)
            .collect()
    }

    /// Returns whether the lines about these names are others than before.
    pub(super) fn differs_at(&self, before: &Self, names: &[String]) -> bool {
        self.part(names, true) != before.part(names, true)
    }

    /// Returns whether the lines about all other names are those of before.
    pub(super) fn is_same_elsewhere(&self, before: &Self, names: &[String]) -> bool {
        self.part(names, false) == before.part(names, false)
    }
}

impl World {
    /// Creates what is there at first, by the requests of a user who may do everything, and keeps
    /// it.
    pub(super) async fn new(sender: &impl Sender, url: &str) -> Self {
        let options: SqliteConnectOptions = url.parse().unwrap();
        let options = options
            .foreign_keys(false)
            .synchronous(SqliteSynchronous::Off);
        let mut world = Self {
            database: options.connect().await.unwrap(),
            columns: BTreeMap::new(),
            ids: BTreeMap::new(),
            absent: None,
            is_clean: true,
        };
        let everything = serde_json::json!({ "records": [
            { "access": "write", "names": "all", "types": [] },
        ] });
        for user in [OWNER, FOREIGN] {
            let secret = sender.token(user, stored_rights(&everything)).await;
            for cell in cells().into_iter().filter(|cell| cell.user == user) {
                world.seed(sender, &secret, cell).await;
            }
        }
        for table in TABLES {
            world.keep(table).await;
        }
        world
    }

    async fn seed(&mut self, sender: &impl Sender, secret: &str, cell: Cell) {
        let request = match cell.holds {
            Holds::Record => Plain {
                api: Api::Rest,
                method: Method::POST,
                path: "/api/v1/records/".to_owned(),
                body: serde_json::json!({
                    "subname": cell.name,
                    "type": cell.rtype,
                    "value": cell.seed(),
                })
                .to_string(),
            },
            Holds::Answer => Plain {
                api: Api::Httpreq,
                method: Method::POST,
                path: "/httpreq/present".to_owned(),
                body: serde_json::json!({ "fqdn": cell.fqdn(), "value": cell.seed() }).to_string(),
            },
            Holds::Nothing | Holds::Impossible => return,
        };
        let reply = sender.send(request, secret).await;
        assert!(reply.status.is_success(), "{cell:?}: {}", reply.body);
        if cell.holds == Holds::Record {
            let record: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
            self.ids.insert(cell.number, record["id"].as_i64().unwrap());
        }
    }

    /// Copies a table, without its computed columns.
    async fn keep(&mut self, table: &'static str) {
        let sql = format!("SELECT group_concat(name) FROM pragma_table_info('{table}')");
        let columns: String = self.value(&sql).await;
        self.run(&format!(
            "CREATE TEMP TABLE kept_{table} AS SELECT {columns} FROM {table}"
        ))
        .await;
        self.columns.insert(table, columns);
    }

    async fn value(&mut self, sql: &str) -> String {
        let row = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned()));
        let row = row.fetch_one(&mut self.database).await.unwrap();
        row.get(0)
    }

    async fn run(&mut self, sql: &str) {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql)
            .execute(&mut self.database)
            .await
            .unwrap();
    }

    /// Puts the rows back, all but what is at this cell. Returns whether that was needed.
    pub(super) async fn restore(&mut self, absent: Option<Cell>) -> bool {
        if self.is_clean && self.absent == absent {
            return false;
        }
        let mut sql = "BEGIN IMMEDIATE;".to_owned();
        for (table, columns) in &self.columns {
            sql.push_str(&format!(
                "DELETE FROM {table}; \
                 INSERT INTO {table} ({columns}) SELECT {columns} FROM kept_{table};"
            ));
        }
        if let Some(cell) = absent {
            let (fqdn, rtype) = (cell.fqdn(), cell.rtype);
            for table in ["dns_records", "record_history"] {
                sql.push_str(&format!(
                    "DELETE FROM {table} WHERE fqdn = '{fqdn}' AND type = '{rtype}';"
                ));
            }
            if cell.host().is_some() {
                sql.push_str(&format!(
                    "DELETE FROM client_challenges WHERE fqdn = '{fqdn}';"
                ));
            }
        }
        sql.push_str("COMMIT;");
        self.run(&sql).await;
        self.absent = absent;
        self.is_clean = true;
        true
    }

    /// Notes that a request has changed rows.
    pub(super) fn is_changed(&mut self) {
        self.is_clean = false;
    }

    pub(super) async fn dump(&mut self) -> Dump {
        let rows = sqlx::query(DUMP)
            .fetch_all(&mut self.database)
            .await
            .unwrap();
        let line = |row: &sqlx::sqlite::SqliteRow| (row.get(0), row.get(1));
        Dump(rows.iter().map(line).collect())
    }
}
