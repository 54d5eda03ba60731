//! Reads and writes `import_rows`: the rows of the original's database that are done.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, EntityTrait, Set};

use super::report::Line;
use crate::Error;
use crate::entity::import_row;
pub(super) use crate::entity::import_row::Kind;
use crate::tx::Tx;

/// The result for one row of the original's database.
#[derive(Debug, Clone)]
pub(super) struct LedgerEntry {
    pub(super) kind: Kind,
    /// The primary key in the original's table.
    pub(super) source: String,
    /// The key of the row created for it; none if it was left out.
    pub(super) target: Option<i64>,
    pub(super) lines: Vec<Line>,
}

/// The results for all rows that are done.
#[derive(Debug, Default)]
pub(super) struct Ledger(HashMap<(Kind, String), LedgerEntry>);

impl Ledger {
    pub(super) async fn read(on: &impl ConnectionTrait) -> Result<Self, Error> {
        let mut entries = HashMap::new();
        for row in import_row::Entity::find().all(on).await? {
            let lines = serde_json::from_str(&row.notes).map_err(|_| {
                Error::Corrupt(format!("notes on import row {:?} {}", row.kind, row.source))
            })?;
            let entry = LedgerEntry {
                kind: row.kind,
                source: row.source.clone(),
                target: row.target,
                lines,
            };
            entries.insert((row.kind, row.source), entry);
        }
        Ok(Self(entries))
    }

    pub(super) fn get(&self, kind: Kind, source: &str) -> Option<&LedgerEntry> {
        self.0.get(&(kind, source.to_owned()))
    }
}

/// Records the results for these rows in the transaction that created their targets.
pub(super) async fn record(tx: &Tx, entries: &[LedgerEntry]) -> Result<(), Error> {
    if entries.is_empty() {
        return Ok(());
    }
    let row = |entry: &LedgerEntry| {
        let notes = serde_json::to_string(&entry.lines);
        Ok(import_row::ActiveModel {
            kind: Set(entry.kind),
            source: Set(entry.source.clone()),
            target: Set(entry.target),
            notes: Set(notes.map_err(|fault| Error::Fault(Box::new(fault)))?),
        })
    };
    let rows: Vec<_> = entries.iter().map(row).collect::<Result<_, Error>>()?;
    import_row::Entity::insert_many(rows)
        .exec_without_returning(tx.db())
        .await?;
    Ok(())
}
