//! A step that adds columns to a table, written once for both kinds of database.

use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait};

/// Columns to add. Each is nullable or has a default, because the version before still writes rows
/// while this runs.
pub(crate) struct Columns {
    /// The step's name, kept in `seaql_migrations` for ever.
    pub(crate) step: &'static str,
    /// The table.
    pub(crate) table: &'static str,
    /// Names and what follows them.
    pub(crate) columns: &'static [(&'static str, &'static str)],
    /// Indexes on them: name and columns.
    pub(crate) indexes: &'static [(&'static str, &'static str)],
}

impl Columns {
    /// One statement on MySQL, where each DDL statement commits; one a column on SQLite, which
    /// knows no other.
    fn statements(&self, backend: DbBackend, missing: &[&(&str, &str)]) -> Vec<String> {
        let table = self.table;
        let add = |(name, what): &&(&str, &str)| format!("ADD COLUMN {name} {what}");
        if backend == DbBackend::Sqlite {
            let index = |(index, on): &(&str, &str)| {
                format!("CREATE INDEX IF NOT EXISTS {index} ON {table} ({on})")
            };
            let columns = missing
                .iter()
                .map(|column| format!("ALTER TABLE {table} {}", add(column)));
            return columns.chain(self.indexes.iter().map(index)).collect();
        }
        if missing.is_empty() {
            return Vec::new();
        }
        let indexes = self
            .indexes
            .iter()
            .map(|(index, on)| format!("ADD INDEX {index} ({on})"));
        let changes: Vec<String> = missing.iter().map(add).chain(indexes).collect();
        vec![format!("ALTER TABLE {table} {}", changes.join(", "))]
    }
}

impl MigrationName for Columns {
    fn name(&self) -> &str {
        self.step
    }
}

impl crate::Step for Columns {
    fn creates(&self) -> Option<&'static str> {
        None
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Columns {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut missing = Vec::new();
        for column in self.columns {
            if !manager.has_column(self.table, column.0).await? {
                missing.push(column);
            }
        }
        for statement in self.statements(manager.get_database_backend(), &missing) {
            manager
                .get_connection()
                .execute_unprepared(&statement)
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (column, _) in self.columns {
            let drop = format!("ALTER TABLE {} DROP COLUMN {column}", self.table);
            manager.get_connection().execute_unprepared(&drop).await?;
        }
        Ok(())
    }
}
