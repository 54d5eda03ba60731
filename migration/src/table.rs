//! A step that creates one table, written once for both kinds of database.

use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait};

/// A table to create.
///
/// In `columns` these words stand for what the databases write differently: `{id}` a key that
/// counts up and is never given twice, `{hash}` 32 bytes, `{bytes}` any bytes, `{text}` up to 16
/// MiB of text. Every text column is utf8mb4_bin: compared by bytes on all of them.
pub(crate) struct Table {
    /// The step's name, kept in `seaql_migrations` for ever.
    pub(crate) step: &'static str,
    /// The table's name.
    pub(crate) table: &'static str,
    /// Columns and constraints.
    pub(crate) columns: &'static str,
    /// Indexes that are no constraints: name and columns.
    pub(crate) indexes: &'static [(&'static str, &'static str)],
}

impl Table {
    /// One statement on MySQL, where each DDL statement commits; several on SQLite, each of which
    /// may be repeated.
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
        let (name, columns) = (self.table, columns.trim().trim_end_matches(','));
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
            "CREATE TABLE IF NOT EXISTS {name} ({columns}{indexes}) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin"
        )]
    }
}

impl MigrationName for Table {
    fn name(&self) -> &str {
        self.step
    }
}

impl crate::Step for Table {
    fn creates(&self) -> Option<&'static str> {
        Some(self.table)
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
