//! A step that creates one table, in the dialects of MySQL and SQLite.

use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait};

/// A migration step that creates a table.
///
/// Placeholders in `columns` stand for types that the dialects spell differently: `{id}` is an
/// auto-increment primary key without reuse, `{hash}` 32 bytes, `{bytes}` a byte string, `{text}`
/// up to 16 MiB of text. Text columns have the collation utf8mb4_bin, so that every database
/// compares them by bytes.
#[derive(Clone, Copy)]
pub(crate) struct Table {
    /// The step's name in `seaql_migrations`; it never changes after a release.
    pub(crate) step: &'static str,
    pub(crate) table: &'static str,
    /// The columns and constraints, as between the brackets of CREATE TABLE.
    pub(crate) columns: &'static str,
    /// Name and columns of each index that is not a constraint.
    pub(crate) indexes: &'static [(&'static str, &'static str)],
}

impl Table {
    /// Returns one statement for MySQL, where each DDL statement commits, and several repeatable
    /// statements for SQLite, which has no indexes inside CREATE TABLE.
    fn statements(&self, backend: DbBackend) -> Vec<String> {
        let sqlite = backend == DbBackend::Sqlite;
        let word = |mysql: &'static str, lite: &'static str| if sqlite { lite } else { mysql };
        let columns = self
            .columns
            .replace(
                "{id}",
                word(
                    "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY",
                    "INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL",
                ),
            )
            .replace("{hash}", word("BINARY(32)", "BLOB"))
            .replace("{bytes}", word("BLOB", "BLOB"))
            .replace("{text}", word("MEDIUMTEXT", "TEXT"));
        let name = self.table;
        let columns = columns.trim().trim_end_matches(',');
        if sqlite {
            let table = format!("CREATE TABLE IF NOT EXISTS {name} ({columns})");
            let index = |(index, on): &(&str, &str)| {
                format!("CREATE INDEX IF NOT EXISTS {index} ON {name} ({on})")
            };
            return std::iter::once(table)
                .chain(self.indexes.iter().map(index))
                .collect();
        }
        let indexes: String = self
            .indexes
            .iter()
            .map(|(index, on)| format!(", INDEX {index} ({on})"))
            .collect();
        vec![format!(
            "CREATE TABLE IF NOT EXISTS {name} ({columns}{indexes}) \
             ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin"
        )]
    }
}

impl MigrationName for Table {
    fn name(&self) -> &str {
        self.step
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Table {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in self.statements(manager.get_database_backend()) {
            manager
                .get_connection()
                .execute_unprepared(&statement)
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .get_connection()
            .execute_unprepared(&format!("DROP TABLE IF EXISTS {}", self.table))
            .await
            .map(drop)
    }
}
